"""Who stands at the barrier: the sharpest of several frames, and the ETC tag beside it (P4.1)."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter, ImageStat

Read = Callable[[bytes], tuple[str, str]]  # a frame → plate and colour, "" where not recognised


@dataclass(frozen=True, slots=True)
class Seen:
    """What camera and tag say; they are compared, and neither overwrites the other."""

    plate: str
    colour: str
    etc: str

    @property
    def agree(self) -> bool:
        """Whether both have spoken, and alike."""
        return bool(self.plate) and self.plate == self.etc


def sharpness(frame: bytes) -> float:
    """How much of a frame is edges: the variance of its grey edges, higher is sharper."""
    grey = Image.open(io.BytesIO(frame)).convert("L")
    variance: float = ImageStat.Stat(grey.filter(ImageFilter.FIND_EDGES)).var[0]
    return variance


def recognise(frames: Sequence[bytes], read: Read, *, etc: str = "") -> Seen:
    """Read the sharpest frame alone; without a frame the tag stands alone."""
    plate, colour = read(max(frames, key=sharpness)) if frames else ("", "")
    return Seen(plate, colour, etc)
