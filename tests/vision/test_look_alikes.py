"""What hangs beside a plate or looks like one does not take its place."""

from random import Random

import cv2
import numpy as np
import pytest

from parking.vision.serve import reader
from parking.vision.training import drawing
from parking.vision.training.plates import Spec, draw_flat

TEXT = "京A12345"


def _sign(picture: np.ndarray, writing: str, ground: tuple[int, int, int]) -> np.ndarray:
    """The scene with a sign larger than its plate in the upper left corner."""
    seen = picture.copy()
    cv2.rectangle(seen, (40, 60), (360, 150), ground, -1)
    cv2.rectangle(seen, (46, 66), (354, 144), (240, 240, 240), 2)
    cv2.putText(seen, writing, (54, 122), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (245, 245, 245), 4)
    return seen


@pytest.mark.parametrize(
    ("writing", "ground"),
    [("400-820-88", (200, 90, 20)), ("PARKING", (60, 140, 30)), ("", (200, 90, 20))],
)
def test_a_larger_sign_in_a_plates_colours_does_not_hide_the_plate(writing, ground) -> None:
    picture, _ = drawing.paint_scene(drawing.spec_for(TEXT, "blue"), seed=1)
    reading = reader().read_pixels(_sign(picture, writing, ground))
    assert reading.best is not None
    assert reading.best.text == TEXT


def test_a_sign_alone_is_never_a_sure_plate() -> None:
    street = np.full((480, 640, 3), 130, np.uint8)
    for writing in ("400-820-88", "PARKING", "EXIT 2"):
        assert not reader().read_pixels(_sign(street, writing, (200, 90, 20))).confident


@pytest.mark.parametrize(("text", "slope"), [("VK11347", 0.12), ("DE16724", -0.1), ("GS36600", 0)])
def test_two_rows_of_the_military_are_read_from_a_tilted_crop(text: str, slope: float) -> None:
    flat = draw_flat(
        Spec(text, "military", "white", double=True), Random(4), None, drawing.glyphs()
    )
    h, w = flat.shape[:2]
    source = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    quad = np.array([(12, 22), (188, 22), (188, 98), (12, 98)], np.float32)
    quad[:, 1] += (quad[:, 0] - 100) * slope
    matrix = cv2.getPerspectiveTransform(source, quad)
    crop = cv2.warpPerspective(flat, matrix, (200, 120), borderValue=(90, 80, 70))
    reading = reader().read_pixels(np.clip(crop, 0, 255).astype(np.uint8))
    assert reading.best is not None
    assert reading.best.text == text
