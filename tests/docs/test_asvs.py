"""Every requirement of ASVS 4.0.3, level 2, has a line, and what shows it exists."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
LINE = re.compile(r"^\| (\d+\.\d+\.\d+) \| (\w+) \| (.*) \| (.*?) ?\|$", re.MULTILINE)
PATH = re.compile(r"`([\w./-]+/[\w./-]+|\w+\.txt|pyproject\.toml)`")
STATES = {"met", "partly", "open", "none"}
# Levels 1 and 2 of each section: how many there are, less those of level 3 or merged into others.
SECTIONS = {
    "2.1": range(1, 13),
    "2.2": range(1, 4),
    "2.3": range(1, 4),
    "2.4": range(1, 6),
    "2.5": range(1, 8),
    "2.6": range(1, 4),
    "2.7": range(1, 7),
    "2.8": range(1, 8),
    "2.9": range(1, 4),
    "2.10": range(1, 5),
    "3.1": [1],
    "3.2": range(1, 5),
    "3.3": range(1, 5),
    "3.4": range(1, 6),
    "3.5": range(1, 4),
    "3.7": [1],
    "4.1": [1, 2, 3, 5],
    "4.2": [1, 2],
    "4.3": range(1, 4),
    "5.1": range(1, 6),
    "5.2": range(1, 9),
    "5.3": range(1, 11),
    "5.4": range(1, 4),
    "5.5": range(1, 5),
    "6.1": range(1, 4),
    "6.2": range(1, 7),
    "6.3": [1, 2],
    "6.4": [1, 2],
    "7.1": range(1, 5),
    "7.2": [1, 2],
    "7.3": [1, 3, 4],
    "7.4": range(1, 4),
    "8.1": range(1, 5),
    "8.2": range(1, 4),
    "8.3": range(1, 9),
    "9.1": range(1, 4),
    "9.2": range(1, 5),
    "10.2": [1, 2],
    "10.3": range(1, 4),
    "11.1": range(1, 9),
    "12.1": range(1, 4),
    "12.2": [1],
    "12.3": range(1, 7),
    "12.4": [1, 2],
    "12.5": [1, 2],
    "12.6": [1],
    "13.1": [1, 3, 4, 5],
    "13.2": [1, 2, 3, 5, 6],
    "13.3": [1, 2],
    "13.4": [1, 2],
    "14.1": range(1, 5),
    "14.2": range(1, 7),
    "14.3": [2, 3],
    "14.4": range(1, 8),
    "14.5": range(1, 5),
}
WANTED = [f"{section}.{number}" for section, numbers in SECTIONS.items() for number in numbers]
LINES = {number: (state, how, shown) for number, state, how, shown in LINE.findall(TEXT)}


def test_every_requirement_has_one_line_and_no_other_has_one():
    counted = Counter(number for number, *_rest in LINE.findall(TEXT))
    assert list(counted) == WANTED
    assert set(counted.values()) == {1}


@pytest.mark.parametrize("number", WANTED)
def test_a_line_says_how_or_why_not_and_what_shows_it(number: str):
    state, how, shown = LINES[number]
    assert state in STATES
    assert len(how) > 5 or state == "none"
    paths = PATH.findall(shown)
    assert paths or state in ("none", "open"), "what shows it?"
    for path in paths:
        assert (ROOT / path).exists(), path


def test_what_the_threat_model_names_exists():
    found = PATH.findall(SECURITY)
    assert len(found) > 30
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_each_flow_says_of_each_kind_of_threat_what_holds_it():
    flows = re.split(r"^### ", SECURITY, flags=re.MULTILINE)[1:]
    assert len(flows) >= 8
    for flow in flows:
        kinds = re.findall(r"^\| ([STRIDE]) \|", flow, re.MULTILINE)
        assert kinds == list("STRIDE"), flow.partition("\n")[0]
