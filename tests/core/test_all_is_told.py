"""Whatever code writes into the trail or the outbox, a test of its row looks for (docs/rules.md 1).

What the code says is read from the code: a new entry or event joins by itself, and is named here
until a test of its row asserts who, what and why (most stand in its `test_trail*.py`).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = ("accounts", "arrears", "core", "devices", "monthlycard", "parking", "payments", "recovery")


def entries(row: str) -> Iterator[tuple[str, str]]:
    """Each action that `audit.record` writes in this row, and where."""
    for file, call in _calls(row, "audit.record"):
        for part in ast.walk(call.args[1]):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value, f"{file}:{call.lineno}"


def events(row: str) -> set[str]:
    """The name of each event that this row declares and tells."""
    file = ROOT / row / "events.py"
    tree = ast.parse(file.read_text()) if file.exists() else ast.Module([], [])
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    bases = {ast.unparse(base) for one in classes for base in one.bases}
    return {_snake(one.name) for one in classes if one.bases and one.name not in bases}


def looked_for(where: str) -> set[str]:
    """Every text in the tests of a row, or in all."""
    found: set[str] = set()
    for file in (ROOT / "tests").glob(f"{where}/**/test_*.py"):
        for part in ast.walk(ast.parse(file.read_text())):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                found.add(part.value)
    return found


def _calls(row: str, name: str) -> Iterator[tuple[str, ast.Call]]:
    for file in sorted((ROOT / row).rglob("*.py")):
        for part in ast.walk(ast.parse(file.read_text())):
            if isinstance(part, ast.Call) and ast.unparse(part.func) == name:
                yield str(file.relative_to(ROOT)), part


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name).lstrip("_")


@pytest.mark.parametrize("row", ROWS)
def test_each_entry_of_the_trail_is_looked_for(row: str) -> None:
    """A word such as "ended" means something else in another row; several words do not."""
    own, every = looked_for(row), looked_for("*")
    unseen = [
        f"{where} {what}"
        for what, where in entries(row)
        if what not in (every if " " in what else own)
    ]
    assert unseen == []


@pytest.mark.parametrize("row", ROWS)
def test_each_event_is_looked_for(row: str) -> None:
    own = looked_for(row)
    assert [one for one in sorted(events(row)) if not own & {one, f"{row}.{one}"}] == []
