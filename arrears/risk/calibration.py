"""Scores made probabilities: isotonic regression by pooling adjacent violators."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising step line through knots; between two knots it is straight."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]

    def __call__(self, score: npt.ArrayLike) -> Floats:
        return np.interp(np.asarray(score, dtype=np.float64), self.scores, self.chances)


def isotonic(
    scores: Floats, happened: npt.NDArray[np.bool_], *, most_knots: int = 40
) -> Calibration:
    """The rising line that fits best; blocks hold enough cases that no chance is 0 or 1."""
    order = np.argsort(scores, kind="stable")
    x = scores[order].astype(np.float64)
    y = happened[order].astype(np.float64)
    blocks: list[list[float]] = []  # score sum, happened sum, count
    for chunk in np.array_split(np.arange(len(x)), min(400, len(x))):
        blocks.append([float(x[chunk].sum()), float(y[chunk].sum()), float(len(chunk))])
        while len(blocks) > 1 and _chance(blocks[-2]) >= _chance(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    while len(blocks) > most_knots:  # join the two neighbours that differ least
        gaps = [_chance(b) - _chance(a) for a, b in itertools.pairwise(blocks)]
        at = int(np.argmin(gaps))
        last = blocks.pop(at + 1)
        blocks[at] = [a + b for a, b in zip(blocks[at], last, strict=True)]
    return Calibration(
        scores=tuple(round(block[0] / block[2], 6) for block in blocks),
        chances=tuple(round(_chance(block), 6) for block in blocks),
    )


def _chance(block: list[float]) -> float:
    """Laplace's estimate: a block of four cases proves no certainty."""
    return (block[1] + 0.5) / (block[2] + 1.0)
