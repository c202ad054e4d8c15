"""Strangers are covered for good: their plates, their faces (the pictures are drawn)."""

import io
from importlib.resources import files

import cv2
import numpy as np
import pytest
from PIL import Image

from parking.vision import HostileImage, faces, hide, read_image
from parking.vision.serve import reader
from parking.vision.training import crowds
from parking.vision.training.drawing import draw_scene

SCENES = range(300_000, 300_006)
PERSON = files("skimage") / "data" / "astronaut.png"  # of NASA, in the public domain


def figures() -> crowds.Figures:
    found = crowds.Figures()
    for seed in SCENES:
        crowds.measure(reader(), crowds.draw(seed), found)
    return found


def test_of_several_plates_all_but_the_own_are_covered() -> None:
    found = figures()
    assert (found.pictures, found.readable) == (len(SCENES), 0)
    assert found.covered == found.others >= len(SCENES)
    assert found.own_kept + found.own_unread == found.own
    assert found.own_kept >= found.own - 2


def test_without_a_plate_that_may_stay_none_can_be_read() -> None:
    scene = draw_scene("京A12345", "blue", seed=1)
    assert read_image(hide(scene, keeps="京A12345").jpeg).candidates[0].text == "京A12345"
    for keeps in ("", "京A12346", "沪B67890"):
        hidden = hide(scene, keeps=keeps)
        assert not hidden.kept
        assert "京A12345" not in [one.text for one in read_image(hidden.jpeg).candidates]


def scene_with_a_face(side: int) -> np.ndarray:
    street = Image.open(io.BytesIO(draw_scene("京A12345", "blue", seed=1))).convert("RGB")
    with PERSON.open("rb") as file:
        person = Image.open(file).convert("RGB").resize((side, side))
    street.paste(person, (20, 20))
    return np.asarray(street)[:, :, ::-1].copy()


@pytest.mark.parametrize("side", [512, 256, 128])
def test_a_face_is_found_and_becomes_nine_tones(side: int) -> None:
    picture = scene_with_a_face(side)
    assert len(faces.find(reader().faces, picture)) >= 1

    hidden = hide(cv2.imencode(".png", picture)[1].tobytes())
    shown = cv2.imdecode(np.frombuffer(hidden.jpeg, np.uint8), cv2.IMREAD_COLOR)
    scale = side / 512
    x, y = int(20 + 224 * scale), int(20 + 115 * scale)  # between the eyes
    part = int(8 * scale) + 1
    nose = shown[y - part : y + part, x - part : x + part].reshape(-1, 3)
    assert np.ptp(nose, axis=0).max() < 60
    assert float(nose.std(axis=0).max()) < 12


def test_what_a_camera_wrote_beside_the_pixels_is_gone() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera's name"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.open(io.BytesIO(draw_scene("京A12345", "blue", seed=1))).save(out, "JPEG", exif=exif)
    assert b"a camera's name" in out.getvalue()
    copy = hide(out.getvalue()).jpeg
    assert b"Exif" not in copy
    assert dict(Image.open(io.BytesIO(copy)).getexif()) == {}


def test_a_file_that_is_no_photograph_is_refused() -> None:
    with pytest.raises(HostileImage):
        hide(b"GIF89a")
