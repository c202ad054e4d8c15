"""A plate that hangs far askew is read, and its corners are told where they are in the picture."""

import cv2
import numpy as np
import pytest

from parking.vision.serve import reader
from parking.vision.training import drawing


@pytest.mark.parametrize(
    ("text", "seed", "degrees"), [("沪B6K92M", 1, 42), ("琼C9Z881", 1, -36), ("京A12345", 2, 42)]
)
@pytest.mark.parametrize("with_region", [False, True], ids=["whole picture", "berth's region"])
def test_a_plate_far_askew_is_read_where_it_hangs(text, seed, degrees, with_region) -> None:
    picture, corners = drawing.paint_scene(drawing.spec_for(text, "blue"), seed=seed)
    h, w = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    askew = cv2.warpAffine(picture, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
    there = cv2.transform(corners[None].astype(np.float32), turn)[0]
    x, y = there.mean(0) / (w, h)
    around = tuple(
        (x + dx, y + dy) for dx, dy in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))
    )
    reading = reader().read_pixels(askew, region=around if with_region else None)
    assert reading.best is not None
    assert reading.best.text == text
    assert reading.corners is not None
    width = float(np.linalg.norm(there[1] - there[0]))
    assert np.linalg.norm(np.array(reading.corners) - there, axis=1).max() < 0.2 * width
