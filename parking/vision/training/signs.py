"""What looks like a plate and is none: signs, telephone numbers, stripes, empty plates."""

from random import Random

import cv2
import numpy as np

from parking.vision.grammar import DIGITS, LETTERS
from parking.vision.training.plates import Fonts, draw_flat, glyph, random_spec

SIGNS = "停车场出入口禁止欢迎光临汽车维修电话有限公司路安全注意行人减速慢酒店超市银大众出租学校"


def no_plate(rng: Random, fonts: Fonts) -> np.ndarray:
    """Writing, stripes or an empty plate seen straight on, BGR float32."""
    tall, wide = 60, rng.randint(110, 420)
    ground = [rng.randint(0, 255) for _ in range(3)]
    if rng.random() < 0.5:  # in the colours of plates
        ground = np.median(draw_flat(random_spec(rng), rng, fonts), axis=(0, 1)).tolist()
    flat = np.full((tall, wide, 3), ground, np.float32)
    ink = np.float32(0 if flat.mean() > 128 else 255 * rng.uniform(0.7, 1.0))
    roll = rng.random()
    if roll < 0.65:
        _write(flat, ink, rng, fonts)
    elif roll < 0.85:  # a grille, shutters, a fence
        step, rows = rng.randint(4, 16), rng.random() < 0.5
        striped = flat if rows else flat.transpose(1, 0, 2)
        striped[np.arange(len(striped)) % step < step * rng.uniform(0.3, 0.7)] = ink
    if rng.random() < 0.5:
        cv2.rectangle(flat, (2, 2), (wide - 3, tall - 3), (float(ink),) * 3, rng.randint(1, 3))
    return flat


def _write(flat: np.ndarray, ink: np.float32, rng: Random, fonts: Fonts) -> None:
    """A sign, a telephone number or a foreign word; never as long as a plate's text."""
    tall, wide = flat.shape[:2]
    chars = rng.choice((SIGNS, SIGNS, DIGITS, LETTERS))
    face = rng.choice(fonts.han if chars == SIGNS else fonts.latin)
    length = rng.choice((2, 3, 4, 4, 5, 9, 10, 11, 12))
    pitch, high = wide / (length + 0.6), round(tall * rng.uniform(0.45, 0.85))
    top, room = (tall - high) // 2, max(2, min(round(pitch * 0.9), round(high * 1.05)))
    for i in range(length):
        mask = cv2.resize(glyph(rng.choice(chars), face), (room, high))
        left = round((i + 0.3) * pitch)
        area = flat[top : top + high, left : left + room]
        area += (ink - area) * (mask[:, : area.shape[1], None].astype(np.float32) / 255)
