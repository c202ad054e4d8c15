"""Pictures from outside become pixels, once the guard of all doors (core.pictures) has let them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.pictures import HostileImage, opened

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

WORKING_SIDE = 2048  # a JPEG far larger than this is decoded at a fraction of its size


def decode(data: bytes) -> tuple[np.ndarray, float]:
    """The picture upright as BGR uint8, and by how much its sides were reduced (>= 1).

    Raises HostileImage for whatever `check_image` refuses and for data that breaks off.
    """
    import numpy as np
    from PIL import ImageOps

    with opened(data) as image:
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
