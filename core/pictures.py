"""Pictures from outside, judged by their head before anything decodes them (pure: Pillow only).

The one guard for all doors: what devices send, what people photograph, what the plate reader
decodes. What comes is bytes of unknown will.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

MOST_BYTES = 32 * 1024 * 1024
MOST_PIXELS = 50_000_000
LEAST_SIDE, LONGEST_SIDE = 16, 20_000
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "BMP": "image/bmp"}
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF", b"BM")
_HEADER_BYTES = 4096
_KNOWN_OTHERS = (b"GIF8", b"II*\0", b"MM\0*", b"%PDF", b"8BPS", b"\0\0\1\0")


class HostileImage(ValueError):
    """A file that will not be opened; `code` is stable, the text says why in plain English.

    Codes: empty, not_an_image, too_large, too_small, truncated, animated, unsupported.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the head of the file says: format, and pixels as stored (before EXIF rotation)."""

    format: str
    width: int
    height: int

    @property
    def content_type(self) -> str:
        return FORMATS[self.format]


def check_image(data: bytes) -> ImageFacts:
    """The facts of an image that is safe to decode. Raises HostileImage, having decoded nothing."""
    with opened(data) as image:
        return ImageFacts(format=_kind(image), width=image.width, height=image.height)


def opened(data: bytes) -> Image.Image:
    """The image, of bearable format and size, its pixels not decoded yet. Raises HostileImage.

    A phone's JPEG may carry a second picture (MPO) or a film behind it: its first picture counts.
    """
    if not data:
        raise HostileImage("empty", "The file is empty.")
    if len(data) > MOST_BYTES:
        raise HostileImage("too_large", f"The file is larger than {MOST_BYTES >> 20} MiB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=list(FORMATS))
    except Image.DecompressionBombError as error:
        raise HostileImage("too_large", "The picture has far too many pixels.") from error
    except Exception as error:  # Pillow raises whatever the broken file led it to
        raise _unopened(data) from error
    _measure(image)
    return image


def first_picture(data: bytes) -> bytes:
    """A person's photograph as it may be kept: its first picture, without where it was taken.

    Of what a camera writes beside the pixels only how it was held, when, and the colours stay.
    Raises HostileImage as `check_image`, and for a JPEG that breaks off.
    """
    with opened(data) as image:
        kind = _kind(image)
        exif = _harmless_exif(image) if kind == "JPEG" else b""
    try:
        if kind == "JPEG":
            return _bare_jpeg(data, exif)
        return {"PNG": _bare_png, "WEBP": _bare_webp}.get(kind, bytes)(data)
    except (struct.error, IndexError) as error:
        raise HostileImage("truncated", "The image file is cut off.") from error


def whole(data: bytes) -> bool:
    """Whether a picture's file goes on to the end of its first picture; told for a JPEG."""
    return not data.startswith(b"\xff\xd8") or any(mark == _END for mark, _at, _to in _parts(data))


def _kind(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _unopened(data: bytes) -> HostileImage:
    """Why Pillow could not make sense of the header."""
    if data.startswith(_KNOWN_OTHERS) or data[4:8] == b"ftyp":
        text = "This kind of file is not read; send JPEG, PNG, WebP or BMP."
        return HostileImage("unsupported", text)
    if data.startswith(_BEGINNINGS) and len(data) < _HEADER_BYTES:
        return HostileImage("truncated", "The file breaks off in its header.")
    return HostileImage("not_an_image", "The file is not a picture.")


def _measure(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        text = (
            f"{width} x {height} pixels are too many; {MOST_PIXELS // 10**6} megapixels are read."
        )
        raise HostileImage("too_large", text)
    if min(width, height) < LEAST_SIDE:
        raise HostileImage("too_small", f"{width} x {height} pixels are too few to show a vehicle.")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise HostileImage("animated", "The file holds several pictures; send one.")


# ── A JPEG's parts ────────────────────────────────────────────────────────────────────────────
_ORIENTATION, _TAKEN_AT = 0x0112, 0x0132
_SCAN, _END = 0xDA, 0xD9
_KEPT_PARTS = {0xE0, 0xE2, 0xEE}  # JFIF, colour profile, Adobe's colour transform
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan FF00 and restarts are data


def _parts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, from, to) of the first picture's parts, its pixels among them, up to its end; a file
    that breaks off yields no end."""
    at = 2
    while at + 4 <= len(data) or data[at : at + 2] == b"\xff\xd9":
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _END:
            yield marker, at, at + 2
            return
        to = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == _SCAN:
            following = _NEXT_MARKER.search(data, to)
            if following is None:
                return
            to = following.start()
        yield marker, at, to
        at = to


def _bare_jpeg(data: bytes, exif: bytes) -> bytes:
    kept = [data[:2]]
    marker = 0
    for marker, at, to in _parts(data):
        optional = 0xE0 <= marker <= 0xEF or marker == 0xFE
        profile = marker != 0xE2 or data[at + 4 : at + 15] == b"ICC_PROFILE"
        if not optional or (marker in _KEPT_PARTS and profile):
            kept.append(data[at:to])
        if marker == 0xE0 and len(kept) == 2 and exif:
            kept.append(exif)
            exif = b""
    if marker != _END:
        raise HostileImage("truncated", "The image file is cut off.")
    if exif:
        kept.insert(1, exif)
    return b"".join(kept)


def _harmless_exif(image: Image.Image) -> bytes:
    """How the camera was held and when, as a part of a JPEG; empty where it says neither."""
    try:
        told = image.getexif()
        bare = Image.Exif()
        for tag in (_ORIENTATION, _TAKEN_AT):
            if tag in told:
                bare[tag] = told[tag]
        body = bare.tobytes() if len(bare) else b""
    except Exception:  # broken in ways of its own; the picture does without
        return b""
    if body and not body.startswith(b"Exif\0\0"):
        body = b"Exif\0\0" + body
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body if body else b""


# ── Chunks of the others ──────────────────────────────────────────────────────────────────────
_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"IDAT", b"IEND"}
_WEBP_PLACES, _WEBP_FLAGS = {b"EXIF", b"XMP "}, 0b1100


def _bare_png(data: bytes) -> bytes:
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        name, to = data[at + 4 : at + 8], at + 12 + struct.unpack_from(">I", data, at)[0]
        if name in _PNG_KEPT:
            kept.append(data[at:to])
        if name == b"IEND":
            break
        at = to
    return b"".join(kept)


def _bare_webp(data: bytes) -> bytes:
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    kept, at = [], 12
    while at + 8 <= end:
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        to = at + 8 + size + size % 2
        if name == b"VP8X":
            head = data[at:to]
            kept.append(head[:8] + bytes([head[8] & ~_WEBP_FLAGS]) + head[9:])
        elif name not in _WEBP_PLACES:
            kept.append(data[at:to])
        at = to
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
