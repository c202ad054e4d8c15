"""A lot recognises a vehicle by the sharpest of several frames, or by its tag (P4.1)."""

import io

from PIL import Image, ImageDraw, ImageFilter

from monthlycard.client.recognition import Seen, recognise, sharpness


def frame(blur: float) -> bytes:
    image = Image.new("RGB", (200, 80), "#1450b8")
    ImageDraw.Draw(image).text((20, 20), "A12345", fill="white", font_size=40)
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(blur)).save(out, "PNG")
    return out.getvalue()


def test_the_sharpest_frame_is_the_one_that_is_read():
    """P4.1."""
    frames = [frame(4), frame(0), frame(2)]
    read = {frames[1]: ("沪A12345", "blue")}
    assert recognise(frames, lambda data: read[data]).plate == "沪A12345"
    assert sharpness(frames[1]) > sharpness(frames[2]) > sharpness(frames[0])


def test_camera_and_tag_are_compared_and_neither_overwrites_the_other():
    """P4.1."""
    frames = [frame(0)]
    both = recognise(frames, lambda _data: ("沪A12345", "blue"), etc="沪A12346")
    assert (both.plate, both.etc, both.agree) == ("沪A12345", "沪A12346", False)
    assert recognise([], lambda _data: ("", ""), etc="沪A12345") == Seen("", "", "沪A12345")
    assert recognise(frames, lambda _data: ("沪A12345", "blue"), etc="沪A12345").agree
