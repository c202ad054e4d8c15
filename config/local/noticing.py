"""Which tests touch which line, and whether they notice a change of it.

The tests run once under coverage, each line with the tests that ran it; that map is kept in the
data folder for the commit it was made of. A change is made in a copy of the repository, and every
test that touches its line runs there, the small ones first, until one fails.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.local.changes import Point, points_of
from config.local.stop import Stop

ROWS = ("accounts", "arrears", "devices", "monthlycard", "parking", "payments", "recovery")
ROOMS = ("services", "rules")
LONGEST_S = 1800  # of one change's tests; what hangs longer has been noticed
NO_COPY = shutil.ignore_patterns(".git", ".venv", ".bowei", "__pycache__", ".*_cache")


def files(root: Path, only: Collection[str]) -> list[Path]:
    """The files to draw from: services and rules of every row, or what `only` names."""
    rooms = [f"{row}/{room}" for row in ROWS for room in ROOMS]
    found: set[Path] = set()
    for place in only or rooms:
        path = root / place
        found |= {path} if path.is_file() else set(path.rglob("*.py"))
        if path.with_suffix(".py").is_file():
            found.add(path.with_suffix(".py"))
    if not found:
        raise Stop(f"there is no file to change under {' '.join(only)}.")
    return sorted(found)


def draw(root: Path, paths: Sequence[Path], *, seed: int, count: int, kind: str) -> list[Point]:
    """`count` points drawn evenly from these files; of one kind, where a word of it is given."""
    every = [
        point
        for path in paths
        for point in points_of(path.read_bytes(), str(path.relative_to(root)))
        if kind in point.kind
    ]
    chance = random.Random(seed)
    return chance.sample(every, min(count, len(every)))


@dataclass(frozen=True, slots=True)
class Touched:
    """Tests by file and line, `lines`; and how many lines each test runs, `weight`."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    weight: Mapping[str, int]

    def tests_of(self, point: Point) -> list[str]:
        """The tests that run this line, small ones first.

        A line that runs only while its module is loaded belongs to whoever runs any of the file.
        """
        lines = self.lines.get(point.path, {})
        last = point.line + point.old.count("\n")
        found: set[str] = set()
        for line in range(point.line, last + 1):
            found |= lines.get(line, frozenset())
        if not found:
            found = set().union(*lines.values()) if lines else set()
        return sorted(found, key=lambda test: (self.weight[test], test))

    @classmethod
    def of(cls, file: Path, root: Path) -> "Touched":
        """What coverage wrote down, with each line's tests."""
        from coverage import CoverageData  # a tool of `test` and `check` alone

        data = CoverageData(basename=str(file))
        data.read()
        lines: dict[str, dict[int, frozenset[str]]] = {}
        weight: Counter[str] = Counter()
        for name in data.measured_files():
            tests_of = {
                line: frozenset(one.split("|")[0] for one in tests if one)
                for line, tests in data.contexts_by_lineno(name).items()
            }
            lines[os.path.relpath(name, root)] = tests_of
            for tests in tests_of.values():
                weight.update(tests)
        return cls(lines, weight)


def commit(root: Path) -> str:
    """What the map of tests is of: the commit and what differs from it."""
    text = b"".join(
        subprocess.run(["git", *words], cwd=root, capture_output=True, check=True).stdout
        for words in (["rev-parse", "HEAD"], ["diff", "HEAD"])
    )
    return hashlib.sha256(text).hexdigest()[:16]


def trace(root: Path, file: Path, env: Mapping[str, str]) -> int:
    """Run all tests once and write down which lines each of them runs."""
    part = file.with_suffix(".part")
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "--cov-context=test"]
    command += ["--cov-report=", *(f"--cov={row}" for row in ROWS)]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **env, "COVERAGE_FILE": str(part)}, check=False
    )
    if done.returncode not in (0, 1) or not part.exists():
        raise Stop("the tests could not be traced.")
    part.rename(file)
    return done.returncode


class Ground:
    """A copy of the repository in which points are changed, with the same environment.

    Its database is made once: every test leaves it as it found it.
    """

    def __init__(self, root: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.made = folder / "changed"
        shutil.copytree(root, self.made, ignore=NO_COPY, symlinks=True)
        (self.made / ".venv").symlink_to(root / ".venv")
        self.env = {**os.environ, **env}
        self.database: tuple[str, ...] = ("--create-db",)

    def noticed_by(self, point: Point, tests: Sequence[str]) -> str:
        """The first of these tests that fails with this change; "" where none does."""
        file = self.made / point.path
        source = file.read_bytes()
        names = self.made / "tests-to-run.txt"
        names.write_text("".join(f"{test}\n" for test in tests))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--reuse-db", *self.database]
        command += ["-p", "no:cacheprovider", "--tb=no", f"@{names}"]
        self.database = ("--create-db",)  # unless this run comes to its end
        try:
            file.write_bytes(point.applied(source))
            done = subprocess.run(
                command,
                cwd=self.made,
                env=self.env,
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "a test that did not end"
        finally:
            file.write_bytes(source)
        if done.returncode in (0, 1):
            self.database = ()
        if not done.returncode:
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0].split(" ", 2)[1] if failed else "the tests could not begin"
