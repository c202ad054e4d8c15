"""Do the tests notice a change? One drawn point at a time, in a copy of the repository.

Every test that touches the changed line runs there, quick ones first, until one fails: first those
of the point's own row, then, where these notice nothing, those of the other places of tests.
A test that fails without the change too has noticed nothing.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from config.local.changes import Point, points_of
from config.local.maps import ROWS, Touched, key, own_place, places, trace
from config.local.processes import dying_with
from config.local.stop import Stop

ROOMS = ("services", "rules")
PATIENCE_S, PATIENCE = 120, 6  # what takes longer, and so many times as long as unchanged, hangs
ASKED, ANSWERS = "BOWEI_CHANGES", "BOWEI_CHANGES_FD"  # what config/local/changed.py is told
NOT_MADE = "the change lies outside of functions"
HUNG = "a test that did not end"
NO_COPY = shutil.ignore_patterns(".git", ".venv", ".bowei", "__pycache__", ".*_cache")


def files(root: Path, only: Collection[str]) -> list[Path]:
    """The files to draw from: services and rules of every row and the mechanisms of core, or what
    `only` names."""
    rooms = [f"{row}/{room}" for row in ROWS for room in ROOMS]
    found: set[Path] = set() if only else set((root / "core").glob("*.py"))
    for place in only or rooms:
        path = root / place
        inside = path.glob("*.py") if place == "core" else path.rglob("*.py")
        found |= {path} if path.is_file() else set(inside)
        if path.with_suffix(".py").is_file():
            found.add(path.with_suffix(".py"))
    if not found:
        raise Stop(f"there is no file to change under {' '.join(only)}.")
    return sorted(found)


def draw(
    root: Path, paths: Sequence[Path], *, seed: int, count: int, kinds: Collection[str] = ()
) -> list[Point]:
    """`count` points drawn evenly from these files; of the kinds that hold one of these words."""
    sources = {str(path.relative_to(root)): path.read_bytes() for path in paths}
    every = [
        point
        for path, source in sources.items()
        for point in points_of(source, path)
        if not kinds or any(word in point.kind for word in kinds)
    ]
    random.Random(seed).shuffle(every)
    good = (point for point in every if point.compiles(sources[point.path]))
    return list(islice(good, count))


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a point at one place of tests: which test noticed it, "" where none did, of how many;
    and which failed without the change too, and so were not counted."""

    point: Point
    test: str
    asked: int
    uncounted: tuple[str, ...] = ()


@dataclass
class Asking:
    """The points that are still unnoticed, asked place by place.

    What was answered is kept beside the maps: who is interrupted begins where they were.
    """

    root: Path
    kept: Path
    env: Mapping[str, str]
    ground: "Ground"
    say: Callable[[str], None]
    known: dict[str, Answer] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.kept.mkdir(parents=True, exist_ok=True)
        if self._answers.exists():
            for line in self._answers.read_text().splitlines():
                told = json.loads(line)
                name = told.pop("name")
                self.known[name] = Answer(Point(**told.pop("point")), **told)

    @property
    def _answers(self) -> Path:
        return self.kept / "answers.jsonl"

    def ask(self, points: Sequence[Point], tests: Sequence[str]) -> Iterator[Answer]:
        """Each noticed point as soon as it is; the unnoticed ones at the end."""
        left = list(points)
        asked = dict.fromkeys(left, 0)
        stages = [(place, own) for own in (True, False) for place in tests or places(self.root)]
        for place, own in stages:
            mine = [one for one in left if (own_place(one) == place or bool(tests)) == own]
            for answer in self._at(place, mine) if mine else ():
                self.uncounted.update(answer.uncounted)
                asked[answer.point] += answer.asked
                if answer.test:
                    left.remove(answer.point)
                    yield answer
                else:
                    self.say(f"{place}: {answer.asked} tests do not notice {answer.point}")
        for point in left:
            yield Answer(point, "", asked[point])

    def _at(self, place: str, points: Sequence[Point]) -> Iterator[Answer]:
        unchanged = key(self.root, place)
        names = {one: self._name(unchanged, one) for one in points}
        yield from (self.known[name] for name in names.values() if name in self.known)
        fresh = [one for one in points if names[one] not in self.known]
        if not fresh:
            return
        touched = self._touched(place, unchanged)
        self.say(f"{place}: {len(fresh)} to ask")
        tests = [touched.tests_of(one, (self.root / one.path).read_bytes()) for one in fresh]
        patience = [
            PATIENCE_S + PATIENCE * sum(touched.seconds[test] for test in found) for found in tests
        ]
        for answer in self.ground.noticed(list(zip(fresh, tests, patience, strict=True))):
            self.known[names[answer.point]] = answer
            with self._answers.open("a") as file:
                file.write(json.dumps({"name": names[answer.point], **asdict(answer)}) + "\n")
            yield answer

    def _name(self, unchanged: str, point: Point) -> str:
        text = unchanged.encode() + repr(point).encode() + (self.root / point.path).read_bytes()
        return hashlib.sha256(text).hexdigest()[:24]

    def _touched(self, place: str, unchanged: str) -> Touched:
        file = self.kept / f"{place.replace('/', '.')}-{unchanged}"
        if not file.exists():
            self.say(f"{place}: running once unchanged, to learn which tests run which line …")
            trace(self.root, file, self.env, place, self.ground.database())
        touched = Touched.of(file, self.root)
        self.uncounted |= touched.failing
        return touched


