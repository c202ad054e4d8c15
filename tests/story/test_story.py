"""The story, told by its command on servers and processes of its own, as a newcomer runs it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import psutil
import pytest

from core.logs import discreet
from core.plates import masked
from parking.vision.training.drawing import draw_scene

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "BOWEI_TESTING", "BOWEI_TEST_NAME")
After = Callable[[int, psutil.Process], None]
CHILDREN = {  # what the command runs beside itself, by what stands in each one's command line
    "postgres": "bin/postgres",
    "valkey": "valkey-server",
    "web": "uvicorn",
    "dispatcher": "dispatch",
    "vision": "vision@",
    "worker": "worker@",
}
SPOKEN = [f"P0.{n}" for n in range(1, 7)] + [f"P1.{n}" for n in range(1, 7)]
SPOKEN += [f"P2.{n}" for n in range(1, 7)] + [f"P3.{n}" for n in range(1, 5)]
SPOKEN += [f"P4.{n}" for n in range(1, 14)]


def tell(
    photo: bytes, folder: Path, *options: str, after: After | None = None
) -> tuple[int, dict, str]:
    """Exit status, report and output of `./bowei story`; `after` each step that took effect, it is
    called with how many did, and with the command."""
    (folder / "photo.jpg").write_bytes(photo)
    env = {name: value for name, value in os.environ.items() if name not in SERVERS}
    with subprocess.Popen(
        [
            sys.executable,
            "bowei",
            "story",
            str(folder / "photo.jpg"),
            "--json",
            str(folder / "report.json"),
            *options,
        ],
        cwd=ROOT,
        env={**env, "PYTHONUNBUFFERED": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as story:
        too_long = threading.Timer(400, story.terminate)  # so that a test can't hang
        too_long.start()
        output, steps = "", 0
        for line in story.stdout:
            output += line
            if line.startswith("✓"):
                steps += 1
                if after is not None:
                    after(steps, psutil.Process(story.pid))
        too_long.cancel()
    report = folder / "report.json"
    told = json.loads(report.read_text()) if report.exists() else {}
    return story.returncode, told, output


class Logs:
    """What each process has written so far, read while it runs: its folder goes with it."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def read(self, _steps: int, story: psutil.Process) -> None:
        with suppress(psutil.Error, OSError):  # a process, or its files, may just have gone
            written = {
                Path(file.path)
                for child in story.children(recursive=True)
                for file in child.open_files()
                if file.path.endswith(".log")
            }
            for folder in {path.parent for path in written}:
                self.said |= {path.name: said_in(path) for path in folder.glob("*.log")}


def said_in(log: Path) -> str:
    """What a log says, less where this run's folders are: their names look like tokens."""
    return log.read_text().replace(str(log.parent.parent), "").replace(str(ROOT), "")


@pytest.mark.chaos
def test_one_vehicle_goes_through_every_step(tmp_path):
    photo = draw_scene("沪A12345", "blue", seed=3)
    logs = Logs()
    status, told, output = tell(photo, tmp_path, "--plate", "沪A12345", after=logs.read)

    assert status == 0, output
    assert not told["misread"]
    assert_whole(told)
    assert_discreet(logs.said)


def assert_discreet(said: dict[str, str]) -> None:
    """No log names a plate, a phone, or a link that opens something."""
    assert {"web.log", "dispatcher.log", "vision.log", "worker.log", "postgres.log"} <= {*said}
    for name, text in said.items():
        found = [line for line in text.splitlines() if discreet(line) != line]
        assert not found, (name, found[:3])
        for plate in ("A12345", "A·12345"):
            assert plate not in text, name


def assert_whole(told: dict) -> None:
    """Every step of the issue was told, and took effect."""
    assert all(step["ok"] for step in told["steps"])
    assert {step_id for step in told["steps"] for step_id in step["ids"]} == set(SPOKEN)


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("京AD12346", "Misread: the owner objects, a reviewer settles", id="sure"),
        pytest.param("沪A12846", "The reading is in doubt: a reviewer looks", id="unsure"),
    ],
)
def test_what_people_see_counts_whatever_was_read(tmp_path, text, title):
    """P0.1: a sure reading that is wrong is objected to, an unsure one is typed by a person."""
    photo = draw_scene("沪A12345", "blue", seed=3)
    if "doubt" in title:
        photo = blurred(photo)
    status, told, output = tell(photo, tmp_path, "--plate", text)

    assert status == 0, output
    assert told["misread"] is title.startswith("Misread")
    assert_whole(told)
    settled = [step["seen"]["plate"] for step in told["steps"] if step["title"] == title]
    kind = "green" if len(text) == 8 else "blue"
    assert settled == [f"{masked(text)} {kind}"] * 3


def blurred(photo: bytes) -> bytes:
    """The photograph as a camera out of focus takes it: the plate is found, hardly read."""
    import cv2
    import numpy as np

    sharp = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".jpg", cv2.GaussianBlur(sharp, (0, 0), 9))[1].tobytes()


@pytest.mark.chaos
def test_each_killed_process_comes_back_and_the_story_goes_on(tmp_path):
    """`kill -9` after a step: nothing that was done is lost, nothing is done twice."""
    turns = cycle(CHILDREN.values())
    killed: list[int] = []

    def kill(steps: int, command: psutil.Process) -> None:
        if steps % 3:
            return
        mark = next(turns)
        alive = [child for child in grandchildren(command) if mark in " ".join(child.cmdline())]
        assert alive, f"{mark} has not come back"
        alive[0].kill()
        killed.append(alive[0].pid)

    photo = draw_scene("沪A12345", "blue", seed=3)
    status, told, output = tell(photo, tmp_path, "--plate", "沪A12345", after=kill)

    assert status == 0, output
    assert_whole(told)
    assert len(set(killed)) >= 2 * len(CHILDREN)


def grandchildren(command: psutil.Process) -> list[psutil.Process]:
    """What the command's supervisor runs."""
    supervisor = [
        child for child in command.children() if "config.local.system" in " ".join(child.cmdline())
    ]
    return [child for child in supervisor[0].children() if child.status() != "zombie"]


@pytest.mark.chaos
def test_a_photograph_without_a_plate_waits_for_a_person_and_the_story_says_so(tmp_path):
    """P0.1: never lost, never guessed."""
    import cv2
    import numpy as np

    grey = np.full((480, 640, 3), 128, np.uint8)
    status, told, output = tell(cv2.imencode(".jpg", grey)[1].tobytes(), tmp_path)

    assert status == 3, output
    assert told["steps"][-1]["seen"]["why"] == "no_plate"


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (b"not a photograph", [], "not a picture"),
        (draw_scene("沪A12345", "blue", seed=3), ["--plate", "沪I12345"], "--plate"),
    ],
)
def test_a_bad_photograph_or_plate_is_met_with_a_sentence(tmp_path, data, options, says):
    photo = tmp_path / "bad.jpg"
    photo.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "manage.py", "story", str(photo), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
