"""When a payment comes: a discrete-time survival model (P0.4).

Time after leaving is cut at EDGES_H. In each piece the model says how likely a payment is if none
came before (the hazard); the pieces together give the whole distribution.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EDGES_H: tuple[float, ...] = (0, 0.25, 0.5, 1, 2, 4, 8, 12, 18, 24, 36, 48, 60, 72, 96, 168, 336)
PIECES = len(EDGES_H) - 1


@dataclass(frozen=True, slots=True)
class PaymentTime:
    """The distribution for one stay: `paid_by[i]` is the chance of payment by EDGES_H[i]."""

    paid_by: tuple[float, ...]

    def chance_by(self, hours: float) -> float:
        """The chance that payment has come `hours` after leaving."""
        return float(np.interp(hours, EDGES_H, self.paid_by))

    def hours_until(self, q: float, *, within_h: float) -> float:
        """The time by which payment has come with probability q, if it comes within `within_h`.

        Someone who will never pay has no payment time; the question that P0.4 asks is how long to
        wait for one who will. The answer lies between 0 and `within_h`.
        """
        reach = self.chance_by(within_h)
        if reach <= 0:
            return within_h
        return min(within_h, float(np.interp(q * reach, self.paid_by, EDGES_H)))


def from_hazards(hazards: npt.NDArray[np.float64]) -> PaymentTime:
    """Chances by each edge from the hazards of the pieces."""
    alive = np.concatenate([[1.0], np.cumprod(1.0 - np.clip(hazards, 0.0, 1.0))])
    return PaymentTime(tuple(float(1.0 - chance) for chance in alive))


def person_periods(
    features: npt.NDArray[np.float32], delay_h: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Training rows: each stay once for every piece it lived to see, and whether it ended there.

    `delay_h` is NaN for a stay that was never paid. The last column is the piece's number.
    """
    ends = np.digitize(np.nan_to_num(delay_h, nan=np.inf), EDGES_H[1:], right=True)  # PIECES: never
    lived = np.minimum(ends + 1, PIECES)
    rows = np.repeat(np.arange(len(features)), lived)
    piece = np.concatenate([np.arange(n) for n in lived]) if len(lived) else np.array([], dtype=int)
    happened = (piece == ends[rows]).astype(np.float32)
    return np.column_stack([features[rows], piece]).astype(np.float32), happened


def periods_of(features: list[float]) -> npt.NDArray[np.float32]:
    """The rows that ask for one stay's hazards."""
    return np.column_stack(
        [np.tile(np.array(features, dtype=np.float32), (PIECES, 1)), np.arange(PIECES)]
    ).astype(np.float32)
