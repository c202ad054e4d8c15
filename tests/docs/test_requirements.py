"""docs/requirements.md tells the truth: each step's place exists and each test named shows it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "requirements.md"
ROW = re.compile(r"^\| (P\d\.\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
IDS = [f"P0.{n}" for n in range(1, 7)]
IDS += [f"P1.{n}" for n in range(1, 7)]
IDS += [f"P2.{n}" for n in range(1, 7)]
IDS += [f"P3.{n}" for n in range(1, 5)]
IDS += [f"P4.{n}" for n in range(1, 14)]


def rows() -> dict[str, tuple[str, str]]:
    return {found[1]: (found[3], found[4]) for found in ROW.finditer(PAGE.read_text())}


def test_every_step_has_its_row():
    assert list(rows()) == IDS


@pytest.mark.parametrize("step", IDS)
def test_the_place_of_a_step_is_there(step):
    places = re.findall(r"`([^`]+)`", rows()[step][0])
    assert places
    for place in places:
        module, _dot, name = place.rpartition(".")
        file = ROOT / (module.replace(".", "/") + ".py")
        if not file.exists():
            file = ROOT / module.replace(".", "/") / "__init__.py"
        assert file.exists(), place
        folder = file.parent if file.name == "__init__.py" else file
        texts = folder.glob("*.py") if folder.is_dir() else [file]
        defined = re.compile(rf"^(async )?(def|class) {name}\b|^{name}\b.*=", re.MULTILINE)
        assert any(defined.search(text.read_text()) for text in texts), place


@pytest.mark.parametrize("step", IDS)
def test_the_tests_of_a_step_are_there_and_name_it(step):
    tests = re.findall(r"`([^`]+)`", rows()[step][1])
    assert tests
    for test in tests:
        text = (ROOT / "tests" / test).read_text()
        assert re.search(rf"{re.escape(step)}(?!\d)", text), f"{test} does not name {step}"
