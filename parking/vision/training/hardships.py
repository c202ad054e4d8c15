"""Unseen photographs made worse in known ways: easy ones tell little of two good networks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import cv2
import numpy as np

from parking.vision.training import photographs, reader_data, wear
from parking.vision.training.photographs import LabelledPhotograph

Seen = tuple[np.ndarray, np.ndarray]
"""A picture (BGR uint8) and the matrix (3, 3) from the photograph's pixels to its own."""


def all_of(folder: Path) -> Iterator[tuple[str, LabelledPhotograph, np.ndarray]]:
    """What was done, the row with its boxes moved along, and the picture; always the same."""
    for number, row in enumerate(photographs.unseen_part(folder)):
        picture, rng = photographs.picture(folder, row), Random(number)
        if row.kind == "crop":
            for _ in range(2):
                yield "worn crop", row, reader_data.worn_real(picture, rng)
            continue
        for name, change in SCENES.items():
            seen, matrix = change(picture, row, rng)
            yield name, moved(row, matrix), seen


def moved(row: LabelledPhotograph, matrix: np.ndarray) -> LabelledPhotograph:
    """The row with its boxes where `matrix` takes them."""
    return replace(row, boxes=tuple(box and _moved(matrix, box) for box in row.boxes))


def _moved(matrix: np.ndarray, box: tuple[float, ...]) -> tuple[float, ...]:
    quad = cv2.perspectiveTransform(photographs.corners_of(box)[None], matrix)[0]
    return (*quad.min(0).tolist(), *quad.max(0).tolist())


def _dark(picture: np.ndarray, row: LabelledPhotograph, rng: Random) -> Seen:
    night = picture.astype(np.float32) * rng.uniform(0.15, 0.35)
    return wear.lens(night, rng, 0.3), np.eye(3)


def _moving(picture: np.ndarray, row: LabelledPhotograph, rng: Random) -> Seen:
    blurred = np.clip(wear.motion(picture.astype(np.float32), rng, 5), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", blurred, [cv2.IMWRITE_JPEG_QUALITY, 25])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)), np.eye(3)


def _warped(picture: np.ndarray, matrix: np.ndarray) -> Seen:
    h, w = picture.shape[:2]
    seen = cv2.warpPerspective(picture, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return seen, matrix


def _turned(picture: np.ndarray, row: LabelledPhotograph, rng: Random) -> Seen:
    h, w = picture.shape[:2]
    degrees = rng.choice((-1, 1)) * rng.uniform(8, 18)
    rotation = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    return _warped(picture, np.vstack([rotation, (0, 0, 1)]))


def _aside(picture: np.ndarray, row: LabelledPhotograph, rng: Random) -> Seen:
    """Narrower by a quarter, one side nearer than the other."""
    h, w = picture.shape[:2]
    low = h * rng.uniform(0.07, 0.15)
    target = np.array([(0, 0), (0.72 * w, low), (0.72 * w, h - low), (0, h)], np.float32)
    if rng.random() < 0.5:
        target = np.array([(w - x, y) for x, y in target[[1, 0, 3, 2]]], np.float32)
    source = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    return _warped(picture, cv2.getPerspectiveTransform(source, target))


def _small(picture: np.ndarray, row: LabelledPhotograph, rng: Random) -> Seen:
    """At 0.35 to 0.5 of its size, somewhere in its own blurred likeness."""
    h, w = picture.shape[:2]
    scale = rng.uniform(0.35, 0.5)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = rng.randint(0, w - small.shape[1]), rng.randint(0, h - small.shape[0])
    seen = cv2.GaussianBlur(picture, (0, 0), 9)
    seen[y : y + small.shape[0], x : x + small.shape[1]] = small
    return seen, np.array([(scale, 0, x), (0, scale, y), (0, 0, 1)])


def _close(picture: np.ndarray, row: LabelledPhotograph, rng: Random) -> Seen:
    """Only the first plate and what is around it."""
    box = next((box for box in row.boxes if box is not None), None)
    if box is None:
        return picture, np.eye(3)
    x0, y0, x1, y1 = box
    room = (x1 - x0) * rng.uniform(0.15, 0.5)
    left, top = max(0, int(x0 - room)), max(0, int(y0 - room))
    seen = picture[top : int(y1 + room), left : int(x1 + room)]
    return np.ascontiguousarray(seen), np.array([(1, 0, -left), (0, 1, -top), (0, 0, 1.0)])


SCENES: dict[str, Callable[[np.ndarray, LabelledPhotograph, Random], Seen]] = {
    "dark": _dark,
    "turned": _turned,
    "from the side": _aside,
    "small": _small,
    "close": _close,
    "moving": _moving,
}
