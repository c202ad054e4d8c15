"""Which tests touch which line, and whether they notice a change of it.

The tests run once under coverage, each line with the tests that ran it; that map is kept in the
data folder for the commit it was made of. A change is made in a copy of the repository, and every
test that touches its line runs there, the small ones first, until one fails.
"""

import ast
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from config.local.changes import Point, points_of
from config.local.stop import Stop

ROWS = ("accounts", "arrears", "devices", "monthlycard", "parking", "payments", "recovery")
ROOMS = ("services", "rules")
LONGEST_S = 1800  # of one change's tests; what hangs longer has been noticed
ASKED, ANSWERS = "BOWEI_CHANGES", "BOWEI_CHANGES_FD"  # what config/local/changed.py is told
NOT_MADE = "the change lies outside of functions"
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


@dataclass(frozen=True, slots=True)
class Touched:
    """Tests by file and line, `lines`; and how many lines each test runs, `weight`."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    weight: Mapping[str, int]

    def tests_of(self, point: Point, source: bytes) -> list[str]:
        """The tests that run the statement of this point, small ones first.

        A line that runs only while its module is loaded belongs to whoever runs any of the file.
        """
        lines = self.lines.get(point.path, {})
        found: set[str] = set()
        for line in statement(point, source):
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


def commit(root: Path, tests: Sequence[str]) -> str:
    """What the map of tests is of: the commit, what differs from it, and which tests were run."""
    text = b"".join(
        subprocess.run(["git", *words], cwd=root, capture_output=True, check=True).stdout
        for words in (["rev-parse", "HEAD"], ["diff", "HEAD"])
    )
    text += "".join(f"\n{test}" for test in sorted(tests)).encode()
    return hashlib.sha256(text).hexdigest()[:16]


def trace(root: Path, file: Path, env: Mapping[str, str], tests: Sequence[str]) -> int:
    """Run these tests once, or all, and write down which lines each of them runs."""
    part = file.with_suffix(".part")
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "--cov-context=test", *tests]
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

    def noticed(self, asked: Sequence[tuple[Point, Sequence[str]]]) -> Iterator[tuple[Point, str]]:
        """Each of these points with the first of its tests that fails with it; "" for none.

        One process loads all and changes functions in children (config/local/changed.py); what
        lies outside of functions comes last, each in a process of its own.
        """
        file = self.made / "changes-to-make.json"
        file.write_text(
            json.dumps(
                [
                    {"point": asdict(point), "tests": list(tests), "longest_s": LONGEST_S}
                    for point, tests in asked
                ]
            )
        )
        reading, writing = os.pipe()
        every = sorted({test for _point, tests in asked for test in tests})
        process = subprocess.Popen(
            self._pytest(every, "-p", "config.local.changed"),
            cwd=self.made,
            env={**self.env, ASKED: str(file), ANSWERS: str(writing)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[writing],
        )
        os.close(writing)
        rest = []
        with os.fdopen(reading) as answers:
            for point, tests in asked:
                answer = answers.readline()
                told = json.loads(answer) if answer else NOT_MADE
                if told == NOT_MADE:
                    rest.append((point, tests))
                else:
                    yield point, told
        process.wait()
        for point, tests in rest:
            yield point, self.noticed_by(point, tests)

    def noticed_by(self, point: Point, tests: Sequence[str]) -> str:
        """The first of these tests that fails with this change, in a process of its own."""
        if not tests:
            return ""
        file = self.made / point.path
        source = file.read_bytes()
        try:
            file.write_bytes(point.applied(source))
            done = subprocess.run(
                self._pytest(tests, "-x"),
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
        if not done.returncode:
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0].split(" ", 2)[1] if failed else "the tests could not begin"

    def _pytest(self, tests: Sequence[str], *more: str) -> list[str]:
        names = self.made / "tests-to-run.txt"
        names.write_text("".join(f"{test}\n" for test in tests))
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *more, *self.database]
        return [*command, "-p", "no:cacheprovider", "--tb=no", f"@{names}"]
