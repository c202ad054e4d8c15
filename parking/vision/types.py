"""What the plate reader says, as plain values (no torch, no Django)."""

from dataclasses import dataclass

Point = tuple[float, float]
Region = tuple[Point, ...]
"""Polygon of a berth in relative picture coordinates, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One text that the plate may carry; it is always a plate by the grammar."""

    text: str
    probability: float  # calibrated, of the whole text
    characters: tuple[float, ...]  # one for each character of the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the reader has to say of one picture.

    `confident` is the abstention: False means that a person must look, whatever the candidates
    say. `why` is a stable code: confident, no_plate, weak_character, weak_plate, colour_unknown,
    length_colour_mismatch.
    """

    candidates: tuple[Candidate, ...]  # best first, at most five
    colour: str | None  # blue, green, yellow, white, black, yellow_green
    colour_confidence: float
    corners: tuple[Point, ...] | None  # pixels: top left, top right, bottom right, bottom left
    sharpness: float  # variance of the Laplacian of the rectified plate; below ~50 is blurred
    confident: bool
    why: str
    model: str  # name and the start of the weights' SHA-256

    @property
    def best(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A photograph as strangers may see it, and whether the plate that may stay was found."""

    jpeg: bytes
    kept: bool
