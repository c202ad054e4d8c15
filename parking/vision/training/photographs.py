"""The labelled photographs: rows of labels.csv, licences, and the fixed validation part."""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

FREE = ("MIT", "Apache-2.0")
SPLIT = Path(__file__).with_name("validation_split.txt")


@dataclass(frozen=True, slots=True)
class LabelledPhotograph:
    """One row of labels.csv; `plates`, `colours`, `boxes` and `corners` are aligned."""

    file: str
    kind: str
    plates: tuple[str, ...]
    colours: tuple[str, ...]
    boxes: tuple[tuple[float, ...] | None, ...]
    corners: tuple[np.ndarray | None, ...]
    licence: str
    train: bool


def load(folder: Path) -> list[LabelledPhotograph]:
    """All rows of `folder`/labels.csv; columns that a folder lacks count as empty."""
    with (folder / "labels.csv").open(encoding="utf-8-sig", newline="") as lines:
        return [_row(row) for row in csv.DictReader(lines)]


def _row(row: dict[str, str]) -> LabelledPhotograph:
    plates = tuple(row["plate"].split("|"))

    def numbers(name: str, count: int) -> list[tuple[float, ...] | None]:
        cells = [cell.split() for cell in (row.get(name) or "").split("|")]
        values = [tuple(map(float, c)) if len(c) == count else None for c in cells]
        return (values + [None] * len(plates))[: len(plates)]

    corners = [
        None if c is None else np.array(c, np.float32).reshape(4, 2) for c in numbers("corners", 8)
    ]
    return LabelledPhotograph(
        file=row["file"],
        kind=row["kind"],
        plates=plates,
        colours=tuple((row.get("colour") or "").split("|")),
        boxes=tuple(numbers("box", 4)),
        corners=tuple(corners),
        licence=row.get("licence") or "none stated",
        train=(row.get("train") or "no") == "yes",
    )


def picture(folder: Path, row: LabelledPhotograph) -> np.ndarray:
    """The photograph's pixels, BGR. Raises FileNotFoundError."""
    seen = cv2.imread(str(folder / row.file))
    if seen is None:
        raise FileNotFoundError(f"{folder / row.file} can't be read")
    return np.asarray(seen)


def corners_of(box: tuple[float, ...]) -> np.ndarray:
    """An upright box (x0, y0, x1, y1) as four corners, tl tr br bl."""
    x0, y0, x1, y1 = box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def width_to_height(quad: np.ndarray) -> float:
    """How wide a quadrilateral is to its height, by its upper and left edges."""
    across = float(np.hypot(*(quad[1] - quad[0])))
    return across / max(1.0, float(np.hypot(*(quad[3] - quad[0]))))


def digest(plate: str) -> str:
    """What the split file knows a plate by: no plate is written into the repository."""
    return hashlib.sha256(f"bowei validation {plate}".encode()).hexdigest()[:16]


@cache
def _validation_digests() -> frozenset[str]:
    lines = SPLIT.read_text().splitlines() if SPLIT.exists() else []
    return frozenset(line for line in lines if line and not line.startswith("#"))


def held_out(photograph: LabelledPhotograph) -> bool:
    """Whether the photograph belongs to the validation part (by any of its plates)."""
    return any(digest(plate) in _validation_digests() for plate in photograph.plates)


def training_part(folder: Path, *, free_only: bool = True) -> list[LabelledPhotograph]:
    """What may be trained on: `train=yes`, not held out, licence MIT or Apache-2.0 by default."""
    rows = [p for p in load(folder) if p.train and not held_out(p)]
    return [p for p in rows if p.licence in FREE or not free_only]


def unseen_part(folder: Path, *, free_only: bool = True) -> list[LabelledPhotograph]:
    """Training rows that training did not see: held out, or left aside for their licence."""
    aside = [p for p in load(folder) if p.train and p.licence not in FREE] if free_only else []
    return [*validation_part(folder), *(p for p in aside if not held_out(p))]


def validation_part(folder: Path) -> list[LabelledPhotograph]:
    return [p for p in load(folder) if p.train and held_out(p)]