class Ground:
    """A copy of the repository in which points are changed, with the same environment.

    Its database is made once: every test leaves it as it found it.
    """

    def __init__(self, root: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.root, self.made = root, folder / "changed"
        shutil.copytree(root, self.made, ignore=NO_COPY, symlinks=True)
        (self.made / ".venv").symlink_to(root / ".venv")
        self.env = {**os.environ, **env}
        self._has_database = False

    def database(self) -> list[str]:
        """How pytest comes to its database: it is made by the first who asks, and kept."""
        made, self._has_database = self._has_database, True
        return ["--reuse-db"] if made else ["--reuse-db", "--create-db"]

    def noticed(self, asked: Sequence[tuple[Point, Sequence[str], float]]) -> Iterator[Answer]:
        """Of each point with its tests and the seconds they may take: what these say of it.

        One process loads all and changes functions in children (config/local/changed.py); what
        lies outside of functions comes last, each in a process of its own.
        """
        file = self.made / "changes-to-make.json"
        file.write_text(
            json.dumps(
                [
                    {"point": asdict(point), "tests": list(tests), "longest_s": longest_s}
                    for point, tests, longest_s in asked
                ]
            )
        )
        reading, writing = os.pipe()
        every = sorted({test for _point, tests, _s in asked for test in tests})
        process = subprocess.Popen(
            self._pytest(every, "-p", "config.local.changed"),
            cwd=self.made,
            env={**self.env, ASKED: str(file), ANSWERS: str(writing)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[writing],
            preexec_fn=dying_with(os.getpid()),
        )
        os.close(writing)
        rest: list[tuple[Point, Sequence[str], float]] = []
        with os.fdopen(reading) as answers:
            for point, tests, longest_s in asked:
                line = answers.readline()
                told: dict[str, Any] = (
                    json.loads(line) if line else {"test": NOT_MADE, "uncounted": []}
                )
                if told["test"] == NOT_MADE:
                    rest.append((point, tests, longest_s))
                else:
                    yield Answer(point, told["test"], len(tests), tuple(told["uncounted"]))
        process.wait()
        for point, tests, longest_s in rest:
            yield self.noticed_by(point, tests, longest_s)

    def noticed_by(self, point: Point, tests: Sequence[str], longest_s: float) -> Answer:
        """What these tests say of a change that is made before anything is loaded."""
        left, uncounted = list(tests), list[str]()
        source = (self.root / point.path).read_bytes()
        while left:
            test = self._first_failing(left, longest_s, point.path, point.applied(source))
            if test not in left:  # none did, or they could not even begin
                return Answer(point, test, len(tests), tuple(uncounted))
            if not self._first_failing([test], longest_s, point.path, source):
                return Answer(point, test, len(tests), tuple(uncounted))
            uncounted.append(test)
            left = left[left.index(test) + 1 :]
        return Answer(point, "", len(tests), tuple(uncounted))

    def _first_failing(
        self, tests: Sequence[str], longest_s: float, path: str, source: bytes
    ) -> str:
        """The first of these tests that fails while the file reads like this."""
        file = self.made / path
        try:
            file.write_bytes(source)
            done = subprocess.run(
                self._pytest(tests, "-x"),
                cwd=self.made,
                env=self.env,
                capture_output=True,
                text=True,
                timeout=longest_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return HUNG
        finally:
            shutil.copyfile(self.root / path, file)
        if not done.returncode:
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0].split(" ", 1)[1].split(" - ")[0] if failed else "the tests could not begin"

    def _pytest(self, tests: Sequence[str], *more: str) -> list[str]:
        names = self.made / "tests-to-run.txt"
        names.write_text("".join(f"{test}\n" for test in tests))
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *more, *self.database()]
        return [*command, "-p", "no:cacheprovider", "--tb=no", f"@{names}"]
