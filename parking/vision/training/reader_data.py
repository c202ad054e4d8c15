"""Endless examples for the reader: half generated, half real photographs, both worn by `wear`."""

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

import cv2
import numpy as np

from parking.vision import rectify
from parking.vision.grammar import ALPHABET
from parking.vision.training import photographs, wear
from parking.vision.training.photographs import LabelledPhotograph
from parking.vision.training.plates import Fonts, Spec, draw_flat, random_spec

INDEX = {char: i + 1 for i, char in enumerate(ALPHABET)}
Bank = dict[str, list[np.ndarray]]


def place(
    flat: np.ndarray,
    rng: Random,
    backdrop: np.ndarray | None,
    *,
    tall: bool,
    readable: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The flat plate as a camera's crop of about one plate shows it, worn, BGR uint8; its corners.

    `readable` leaves out what a person could not read either: at least 80 pixels wide, worn
    once, not cut, legible; for tests. Training sees worse than that.
    """
    width = round(np.exp(rng.uniform(np.log(80 if readable else 52), np.log(200))))
    height = round(width * rng.uniform(0.4, 0.62) if tall else width * rng.uniform(0.22, 0.36))
    if rng.random() < 0.45:  # rectified by good corners
        mx, my = rng.uniform(-0.015, 0.03), rng.uniform(-0.03, 0.06)
        slope, skew, wobble = rng.uniform(-0.05, 0.05), rng.uniform(-0.1, 0.1), 0.03
    else:  # a bare crop: tilted, with margins, sometimes cut
        mx, my = rng.uniform(-0.02, 0.09), rng.uniform(-0.05, 0.22)
        slope, skew, wobble = rng.gauss(0, 0.22), rng.gauss(0, 0.2), 0.06
    squeeze = 1 / (1 + abs(slope))
    quad: np.ndarray = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    quad[:, 1] *= squeeze
    quad[:, 1] += quad[:, 0] * slope * 0.7
    quad[:, 0] += quad[:, 1] * skew * 0.12
    noise = np.random.default_rng(rng.getrandbits(32)).uniform(-wobble, wobble, (4, 2))
    quad += (noise * (0.6, 1.6)).astype(np.float32)
    quad = quad * np.array((1 - 2 * mx, 1 - 2 * my), np.float32)
    shift = (rng.uniform(-mx, mx), rng.uniform(-my, my))
    if readable:  # nothing of a row lies outside of the crop
        quad = quad / np.maximum(1.0, np.abs(quad).max(axis=0))
        shift = (0.0, 0.0)
    elif rng.random() < 0.12:  # the crop begins within the first character
        shift = (rng.uniform(-0.055, -0.02), shift[1])
    quad = (quad + 1) / 2 + np.array(shift, np.float32)
    quad *= np.array((width, height), np.float32)
    small = flat
    if flat.shape[1] > 1.6 * width:
        how = cv2.INTER_AREA
        small = cv2.resize(flat, (round(width * 1.2), round(height * 1.2)), interpolation=how)
    h, w = small.shape[:2]
    matrix = cv2.getPerspectiveTransform(
        np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32), quad.astype(np.float32)
    )
    ground = _ground(rng, backdrop, width, height)
    seen = cv2.warpPerspective(
        small, matrix, (width, height), dst=ground, borderMode=cv2.BORDER_TRANSPARENT
    )
    while readable:
        worn = wear.lens(seen if rng.random() < 0.5 else wear.light(seen, rng), rng, 0.5)
        if legible(seen, worn):
            return worn, quad
    return wear.lens(wear.light(seen, rng), rng), quad


def legible(clean: np.ndarray, worn: np.ndarray) -> bool:
    """Whether each eighth of the width still shows what stood there before light and lens.

    That is: the brightness of both correlates by 0.6 or more, and varies by 8 of 255 or more.
    """
    pair = [
        cv2.cvtColor(np.clip(p, 0, 255).astype("u1"), cv2.COLOR_BGR2GRAY) for p in (clean, worn)
    ]
    for before, after in zip(*(np.array_split(p, 8, axis=1) for p in pair), strict=True):
        if before.std() < 8:
            continue  # ground beside the plate
        if after.std() < 8 or np.corrcoef(before.ravel(), after.ravel())[0, 1] < 0.6:
            return False
    return True


def _ground(rng: Random, backdrop: np.ndarray | None, width: int, height: int) -> np.ndarray:
    if backdrop is not None and rng.random() < 0.6:
        h, w = backdrop.shape[:2]
        cw = rng.randint(min(60, w), min(w, 400))
        ch = max(8, min(h, cw // 3))
        x, y = rng.randint(0, w - cw), rng.randint(0, h - ch)
        return cv2.resize(backdrop[y : y + ch, x : x + cw], (width, height)).astype(np.float32)
    tone = rng.randint(0, 255)
    base = [min(255, max(0, tone + rng.randint(-40, 40))) for _ in range(3)]
    ground = np.full((height, width, 3), base, np.float32)
    if rng.random() < 0.6:
        ground *= np.linspace(rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.2), height)[:, None, None]
    return ground.astype(np.float32)


def worn_real(picture: np.ndarray, rng: Random) -> np.ndarray:
    """A real crop, moved, stretched and worn a little, BGR uint8."""
    h, w = picture.shape[:2]
    if w > 200:
        h, w = round(h * 200 / w), 200
        picture = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    scale = rng.uniform(0.5, 1.0) if rng.random() < 0.35 else 1.0
    ow, oh = max(44, round(w * scale)), max(14, round(h * scale))
    zx, zy = rng.uniform(0.92, 1.06), rng.uniform(0.85, 1.1)
    slope, skew = rng.gauss(0, 0.025), rng.gauss(0, 0.08)
    dx, dy = rng.uniform(-0.04, 0.04), rng.uniform(-0.08, 0.08)
    source = np.array([(0, 0), (w, 0), (w, h)], np.float32)
    target = []
    for fx, fy in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5)):
        x = fx * zx + fy * skew * 0.3 + 0.5 + dx
        y = fy * zy + fx * slope * 3 + 0.5 + dy
        target.append((x * ow, y * oh))
    matrix = cv2.getAffineTransform(source, np.array(target, np.float32))
    seen = cv2.warpAffine(
        picture, matrix, (ow, oh), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.25:
        return seen
    seen = seen.astype(np.float32)
    if rng.random() < 0.7:
        seen = wear.light(seen, rng)
    return wear.lens(seen, rng, 0.6) if rng.random() < 0.7 else np.clip(seen, 0, 255).astype("u1")


def to_strip(picture: np.ndarray, *, tall: bool, black: bool) -> np.ndarray:
    """The grey strip, exactly as the served reader makes it."""
    grey = rectify.grey(picture, black=black)
    return rectify.even(rectify.tall(grey) if tall else rectify.strip(grey))


def called_black(colour: str, rng: Random) -> bool:
    """Whether the plate passes for black, as it may be mistaken when served."""
    return rng.random() < (0.8 if colour == "black" else 0.02)


@dataclass(frozen=True, slots=True)
class RealPlate:
    """About one real plate; `tall` where it has two rows."""

    picture: np.ndarray
    text: str
    colour: str
    tall: bool

    def strip(self, *, tall: bool) -> np.ndarray:
        """As it is, read in one row or two."""
        return to_strip(self.picture, tall=tall, black=self.colour == "black")


class RealPlates:
    """Crops and scene plates of the given photographs, with their texts, in memory."""

    def __init__(self, folder: Path, rows: list[LabelledPhotograph]):
        self.items: list[RealPlate] = []
        self.weights: list[float] | None = None
        self.backdrops: list[np.ndarray] = []
        for row in rows:
            picture = photographs.picture(folder, row)
            if row.kind == "crop":
                h, w = picture.shape[:2]
                tall = w / h < 2.35 and row.colours[0] in ("yellow", "white", "black")
                self.items.append(RealPlate(picture, row.plates[0], row.colours[0], tall))
                continue
            self.backdrops.append(picture)
            for plate, box, corners, colour in zip(
                row.plates, row.boxes, row.corners, row.colours, strict=True
            ):
                quad = corners
                if quad is None and box is not None:
                    quad = photographs.corners_of(box)
                if quad is None:
                    continue
                wide = photographs.width_to_height(quad)
                tall = wide < 2.2 and colour in ("yellow", "white", "black")
                seen = _around(picture, quad, tall=tall)
                self.items.append(RealPlate(seen, plate, colour, tall))

    def balance(self) -> None:
        """Draw rare provinces, rare kinds and letters late in the text more often than they are."""
        heads = Counter(item.text[0] for item in self.items)
        ends = Counter(pair for item in self.items for pair in enumerate(item.text))
        weights = []
        for item in self.items:
            rare = len(item.text) == 8 or item.text[-1] > "Z" or item.tall
            rarest = min(ends[pair] for pair in list(enumerate(item.text))[2:])
            weights.append((1.6 if rare else 1.0) / heads[item.text[0]] ** 0.5 / rarest**0.25)
        self.weights = list(accumulate(weights))

    def sample(self, rng: Random) -> tuple[np.ndarray, str]:
        item = rng.choices(self.items, cum_weights=self.weights)[0]
        seen = worn_real(item.picture, rng)
        return to_strip(seen, tall=item.tall, black=called_black(item.colour, rng)), item.text

    def backdrop(self, rng: Random) -> np.ndarray | None:
        return rng.choice(self.backdrops) if self.backdrops else None


def _around(picture: np.ndarray, quad: np.ndarray, *, tall: bool) -> np.ndarray:
    """A little more than the plate, seen straight on."""
    centre = quad.mean(0)
    wide = centre + (quad - centre) * np.array((1.04, 1.1), np.float32)
    width = int(np.clip(np.hypot(*(quad[1] - quad[0])) * 1.04, 60, 240))
    return rectify.warp(picture, wide, width, width // 2 if tall else round(width * 0.29))


def generated(
    rng: Random,
    fonts: Fonts,
    bank: Bank | None,
    backdrop: np.ndarray | None,
    kind: str | None = None,
    *,
    readable: bool = False,
    waved: bool = False,
) -> tuple[np.ndarray, Spec]:
    """One generated crop with what stands on it; see `place` and `draw_flat`."""
    spec = random_spec(rng, kind)
    flat = draw_flat(spec, rng, fonts, bank, waved=waved)
    return place(flat, rng, backdrop, tall=spec.double, readable=readable)[0], spec


def encode(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """CTC targets in one row, and their lengths."""
    codes = [INDEX[char] for text in texts for char in text]
    return np.array(codes, np.int64), np.array([len(text) for text in texts], np.int64)
