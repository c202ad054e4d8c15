"""The shipped networks read drawn scenes: a later network can't turn this red unnoticed (P0.1)."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from parking.vision import (
    HostileImage,
    Reading,
    confusion,
    read_image,
    read_images,
    rectify,
)
from parking.vision.serve import NETWORKS, DamagedNetwork, checked, manifest, reader
from parking.vision.training import drawing
from parking.vision.training.drawing import draw_scene


def text_of(reading: Reading | HostileImage) -> str | None:
    assert isinstance(reading, Reading)
    return reading.best.text if reading.best else None


SCENES = [
    ("京A12345", "blue", 1),
    ("沪B6K92M", "blue", 2),
    ("琼C9Z881", "blue", 3),
    ("粤BD12345", "green", 4),
    ("浙AF06217", "green", 5),
    ("苏E73452D", "yellow_green", 6),
    ("鲁B5D678", "yellow", 7),
    ("川Q0686学", "yellow", 8),
    ("鄂F8868警", "white", 9),
    ("粤Z1C34港", "black", 10),
    ("豫P7328挂", "yellow", 11),
    ("使301022", "black", 12),
    ("沪A0458领", "black", 13),
    ("湘X4471应急", "white", 14),
]


@pytest.mark.parametrize(("text", "colour", "seed"), SCENES)
def test_a_drawn_scene_is_read(text: str, colour: str, seed: int) -> None:
    reading = read_image(draw_scene(text, colour, seed=seed))
    assert reading.best is not None
    assert reading.best.text == text
    assert reading.colour == colour
    assert len(reading.best.characters) == len(text)
    assert 0 < reading.best.probability <= 1
    assert reading.corners is not None
    assert len(reading.candidates) <= 5


def test_scenes_are_the_same_for_the_same_seed() -> None:
    assert draw_scene("京A12345", "blue", seed=3) == draw_scene("京A12345", "blue", seed=3)
    assert draw_scene("京A12345", "blue", seed=3) != draw_scene("京A12345", "blue", seed=4)


def test_a_picture_without_a_plate_says_so() -> None:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (120, 130, 140)).save(out, "JPEG")
    reading = read_image(out.getvalue())
    assert reading.candidates == ()
    assert not reading.confident
    assert reading.why == "no_plate"


def two_cars() -> bytes:
    """A near car at the left, a farther one at the right."""
    left = Image.open(io.BytesIO(draw_scene("京A12345", "blue", seed=1)))
    right = Image.open(io.BytesIO(draw_scene("鲁B5D678", "yellow", seed=7))).resize((720, 480))
    both = Image.new("RGB", (1680, 640), (90, 90, 90))
    both.paste(left, (0, 0))
    both.paste(right, (960, 100))
    out = io.BytesIO()
    both.save(out, "JPEG", quality=92)
    return out.getvalue()


def test_of_two_plates_the_larger_counts_unless_the_berth_says_otherwise() -> None:
    data = two_cars()
    assert text_of(read_image(data)) == "京A12345"
    right_half = ((0.57, 0.0), (1.0, 0.0), (1.0, 1.0), (0.57, 1.0))
    assert text_of(read_image(data, region=right_half)) == "鲁B5D678"


def test_a_grey_night_picture_abstains_from_a_colour() -> None:
    grey = Image.open(io.BytesIO(draw_scene("京A12345", "blue", seed=1))).convert("L")
    out = io.BytesIO()
    grey.save(out, "JPEG")
    reading = read_image(out.getvalue())
    assert reading.colour is None
    assert not reading.confident


def test_a_picture_taken_sideways_is_read_like_any() -> None:
    upright = Image.open(io.BytesIO(draw_scene("京A12345", "blue", seed=1)))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif)
    assert text_of(read_image(out.getvalue())) == "京A12345"


def test_one_refused_picture_does_not_take_the_others_along() -> None:
    answers = read_images([b"", draw_scene("京A12345", "blue", seed=1)])
    assert isinstance(answers[0], HostileImage)
    assert text_of(answers[1]) == "京A12345"


def test_a_batch_reads_what_single_readings_read() -> None:
    pictures = [draw_scene(text, colour, seed=seed) for text, colour, seed in SCENES[:4]]
    together = [text_of(answer) for answer in read_images(pictures)]
    assert together == [text_of(read_image(data)) for data in pictures]


def test_every_reading_goes_through_the_network_inside_easyocr(monkeypatch) -> None:
    held = reader()
    seen: list[tuple[int, ...]] = []
    handle = held.easyocr.recognizer.register_forward_hook(
        lambda module, given, out: seen.append(tuple(given[0].shape))
    )
    try:
        read_image(draw_scene("京A12345", "blue", seed=1))
    finally:
        handle.remove()
    assert seen
    assert all(shape[1:] == (1, rectify.HEIGHT, rectify.WIDTH) for shape in seen)


def test_the_network_served_computes_what_the_shipped_one_does() -> None:
    import torch

    from parking.vision.grammar import ALPHABET
    from parking.vision.networks.bowei_plate import Model

    halves = torch.load(NETWORKS / "bowei_plate.pth", weights_only=True)
    shipped = Model(len(ALPHABET) + 1).eval()
    shipped.load_state_dict({key.removeprefix("module."): part for key, part in halves.items()})
    seen = []
    for text, colour, seed in SCENES:
        picture, corners = drawing.paint_scene(drawing.spec_for(text, colour), seed=seed)
        grey = rectify.grey(picture, black=False)
        seen.append(rectify.even(rectify.warp(grey, corners, rectify.WIDTH, rectify.HEIGHT)))
    strips = torch.from_numpy(np.stack(seen)[:, None].astype(np.float32) / 127.5 - 1)
    for batch in (strips, strips[:1], strips[:3, :, :, :120]):
        with torch.inference_mode():
            served, wanted = reader().easyocr.recognizer(batch, None), shipped(batch)
        assert served.dtype == torch.float32
        assert (served.softmax(2) - wanted.softmax(2)).abs().max() < 0.03


def test_easyocr_itself_reads_a_strip_with_our_network() -> None:
    import cv2

    spec = drawing.spec_for("京A12345", "blue")
    picture, corners = drawing.paint_scene(spec, seed=1)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    strip = rectify.even(rectify.warp(grey, corners, rectify.WIDTH, rectify.HEIGHT))
    ((_, text, _),) = reader().easyocr.recognize(strip, contrast_ths=0)
    assert text == "京A12345"


def test_the_shipped_files_are_small_and_the_ones_named() -> None:
    names = manifest()["sha256"]
    assert sum((NETWORKS / name).stat().st_size for name in names) <= 8_000_000
    for name, expected in names.items():
        assert hashlib.sha256((NETWORKS / name).read_bytes()).hexdigest() == expected


def test_a_network_file_that_was_changed_is_not_loaded(monkeypatch, tmp_path) -> None:
    from parking.vision import serve

    for file in NETWORKS.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "bowei_plate.pth").write_bytes(b"not a network")
    monkeypatch.setattr(serve, "NETWORKS", tmp_path)
    with pytest.raises(DamagedNetwork):
        checked("bowei_plate.pth")


def test_confusion_is_a_probability_for_any_pair() -> None:
    assert confusion("0", "0") > 0.5
    assert 0 < confusion("0", "D") < 0.5
    assert 0 < confusion("京", "Q") < 0.01


def test_onnx_and_drawing_keep_to_one_thread() -> None:
    import cv2
    import torch

    reader()
    assert torch.get_num_threads() == 1
    assert cv2.getNumThreads() <= 1
    assert np.__name__ == "numpy"


def test_red_on_a_black_plate_is_as_light_as_white() -> None:
    black_red_white = np.array([[(12, 12, 12), (40, 30, 210), (230, 230, 230)]], np.uint8)
    _, red, white = rectify.grey(black_red_white, black=True)[0]
    assert red > 0.85 * white
    _, red, white = rectify.grey(black_red_white, black=False)[0]
    assert red < 0.5 * white
