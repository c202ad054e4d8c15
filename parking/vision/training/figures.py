"""Pictures for the model card: drawn plates that the shipped reader misreads."""

from pathlib import Path
from random import Random

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from parking.vision.serve import reader
from parking.vision.training.plates import HAN_FONTS, Fonts
from parking.vision.training.reader_data import generated

_WIDTH, _HEIGHT, _ACROSS = 240, 110, 4


def failures(file: Path, count: int = 12, seed: int = 31) -> int:
    """Draw plates until `count` are misread and save them with what was said; how many it took."""
    rng, fonts, tried = Random(seed), Fonts.other(), 0
    tiles: list[np.ndarray] = []
    while len(tiles) < count and tried < 4000:
        tried += 1
        picture, spec = generated(rng, fonts, None, None, readable=True)
        reading = reader().read_pixels(picture)
        said = reading.best.text if reading.best else "nothing"
        if said != spec.text:
            mark = "" if reading.confident else ", abstains"
            tiles.append(_tile(picture, f"{spec.text} → {said}{mark}"))
    blank = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % _ACROSS)
    rows = [np.hstack(tiles[i : i + _ACROSS]) for i in range(0, len(tiles), _ACROSS)]
    cv2.imwrite(str(file), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return tried


def _tile(picture: np.ndarray, text: str) -> np.ndarray:
    h, w = picture.shape[:2]
    scale = min((_WIDTH - 12) / w, (_HEIGHT - 34) / h)
    seen = cv2.resize(picture, (round(w * scale), round(h * scale)))
    tile = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    tile[6 : 6 + seen.shape[0], 6 : 6 + seen.shape[1]] = seen
    page = Image.fromarray(tile[:, :, ::-1])
    font = ImageFont.truetype(HAN_FONTS[0][0], 13, index=HAN_FONTS[0][1])
    ImageDraw.Draw(page).text((6, _HEIGHT - 24), text, (0, 0, 0), font=font)
    return np.asarray(page)[:, :, ::-1]
