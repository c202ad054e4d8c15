"""How often a camera's sure readings are right, and whether it goes on billing by itself. Pure.

Two figures, each an upper end of what the share of right readings can be: what persons found in a
sample drawn by chance, and how many of all its readings are known to be wrong. The second counts
what nobody looked at as right, so complaints, which are nearly all about wrong ones, do not make a
busy camera look worse than it is.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

BAR: Final = 0.95
"""A camera whose share of right readings is surely below this bills nobody by itself."""

LEAST_WRONG: Final = 3
"""Fewer wrong readings stop no camera, however few it has made."""

Z: Final = 1.645
"""One-sided: a camera at its bar is stopped, or let go on, by chance in one case of twenty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known of a camera's sure readings: how many it made, how many are known to be wrong;
    how many of them persons looked at by chance, and how many of those were right."""

    made: int
    wrong: int
    sampled: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The share of right readings: what was found, and the least and most that it may be.

    `share` is None while nothing was looked at.
    """

    share: float | None
    low: float
    high: float


def accuracy(known: Judged) -> Accuracy:
    """The share of right readings by Wilson's bounds (E. B. Wilson, 1927; DOI 10.2307/2276774)."""
    made = max(known.made, known.wrong, known.sampled)
    _low, at_most = bounds(made - known.wrong, made)
    low, high = bounds(known.right, known.sampled)
    share = known.right / known.sampled if known.sampled else None
    return Accuracy(share=share, low=min(low, at_most), high=min(high, at_most))


def bounds(right: int, of: int) -> tuple[float, float]:
    """The least and the most that the share may be of which `right` of `of` were seen."""
    if not of:
        return 0.0, 1.0
    share, z2 = right / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def falls(known: Judged, *, bar: float) -> bool:
    """Whether a camera that bills is surely below its bar."""
    return known.wrong >= LEAST_WRONG and accuracy(known).high < bar


def recovers(known: Judged, *, bar: float) -> bool:
    """Whether one that was stopped is surely not below it, by what persons found since."""
    return accuracy(known).low >= bar
