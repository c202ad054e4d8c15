"""docs/requirements.md tells the truth: each step's place exists and each test named shows it."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "requirements.md"
ROW = re.compile(r"^\| (P\d\.\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
COUNTS = {"P0": 6, "P1": 6, "P2": 6, "P3": 4, "P4": 13}
IDS = [f"{method}.{n}" for method, count in COUNTS.items() for n in range(1, count + 1)]


def rows() -> dict[str, tuple[str, str]]:
    return {found[1]: (found[3], found[4]) for found in ROW.finditer(PAGE.read_text())}


def resolved(name: str) -> object:
    """The module, or the function or class, that a dotted name means."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        module, _dot, attribute = name.rpartition(".")
        return getattr(import_module(module), attribute)


def test_every_step_has_its_row():
    assert list(rows()) == IDS


@pytest.mark.parametrize("step", IDS)
def test_the_place_of_a_step_is_there(step):
    places = re.findall(r"`([^`]+)`", rows()[step][0])
    assert places
    for place in places:
        assert resolved(place) is not None


@pytest.mark.parametrize("step", IDS)
def test_the_tests_of_a_step_are_there_and_name_it(step):
    tests = re.findall(r"`([^`]+)`", rows()[step][1])
    assert tests
    for test in tests:
        text = (ROOT / "tests" / test).read_text()
        assert re.search(rf"{re.escape(step)}(?!\d)", text), f"{test} does not name {step}"
