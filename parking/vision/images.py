"""Pictures from outside: judged by their header, decoded only then (Pillow only).

What a camera or a person sends is bytes of unknown will. Nothing is decoded before its format,
its size and its frame count are known and bearable.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from parking.vision.types import HostileImage, ImageFacts

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

MOST_BYTES = 32 * 1024 * 1024
MOST_PIXELS = 50_000_000
LEAST_SIDE, LONGEST_SIDE = 8, 20_000
WORKING_SIDE = 2048  # a JPEG far larger than this is decoded at a fraction of its size

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")  # phones' MPO comes through the JPEG plugin
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF", b"BM")
_HEADER_BYTES = 4096
_KNOWN_OTHERS = (b"GIF8", b"II*\0", b"MM\0*", b"%PDF", b"8BPS", b"\0\0\1\0")


def check_image(data: bytes) -> ImageFacts:
    """Format and size from the header alone; raises HostileImage, decodes nothing."""
    with _opened(data) as image:
        return ImageFacts(format=str(image.format), width=image.width, height=image.height)


def _opened(data: bytes) -> Image.Image:
    from PIL import Image

    if not data:
        raise HostileImage("empty", "The file is empty.")
    if len(data) > MOST_BYTES:
        raise HostileImage("too_large", f"The file is larger than {MOST_BYTES >> 20} MiB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise HostileImage("too_large", "The picture has far too many pixels.") from error
    except Exception as error:  # whatever a header made to break the parser raises
        raise _unopened(data) from error
    _measure(image)
    return image


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
        raise HostileImage("too_small", f"{width} x {height} pixels are too few to show a plate.")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise HostileImage("animated", "The file holds several pictures; send one.")


def decode(data: bytes) -> tuple[np.ndarray, float]:
    """The picture upright as BGR uint8, and by how much its sides were reduced (>= 1).

    Raises HostileImage for whatever `check_image` refuses and for data that breaks off.
    """
    import numpy as np
    from PIL import ImageOps

    with _opened(data) as image:
        stored = image.size
        share = min(1.0, WORKING_SIDE / max(stored))
        image.draft("RGB", (int(stored[0] * share), int(stored[1] * share)))
        try:
            image.load()
            reduced = max(stored) / max(image.size)
            upright = ImageOps.exif_transpose(image)
            pixels = _rgb(upright)
        except (OSError, SyntaxError, EOFError, ValueError, IndexError) as error:
            raise HostileImage(
                "truncated", "The picture's data break off or are damaged."
            ) from error
    return np.ascontiguousarray(pixels[:, :, ::-1]), reduced


def _rgb(image: Image.Image) -> np.ndarray:
    import numpy as np
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16 or 32 bit grey: keep its range
        grey = np.asarray(image, dtype=np.float32)
        grey = (grey - grey.min()) * (255.0 / max(float(np.ptp(grey)), 1.0))
        return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        flat = Image.new("RGBA", image.size, (255, 255, 255, 255))
        flat.alpha_composite(image.convert("RGBA"))
        image = flat
    return np.asarray(image.convert("RGB"))
