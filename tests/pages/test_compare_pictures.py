"""Two folders of pictures are compared: what differs is named and shown."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from PIL import Image


@pytest.fixture
def folders(tmp_path):
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
        for page in ("home", "dues"):
            Image.new("RGB", (40, 50), "white").save(tmp_path / folder / f"owner-{page}.png")
    return tmp_path / "before", tmp_path / "after"


def _compare(*folders) -> list[str]:
    said = StringIO()
    call_command("compare_pictures", *map(str, folders), stdout=said)
    return said.getvalue().splitlines()


def test_equal_pictures_leave_nothing_behind(folders):
    assert _compare(*folders) == ["0 of 2 pictures differ"]
    assert not (folders[1] / "different").exists()


def test_what_differs_is_named_and_stands_side_by_side(folders):
    changed = Image.new("RGB", (40, 50), "white")
    changed.paste("black", (0, 0, 20, 10))
    changed.save(folders[1] / "owner-dues.png")
    Image.new("RGB", (40, 50), "white").save(folders[1] / "owner-new.png")

    said = _compare(*folders)

    assert said[:2] == ["owner-dues.png: 10.00% different", "owner-new.png: only after"]
    assert said[2].startswith("1 of 2 pictures differ")
    with Image.open(folders[1] / "different" / "owner-dues.png") as sheet:
        shown = [sheet.getpixel((5 + place * (40 + 16), 5)) for place in range(3)]
    assert shown == [(255, 255, 255), (0, 0, 0), (255, 0, 0)]


def test_a_page_that_grew_differs_where_it_grew(folders):
    Image.new("RGB", (40, 100), "white").save(folders[1] / "owner-home.png")
    assert _compare(*folders)[0] == "owner-home.png: 50.00% different"


def test_an_empty_folder_is_no_comparison(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError):
        _compare(folders[0], tmp_path / "empty")
