"""Reads a labelled folder and counts: found, right, colour right, coverage, milliseconds.

No Django here; the command `evaluate_plates` is the door.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from core.pictures import HostileImage
from parking.vision.images import decode
from parking.vision.serve import overlap, reader
from parking.vision.training import hardships
from parking.vision.training.photographs import LabelledPhotograph, corners_of, load
from parking.vision.training.plates import KINDS, Fonts
from parking.vision.training.reader_data import generated as draw
from parking.vision.types import Reading

LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class PictureOutcome:
    """What came of one picture; one row of the details file."""

    file: str
    kind: str
    plate: str  # as labelled, several joined by |
    read: str  # the best candidate, empty where there is none
    probability: float
    weakest: float
    expected_colour: str
    colour: str
    colour_confidence: float
    found: bool
    right: bool
    colour_right: bool
    answered: bool
    why: str
    ms: float
    cpu_ms: float  # what the process worked; on an idle machine the same as ms


def evaluate(
    folder: Path,
    *,
    chosen: Callable[[LabelledPhotograph], bool] = lambda photograph: True,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[PictureOutcome]:
    """Every chosen row of `folder`/labels.csv, read once; one thread."""
    rows = [row for row in load(folder) if chosen(row)]
    outcomes = []
    for number, row in enumerate(rows, 1):
        outcomes.append(judge(row, folder))
        progress(number, len(rows))
    return outcomes


def judge(row: LabelledPhotograph, folder: Path) -> PictureOutcome:
    """One photograph: decoded outside of the clock, read within it."""
    try:
        picture, reduced = decode((folder / row.file).read_bytes())
    except (HostileImage, OSError) as error:
        return _refused(row, getattr(error, "code", "unreadable"))
    return judge_pixels(row, picture, reduced)


def judge_pixels(
    row: LabelledPhotograph, picture: np.ndarray, reduced: float = 1.0
) -> PictureOutcome:
    """One decoded picture held against what `row` says of it."""
    network = reader()
    began, worked = time.perf_counter(), time.process_time()
    reading = network.read_pixels(picture, reduced=reduced)
    ms = (time.perf_counter() - began) * 1000
    cpu_ms = (time.process_time() - worked) * 1000
    best = reading.best
    text = best.text if best else ""
    place = _place(row, reading, text)
    expected = row.colours[place if place < len(row.colours) else 0]
    return PictureOutcome(
        file=row.file,
        kind=row.kind,
        plate="|".join(row.plates),
        read=text,
        probability=round(best.probability, 5) if best else 0.0,
        weakest=round(min(best.characters), 5) if best else 0.0,
        expected_colour=expected,
        colour=reading.colour or "",
        colour_confidence=reading.colour_confidence,
        found=_found(row, reading),
        right=text in row.plates,
        colour_right=plain(reading.colour) == plain(expected),
        answered=reading.confident,
        why=reading.why,
        ms=round(ms, 3),
        cpu_ms=round(cpu_ms, 3),
    )


def _refused(row: LabelledPhotograph, code: str) -> PictureOutcome:
    facts: dict[str, Any] = {f.name: "" for f in fields(PictureOutcome)}
    zeros = dict.fromkeys(("probability", "weakest", "colour_confidence", "ms", "cpu_ms"), 0.0)
    falses = dict.fromkeys(("found", "right", "colour_right", "answered"), False)
    named = {"file": row.file, "kind": row.kind, "plate": "|".join(row.plates), "why": code}
    return PictureOutcome(**{**facts, **zeros, **falses, **named})


def plain(colour: str | None) -> str:
    """The labels know one green; small and large new energy count alike."""
    return "green" if colour == "yellow_green" else colour or ""


def _place(row: LabelledPhotograph, reading: Reading, text: str) -> int:
    """Which of the labelled plates the reading is about."""
    if text in row.plates:
        return row.plates.index(text)
    if reading.corners:
        quad = np.array(reading.corners, np.float32)
        scores = [overlap(quad, box) if box is not None else -1.0 for box in map(_box, row.boxes)]
        if scores and max(scores) > 0:
            return int(np.argmax(scores))
    return 0


def _box(box: tuple[float, ...] | None) -> np.ndarray | None:
    return None if box is None else corners_of(box)


def _found(row: LabelledPhotograph, reading: Reading) -> bool:
    """A plate was found; in a scene with boxes, one that covers a labelled one (IoU >= 0.5)."""
    if not reading.corners:
        return False
    boxes = [box for box in map(_box, row.boxes) if box is not None]
    if row.kind == "crop" or not boxes:
        return True
    quad = np.array(reading.corners, np.float32)
    return any(overlap(quad, box) >= LEAST_OVERLAP for box in boxes)


def summary(outcomes: Iterable[PictureOutcome]) -> dict[str, dict[str, float]]:
    """The figures that `evaluate_plates --json` prints; shares are of n."""
    listed = list(outcomes)
    return {
        "crops": _figures([o for o in listed if o.kind == "crop"]),
        "scenes": _figures([o for o in listed if o.kind == "scene"]),
    }


def _figures(outcomes: list[PictureOutcome]) -> dict[str, float]:
    n = len(outcomes)
    answered = [o for o in outcomes if o.answered]

    def share(count: int, of: int) -> float:
        return round(count / of, 5) if of else 0.0

    return {
        "n": n,
        "found": share(sum(o.found for o in outcomes), n),
        "right": share(sum(o.right for o in outcomes), n),
        "colour_right": share(sum(o.colour_right for o in outcomes), n),
        "coverage": share(len(answered), n),
        "right_when_answered": share(sum(o.right for o in answered), len(answered)),
        "ms": round(float(np.median([o.ms for o in outcomes])), 2) if outcomes else 0.0,
    }


def as_row(outcome: PictureOutcome) -> dict[str, Any]:
    return asdict(outcome)


def harder(folder: Path) -> dict[str, dict[str, float]]:
    """The figures of unseen photographs made worse, for each way of making them so."""
    outcomes: dict[str, list[PictureOutcome]] = defaultdict(list)
    for name, row, picture in hardships.all_of(folder):
        outcomes[name].append(judge_pixels(row, picture))
    return {name: _figures(listed) for name, listed in outcomes.items()}


def generated(each: int, *, seed: int = 2027) -> dict[str, tuple[int, int]]:
    """For each kind of plate: right and read, on generated crops in fonts never trained on.

    Needs the Debian fonts that training.plates names.
    """
    fonts, network, counts = Fonts.other(), reader(), {}
    for kind, _ in KINDS:
        rng = Random(f"{seed} {kind}")
        right = 0
        for _ in range(each):
            picture, spec = draw(rng, fonts, None, None, kind, readable=True)
            best = network.read_pixels(picture).best
            right += best is not None and best.text == spec.text
        counts[kind] = (right, each)
    return counts
