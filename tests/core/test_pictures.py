"""One guard for every picture: phones' files are photographs, and what is kept names no place."""

import io
from contextlib import suppress
from typing import Any

import pytest
from django.utils import translation
from PIL import Image

from core import images
from core.errors import Invalid
from core.pictures import HostileImage, check_image, first_picture
from parking.vision import check_image as reader_check

SCENE = Image.effect_noise((96, 64), 60).convert("RGB")
OTHER = Image.new("RGB", (48, 32), (200, 30, 30))
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\x20\x08mdat" + bytes(range(256)) * 40


def encoded(kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    SCENE.save(out, kind, **options)
    return out.getvalue()


def placed_exif() -> Image.Exif:
    """What a phone writes: how it was held, when, and where it stood."""
    exif = Image.Exif()
    exif[0x0112], exif[0x0132], exif[0x010F] = 6, "2026:03:02 09:00:00", "Telefon"
    exif.get_ifd(0x8825)[2] = (31.0, 13.0, 12.5)
    return exif


def two_pictures() -> bytes:
    return encoded("MPO", save_all=True, append_images=[OTHER])


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


@pytest.mark.parametrize(
    "data",
    [
        encoded(),
        encoded(progressive=True),
        encoded() + FILM,
        two_pictures(),
        two_pictures() + FILM,
    ],
    ids=["plain", "progressive", "with a film", "with a second picture", "with both"],
)
def test_a_phones_photograph_is_taken_by_its_first_picture(db: None, data: bytes) -> None:
    facts = check_image(data)
    assert (facts.content_type, facts.width, facts.height) == ("image/jpeg", 96, 64)
    kept = images.load(images.take(data, by="user:1"))
    assert pixels(kept) == pixels(data)
    assert kept.endswith(b"\xff\xd9")
    assert b"ftyp" not in kept
    assert kept.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_where_a_photograph_was_taken_is_not_kept(db: None, kind: str) -> None:
    data = encoded(kind, exif=placed_exif(), **({"lossless": True} if kind == "WEBP" else {}))
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    kept = images.load(images.take(data, by="user:1"))
    told = Image.open(io.BytesIO(kept)).getexif()
    assert not told.get_ifd(0x8825)
    assert b"Telefon" not in kept
    assert pixels(kept) == pixels(data)
    if kind == "JPEG":  # how it was held, without which it lies on its side, and when
        assert dict(told) == {0x0112: 6, 0x0132: "2026:03:02 09:00:00"}


def test_what_a_device_sends_is_kept_byte_by_byte_for_its_hash_names_it(db: None) -> None:
    data = encoded(exif=placed_exif()) + FILM
    assert images.load(images.keep(data, by="device:C-1")) == data


def test_a_windows_bitmap_is_a_picture_for_every_door(db: None) -> None:
    data = encoded("BMP")
    assert reader_check(data) == check_image(data)
    assert images.load(images.take(data, by="user:1")) == data


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_who_sends_another_kind_of_file_hears_which_are_taken(db: None, language: str) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(4000)
    for door in (images.take, images.keep):
        with pytest.raises(Invalid) as refused:
            door(heic, by="user:1")
        assert refused.value.code == "unsupported"
        with translation.override(language):
            for name in ("JPEG", "PNG", "WebP", "BMP"):
                assert name in refused.value.message


@pytest.mark.parametrize("door", [images.take, images.keep])
def test_a_file_that_breaks_off_is_no_photograph(db: None, door: Any) -> None:
    for data in (encoded()[:-40], encoded(progressive=True)[:-40], two_pictures()[:900]):
        with pytest.raises(Invalid) as refused:
            door(data, by="user:1")
        assert refused.value.code == "truncated"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_cut_through_a_file_breaks_the_guard_itself(kind: str) -> None:
    data = encoded(kind, exif=placed_exif())
    whole = first_picture(data)
    for length in range(1, len(data), 7):
        with suppress(HostileImage):
            assert len(first_picture(data[:length])) <= len(whole)
