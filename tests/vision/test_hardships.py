"""What photographs are made worse by moves their boxes along."""

from random import Random

import pytest

from parking.vision.evaluation import judge_pixels
from parking.vision.training import drawing
from parking.vision.training.hardships import SCENES, moved
from parking.vision.training.photographs import LabelledPhotograph

TEXT = "京A12345"


@pytest.mark.parametrize("name", SCENES)
def test_a_plate_is_found_in_its_box_after_the_scene_was_changed(name: str) -> None:
    picture, corners = drawing.paint_scene(drawing.spec_for(TEXT, "blue"), seed=1)
    low, high = corners.min(axis=0), corners.max(axis=0)
    row = LabelledPhotograph(
        file="drawn",
        kind="scene",
        plates=(TEXT,),
        colours=("blue",),
        boxes=((*low.tolist(), *high.tolist()),),
        corners=(None,),
        licence="MIT",
        train=True,
    )
    seen, matrix = SCENES[name](picture, row, Random(3))
    outcome = judge_pixels(moved(row, matrix), seen)
    assert outcome.found
    assert outcome.read == TEXT
