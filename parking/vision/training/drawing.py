"""Drawn street scenes with one plate, for tests and the demo: no photograph, no font file needed.

Deterministic: the same text, colour, seed and size give the same picture with the same libraries.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import cv2
import numpy as np

from parking.vision.grammar import SHAPES, fits, shape_of
from parking.vision.training.plates import Spec, draw_flat

_GLYPHS = Path(__file__).parents[1] / "glyphs.npz"


@cache
def glyphs() -> dict[str, list[np.ndarray]]:
    """The shipped characters as masks, 45 x 90 each."""
    with np.load(_GLYPHS) as packed:
        return {chr(int(key)): [packed[key]] for key in packed.files}


def draw_scene(
    plate_text: str, colour: str, *, seed: int, size: tuple[int, int] = (960, 640)
) -> bytes:
    """A JPEG of a drawn street with a car that carries this plate.

    `colour` is one of grammar.COLOURS. Raises ValueError for a text that is no plate.
    """
    picture, _ = paint_scene(spec_for(plate_text, colour), seed=seed, size=size)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def spec_for(text: str, colour: str) -> Spec:
    shape = next((s for s in SHAPES if fits(text, s) and colour in s.colours), shape_of(text))
    if shape is None:
        raise ValueError(f"{text!r} is no plate")
    return Spec(text, shape.kind, colour, shape.kind == "trailer")


def paint_scene(
    spec: Spec,
    *,
    seed: int,
    size: tuple[int, int] = (960, 640),
    bank: dict[str, list[np.ndarray]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The scene as BGR uint8, and the plate's corners (tl, tr, br, bl) in pixels."""
    rng = Random(f"{seed}-{spec.text}-{spec.colour}")
    width, height = size
    picture = street(rng, width, height)
    plate = draw_flat(spec, rng, None, bank or glyphs(), scale=1.0)
    span = width * rng.uniform(0.13, 0.22)
    centre = (width * rng.uniform(0.38, 0.62), height * rng.uniform(0.6, 0.74))
    car(picture, rng, centre, span)
    corners = place(rng, centre, span, plate.shape[0] / plate.shape[1])
    stick(picture, plate, corners)
    noise = np.random.default_rng(rng.getrandbits(32))
    grain = noise.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(1, 4)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.7)) * rng.uniform(0.75, 1.1)
    return np.clip(picture + grain, 0, 255).astype(np.uint8), corners


def stick(picture: np.ndarray, plate: np.ndarray, corners: np.ndarray) -> None:
    """Warp the flat plate onto the picture (float32, in place), smoothly at its edges."""
    h, w = plate.shape[:2]
    span = float(np.linalg.norm(corners[1] - corners[0]))
    if w > 1.5 * span:
        scale = 1.2 * span / w
        plate = cv2.resize(
            plate,
            (max(8, round(w * scale)), max(4, round(h * scale))),
            interpolation=cv2.INTER_AREA,
        )
        h, w = plate.shape[:2]
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - 2, 0)
    x1, y1 = np.ceil(corners.max(0)).astype(int) + 2
    x1, y1 = min(x1, picture.shape[1]), min(y1, picture.shape[0])
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    source = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, (corners - (x0, y0)).astype(np.float32))
    shape = (int(x1 - x0), int(y1 - y0))
    seen = cv2.warpPerspective(plate, matrix, shape, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, shape)[..., None]
    area = picture[y0:y1, x0:x1]
    area *= 1 - cover
    area += seen * cover


def place(rng: Random, centre: tuple[float, float], span: float, ratio: float) -> np.ndarray:
    quad = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)
    quad *= np.array((span, span * ratio), np.float32)
    slope, skew = rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)
    lean = quad.copy()
    lean[:, 1] += quad[:, 0] * slope
    lean[:, 0] += quad[:, 1] * skew
    return lean + np.array(centre, np.float32)


def street(rng: Random, width: int, height: int) -> np.ndarray:
    horizon = int(height * rng.uniform(0.3, 0.42))
    picture = np.zeros((height, width, 3), np.float32)
    sky = np.array((rng.randint(190, 240), rng.randint(170, 220), rng.randint(150, 210)))
    t = np.linspace(0, 1, horizon)[:, None, None]
    picture[:horizon] = sky * (1 - 0.25 * (1 - t))
    x = 0
    while x < width:  # houses
        w, top = rng.randint(50, 160), rng.randint(0, horizon)
        tone = [rng.randint(90, 210) for _ in range(3)]
        cv2.rectangle(picture, (x, top), (x + w, horizon), tone, -1)
        for wx in range(x + 8, x + w - 12, 22):
            for wy in range(top + 8, horizon - 14, 26):
                cv2.rectangle(picture, (wx, wy), (wx + 10, wy + 14), [t * 0.6 for t in tone], -1)
        x += w
    grey = rng.randint(70, 120)
    picture[horizon:] = np.linspace(grey, grey * 0.75, height - horizon)[:, None, None]
    for i in range(-1, 4):  # berth lines
        x_far, x_near = width * (0.2 + 0.2 * i), width * (-0.4 + 0.55 * i)
        ends = (int(x_far), horizon), (int(x_near), height)
        cv2.line(picture, *ends, (225, 225, 225), 4, cv2.LINE_AA)
    return picture


def car(picture: np.ndarray, rng: Random, centre: tuple[float, float], span: float) -> None:
    cx, cy = centre
    paint = [rng.randint(10, 235) for _ in range(3)]
    dark = [p * 0.35 for p in paint]
    half = span * rng.uniform(1.9, 2.3)

    def box(x0: float, y0: float, x1: float, y1: float, tone: Sequence[float]) -> None:
        points = (
            (round(cx + x0 * half), round(cy + y0 * half)),
            (round(cx + x1 * half), round(cy + y1 * half)),
        )
        cv2.rectangle(picture, *points, tone, -1)

    def shape(points: Sequence[tuple[float, float]], tone: Sequence[float]) -> None:
        place = [(round(cx + x * half), round(cy + y * half)) for x, y in points]
        cv2.fillPoly(picture, [np.array(place, np.int32)], tone, cv2.LINE_AA)

    shape([(-1.05, 0.48), (1.05, 0.48), (1.15, 0.6), (-1.15, 0.6)], (25, 25, 25))
    box(-0.95, 0.2, -0.65, 0.58, (15, 15, 15))
    box(0.65, 0.2, 0.95, 0.58, (15, 15, 15))
    shape([(-1, -0.45), (1, -0.45), (1, 0.42), (-1, 0.42)], paint)
    shape([(-0.9, -0.45), (0.9, -0.45), (0.62, -1.1), (-0.62, -1.1)], [p * 0.9 for p in paint])
    shape([(-0.78, -0.5), (0.78, -0.5), (0.54, -1.02), (-0.54, -1.02)], (90, 75, 60))
    box(-0.5, -0.3, 0.5, -0.16, dark)
    for side in (-1, 1):
        lamp = (round(cx + side * 0.78 * half), round(cy - 0.2 * half))
        cv2.ellipse(
            picture, lamp, (round(0.18 * half), round(0.09 * half)), 0, 0, 360, (235, 235, 235), -1
        )
    box(-0.98, 0.22, 0.98, 0.4, dark)
