"""Which tests run which line: each place of tests runs once under coverage, unchanged.

A map belongs to a place (`tests/parking`) and to all that its tests depend on; it is made anew when
one of those files changes, and another row's tests do not change it.
"""

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.local.changes import Point
from config.local.stop import Stop
from config.local.told import TOLD

ROWS = (
    "core",
    "accounts",
    "payments",
    "devices",
    "parking",
    "arrears",
    "monthlycard",
    "recovery",
)
NO_MATTER = (
    "bowei",
    "docs/",
    "deploy/",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "config/local/",
)


def places(root: Path) -> list[str]:
    """The folders of tests, those of the rows first."""
    found = sorted(f"tests/{one.name}" for one in (root / "tests").iterdir() if one.is_dir())
    rows = [f"tests/{row}" for row in ROWS]
    return [
        one
        for one in [*rows, *(other for other in found if other not in rows)]
        if any((root / one).rglob("test_*.py"))
    ]


def key(root: Path, place: str) -> str:
    """Of all that the tests of a place depend on: the code, what tests share, and themselves."""
    known = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout.decode()
    whole = hashlib.sha256(place.encode())
    for name in sorted(known.split("\0")):
        file = root / name
        alien = name.startswith("tests/") and "/" in name[6:] and not name.startswith(place)
        if name and not alien and not name.startswith(NO_MATTER) and file.is_file():
            whole.update(f"\n{name} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Touched:
    """Tests by file and line, `lines`; and how long each takes that succeeds unchanged,
    `seconds`. `failing`: those that do not, which notice nothing."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    seconds: Mapping[str, float]
    failing: frozenset[str]

    def tests_of(self, point: Point, source: bytes) -> list[str]:
        """The tests that run the statement of this point, quick ones first.

        A line that runs only while its module is loaded belongs to whoever runs any of the file.
        """
        lines = self.lines.get(point.path, {})
        found = _either(lines.get(line, frozenset()) for line in statement(point, source))
        if not found:
            found = _either(lines.values())
        return sorted(found & self.seconds.keys(), key=lambda test: (self.seconds[test], test))

    @classmethod
    def of(cls, file: Path, root: Path) -> "Touched":
        """What was written down of a place."""
        from coverage import CoverageData  # a tool of `test` and `check` alone

        data = CoverageData(basename=str(file))
        data.read()
        lines = {
            os.path.relpath(name, root): {
                line: frozenset(one.split("|")[0] for one in tests if one)
                for line, tests in data.contexts_by_lineno(name).items()
            }
            for name in data.measured_files()
        }
        told = [json.loads(line) for line in _told(file).read_text().splitlines()]
        seconds = {one["test"]: one["seconds"] for one in told if not one["failed"]}
        return cls(lines, seconds, frozenset(one["test"] for one in told if one["failed"]))


def _either(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def trace(
    root: Path, file: Path, env: Mapping[str, str], place: str, database: Sequence[str]
) -> None:
    """Run the tests of a place once, unchanged; write down which lines each runs, and its end."""
    part = file.with_name(f"{file.name}.part")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "--tb=no", *database, place]
    command += ["-p", "config.local.told", "--cov-context=test", "--cov-report="]
    command += [f"--cov={row}" for row in ROWS if (root / row).is_dir()]
    told = {"COVERAGE_FILE": str(part), TOLD: str(_told(file))}
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, **env, **told},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode not in (0, 1) or not part.exists():
        raise Stop(f"{place} could not be traced: `./bowei test {place}` says why.")
    part.rename(file)


def _told(file: Path) -> Path:
    return file.with_name(f"{file.name}.told")


def statement(point: Point, source: bytes) -> range:
    """The lines of the innermost statement around a point; of one that has a body, its head.

    What runs it is not written down for each line of a statement over several.
    """
    first, last = point.line, point.line + point.old.count("\n")
    best = range(first, last + 1)
    widest = len(source)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.stmt) or isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        end = node.end_lineno or node.lineno
        if body:
            end = max(node.lineno, getattr(body[0], "lineno", end + 1) - 1)
        if node.lineno <= first <= end and end - node.lineno < widest:
            best, widest = range(node.lineno, max(end, last) + 1), end - node.lineno
    return best


def own_place(point: Point) -> str:
    """The tests of the row that a point is in."""
    return f"tests/{point.path.split('/')[0]}"
