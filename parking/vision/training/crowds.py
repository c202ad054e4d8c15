"""Drawn streets with several vehicles, each plate's corners known: what strangers must not read."""

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np

from parking.vision import hiding, rectify
from parking.vision.pipeline import texts_of
from parking.vision.serve import PlateReader
from parking.vision.training import drawing
from parking.vision.training.plates import Spec, draw_flat, random_spec

SIZE = (1600, 1000)
WHOLE = 0.98  # of a plate's place, to count as covered


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The picture (BGR uint8), and every plate in it with its corners in pixels."""

    picture: np.ndarray
    plates: list[tuple[Spec, np.ndarray]]


@dataclass(slots=True, kw_only=True)
class Figures:
    """Of so many pictures: plates of others, those covered, those still readable; own plates."""

    pictures: int = 0
    others: int = 0
    covered: int = 0
    readable: int = 0
    own: int = 0
    own_kept: int = 0
    own_unread: int = 0


def draw(seed: int, *, most: int = 5) -> Crowd:
    """Two to `most` vehicles side by side, near and far; always the same for the same seed."""
    rng = Random(f"crowd {seed}")
    width, height = SIZE
    picture = drawing.street(rng, width, height)
    number = rng.randint(2, most)
    plates, flats = [], []
    for place in range(number):
        spec = random_spec(rng)
        flat = draw_flat(spec, rng, None, drawing.glyphs(), scale=1.0)
        span = width * rng.uniform(0.045, 0.28 / number + 0.05)
        centre = (width * (place + 0.5) / number, height * rng.uniform(0.55, 0.8))
        drawing.car(picture, rng, centre, span)
        corners = drawing.place(rng, centre, span, flat.shape[0] / flat.shape[1])
        plates.append((spec, corners))
        flats.append(flat)
    for flat, (_spec, corners) in zip(flats, plates, strict=True):  # nobody's stands before it
        drawing.stick(picture, flat, corners)
    grain = np.random.default_rng(seed).standard_normal(picture.shape, dtype=np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.9)) * rng.uniform(0.7, 1.1)
    seen = np.clip(picture + grain * rng.uniform(1, 5), 0, 255).astype(np.uint8)
    return Crowd(picture=seen, plates=plates)


def measure(networks: PlateReader, crowd: Crowd, figures: Figures) -> None:
    """Hide all plates of the crowd but the first vehicle's, and add up what came of it."""
    own, own_corners = crowd.plates[0]
    hidden = hiding.hide_pixels(networks, crowd.picture, keeps=own.text)
    shown = cv2.imdecode(np.frombuffer(hidden.jpeg, np.uint8), cv2.IMREAD_COLOR)
    figures.pictures += 1
    figures.own += 1
    figures.own_kept += hidden.kept and _reads(networks, shown, own_corners) == own.text
    figures.own_unread += not hidden.kept
    for spec, corners in crowd.plates[1:]:
        figures.others += 1
        figures.covered += _covered(shown, corners) >= WHOLE
        figures.readable += _reads(networks, shown, corners) == spec.text


def _reads(networks: PlateReader, picture: np.ndarray, corners: np.ndarray) -> str:
    texts = texts_of(networks, picture, [corners.astype(np.float32)])[0]
    return texts[0].text if texts else ""


def _covered(picture: np.ndarray, corners: np.ndarray) -> float:
    """Which share of a plate's place is of one tone: nothing is left of its characters."""
    flat = rectify.warp(picture, corners.astype(np.float32), 160, 50).astype(np.float32)
    middle = np.median(flat.reshape(-1, 3), axis=0)
    return float((np.abs(flat - middle).max(axis=2) < 12).mean())
