"""The plate reader: pictures in, readings out; importable without Django and without torch.

`check_image` needs Pillow alone; `read_image` loads the networks at its first call, one thread a
process. How it works and what it reaches: docs/plate-reader.md.
"""

from core.pictures import HostileImage, ImageFacts, check_image
from parking.vision.confusions import confusion
from parking.vision.types import Candidate, Hidden, Reading, Region

__all__ = [
    "Candidate",
    "Hidden",
    "HostileImage",
    "ImageFacts",
    "Reading",
    "Region",
    "check_image",
    "confusion",
    "hide",
    "read_image",
    "read_images",
]


def read_image(data: bytes, *, region: Region | None = None) -> Reading:
    """Decode, find, read and decide (P0.1, P2.3).

    `region` is the berth's polygon in relative coordinates 0..1 of the upright picture; without
    it the largest plate counts. Raises HostileImage for what is refused before decoding; a
    picture without a plate is a Reading without candidates.
    """
    from parking.vision.serve import reader

    return reader().read(data, region=region)


def read_images(
    pictures: list[bytes], *, regions: list[Region | None] | None = None
) -> list[Reading | HostileImage]:
    """The same for several pictures, in batches; a refused one stands as its error in its place.

    Some 20 at a time are enough; all of them are held decoded in memory.
    """
    from parking.vision.serve import reader

    return reader().read_many(pictures, regions or [None] * len(pictures))


def hide(data: bytes, *, keeps: str = "") -> Hidden:
    """Cover all plates but one that surely reads `keeps`, and all faces. Raises HostileImage.

    Where no plate reads so all are covered: better a holder asks than a stranger is shown.
    """
    from parking.vision import hiding

    return hiding.hide(data, keeps=keeps)
