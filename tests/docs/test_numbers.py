"""What docs/numbers.md says of a number is what the code holds."""

import ast
import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import sizes

ROOT = Path(__file__).resolve().parents[2]
UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def said() -> list[tuple[str, str, str]]:
    """File, name and number of each row of the document's tables."""
    file, found = "", []
    for line in (ROOT / "docs/numbers.md").read_text().splitlines():
        if line.startswith("### "):
            file = line.split("`")[1]
        elif line.startswith("| `"):
            name, number, *_meaning = (cell.strip() for cell in line.strip("|").split("|"))
            found.append((file, name.strip("`"), number))
    return found


def in_words(value: Any) -> str:
    """A number as the document writes it: times in the largest unit that measures them whole."""
    if isinstance(value, dict):
        return "; ".join(f"{in_words(name)}: {in_words(one)}" for name, one in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(in_words, value))
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(in_words, value)))
    if isinstance(value, str):
        return f"`{value}`"
    if not isinstance(value, timedelta):
        return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:g}"
    seconds = value.total_seconds()
    for unit, length in UNITS:
        if seconds >= length and not seconds % length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds * 1_000_000:g} µs"


def written(file: str, name: str) -> Any:
    """What a file makes of this name, worked out again from its line."""
    source = ROOT / file
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    known = dict(vars(module))
    for one in ast.parse(source.read_text()).body:
        if isinstance(one, ast.Assign | ast.AnnAssign) and name in _names(one):
            exec(compile(ast.Module([one], []), str(source), "exec"), known)
    return known[name]


def _names(statement: ast.Assign | ast.AnnAssign) -> set[str]:
    first = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return {one.id for one in ast.walk(first) if isinstance(one, ast.Name)}


@pytest.mark.parametrize(("file", "name", "number"), said())
def test_a_number_is_what_its_document_says(file: str, name: str, number: str) -> None:
    assert in_words(written(file, name)) == number


def test_numbers_are_written_down_by_the_hundred() -> None:
    assert len(said()) > 150


def test_every_size_that_is_taken_in_is_written_down() -> None:
    names = {name for name in vars(sizes) if name.isupper()} - {"KIB", "MIB", "GIB"}
    assert {name for file, name, _number in said() if file == "core/sizes.py"} == names
