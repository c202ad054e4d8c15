"""`manage.py compare_pictures BEFORE AFTER`: which pages look different, and how.

Both folders come from `take_pictures`, one from before a change, one from after it, on the same
data. What differs stands side by side in a third folder: before, after, and where.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from PIL import Image, ImageChops

_SEEN = 16  # of 255: less is how a browser smooths letters
_GAP = 16  # pixels between the pictures


class Command(BaseCommand):
    help = "Name the pictures that differ between two folders of take_pictures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("before", type=Path)
        parser.add_argument("after", type=Path)
        parser.add_argument("--folder", type=Path, help="for what differs (AFTER/different)")

    def handle(self, *args: Any, before: Path, after: Path, **options: Any) -> None:
        names = [{path.name for path in folder.glob("*.png")} for folder in (before, after)]
        if not all(names):
            raise CommandError("Both folders must hold pictures: manage.py take_pictures.")
        folder = options["folder"] or after / "different"
        different = 0
        for name in sorted(names[0] | names[1]):
            if name not in names[1]:
                self.stdout.write(f"{name}: only before")
            elif name not in names[0]:
                self.stdout.write(f"{name}: only after")
            elif share := self._compare(before / name, after / name, folder):
                different += 1
                self.stdout.write(f"{name}: {share:.2%} different")
        both = len(names[0] & names[1])
        where = f", side by side in {folder}" if different else ""
        self.stdout.write(f"{different} of {both} pictures differ{where}")

    def _compare(self, before: Path, after: Path, folder: Path) -> float:
        """The share of pixels that differ; more than none leaves a picture in `folder`."""
        with Image.open(before) as first, Image.open(after) as second:
            size = (max(first.width, second.width), max(first.height, second.height))
            old, new = _on_canvas(first, size), _on_canvas(second, size)
        seen = ImageChops.difference(old, new).convert("L").point(lambda v: 255 * (v > _SEEN))
        count = seen.histogram()[255]
        if count:
            folder.mkdir(parents=True, exist_ok=True)
            _beside(old, new, seen).save(folder / after.name)
        return count / (size[0] * size[1])


def _on_canvas(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at the upper left of one of `size`, so that a longer page can be compared."""
    canvas = Image.new("RGB", size, "magenta")
    canvas.paste(picture.convert("RGB"))
    return canvas


def _beside(old: Image.Image, new: Image.Image, seen: Image.Image) -> Image.Image:
    """Before, after, and the page after with what differs in red."""
    grey = new.convert("L").convert("RGB")
    marked = Image.composite(Image.new("RGB", new.size, "red"), grey, seen)
    sheet = Image.new("RGB", (3 * new.width + 2 * _GAP, new.height), "white")
    for place, picture in enumerate((old, new, marked)):
        sheet.paste(picture, (place * (new.width + _GAP), 0))
    return sheet
