"""Looks at the head of an image file before anything decodes it (pure: Pillow only)."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image

MOST_PIXELS = 50_000_000
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


class HostileImage(ValueError):
    """A file that will not be opened; `code` says why, the text says it in plain English."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
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
    if not data:
        raise HostileImage("empty", "The file is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=list(FORMATS)) as image:
                kind, (width, height) = image.format or "", image.size
                frames = getattr(image, "n_frames", 1)
    except Image.DecompressionBombError as error:
        raise HostileImage("too_large", "The image has too many pixels.") from error
    except Exception as error:  # Pillow raises whatever the broken file led it to
        raise HostileImage("not_an_image", "This is not a JPEG, PNG or WebP image.") from error
    if width * height > MOST_PIXELS:
        raise HostileImage("too_large", "The image has too many pixels.")
    if width < 16 or height < 16:
        raise HostileImage("too_small", "The image is too small to show a vehicle.")
    if frames > 1:
        raise HostileImage("animated", "Animated images are not photographs.")
    if kind == "JPEG" and b"\xff\xd9" not in data[-4096:]:
        raise HostileImage("truncated", "The image file is cut off.")
    return ImageFacts(kind, width, height)
