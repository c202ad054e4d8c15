"""Pictures from outside are refused by their header, before anything is decoded (P2.3)."""

import io
import struct
import zlib

import pytest
from PIL import Image

from parking.vision import HostileImage, check_image
from parking.vision.images import decode


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims to be huge and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


GREY = Image.new("RGB", (64, 48), (90, 120, 150))
ANIMATED = [Image.new("RGB", (64, 48), (i * 60, 0, 0)) for i in range(3)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello, I am a picture", "not_an_image"),
        (b"\0" * 5000, "not_an_image"),
        (b"GIF89a" + b"\0" * 50, "unsupported"),
        (b"%PDF-1.7 not a picture", "unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (bomb(12_000, 12_000), "too_large"),
        (bomb(60_000, 10), "too_large"),
        (bomb(200_000, 200_000), "too_large"),
        (encoded(GREY, "JPEG")[:60], "truncated"),
        (encoded(Image.new("RGB", (3, 3)), "PNG"), "too_small"),
        (encoded(ANIMATED[0], "WEBP", save_all=True, append_images=ANIMATED[1:]), "animated"),
        (encoded(ANIMATED[0], "PNG", save_all=True, append_images=ANIMATED[1:]), "animated"),
        (b"\xff" * (33 << 20), "too_large"),
    ],
)
def test_a_hostile_file_is_refused_by_its_header(data: bytes, code: str) -> None:
    with pytest.raises(HostileImage) as refused:
        check_image(data)
    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_a_file_that_breaks_off_is_refused_when_decoded() -> None:
    noise = Image.effect_noise((640, 480), 80).convert("RGB")
    data = encoded(noise, "JPEG")
    with pytest.raises(HostileImage) as refused:
        decode(data[: len(data) // 2])
    assert refused.value.code == "truncated"
    assert check_image(data[: len(data) // 2]).width == 640  # its header was whole


def test_a_picture_taken_sideways_is_turned_upright() -> None:
    lying = Image.new("RGB", (80, 40), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    picture, reduced = decode(encoded(lying, "JPEG", exif=exif))
    assert picture.shape == (80, 40, 3)
    assert reduced == 1.0


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_every_colour_space_of_a_jpeg_becomes_blue_green_red(mode: str) -> None:
    picture, _ = decode(encoded(GREY.convert(mode), "JPEG", quality=95))
    assert picture.shape == (48, 64, 3)
    if mode != "L":
        blue, green, red = picture[20, 20]
        assert blue > green > red


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "I;16", "1"])
def test_every_kind_of_png_becomes_blue_green_red(mode: str) -> None:
    source = (
        GREY.convert("L").convert("I").convert("I;16") if mode == "I;16" else GREY.convert(mode)
    )
    picture, _ = decode(encoded(source, "PNG"))
    assert picture.shape == (48, 64, 3)


def test_a_photograph_of_many_megapixels_is_decoded_at_a_fraction() -> None:
    picture, reduced = decode(encoded(Image.new("RGB", (6000, 4000)), "JPEG"))
    assert max(picture.shape) <= 4096
    assert reduced * picture.shape[1] == 6000
