"""`./bowei demo` as a person meets it: it heals, it leaves nothing, it refuses with a sentence."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from config.local.processes import is_alive, wait_until
from config.local.supervisor import MARK
from config.local.system import DEMO, ROOT, SERVERS
from parking.vision.training.drawing import draw_scene
from tests.story.test_story import tell

pytestmark = pytest.mark.chaos


class Demo:
    """A running `./bowei demo`, and what it has said so far."""

    def __init__(self, folder: Path, port: int) -> None:
        env = {**os.environ, "BOWEI_DATA": str(folder), "COLUMNS": "200"}
        for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "BOWEI_TESTING"):
            env.pop(name, None)
        self.popen = subprocess.Popen(
            [sys.executable, "bowei", "demo", "--port", str(port)],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self.too_long = threading.Timer(600, self.popen.kill)  # so that a test can't hang
        self.too_long.start()

    def hear(self, words: str, times: int = 1) -> None:
        """Read on until it has said `words` that often since it was started."""
        assert self.popen.stdout is not None
        while self.said.count(words) < times:
            line = self.popen.stdout.readline()
            assert line, f"the demo ended before it said {words!r}:\n{self.said}"
            self.said += line

    def stop(self) -> None:
        self.too_long.cancel()
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        self.said += self.popen.communicate(timeout=60)[0]


def living(folder: Path) -> list[int]:
    """The processes of the run on `folder`, the guard not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and is_alive(process.pid):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def demo(tmp_path: Path, port: int) -> Iterator[Demo]:
    demo = Demo(tmp_path, port)
    demo.hear("is up")
    yield demo
    demo.stop()


def test_every_killed_process_of_the_demo_comes_back_and_nothing_survives_its_own_death(
    demo: Demo, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, port: int
) -> None:
    children = psutil.Process(demo.popen.pid).children()[0].children()
    assert len(children) == len(SERVERS) + len(set(DEMO) - {"migrate", "prepare"})

    for killed, child in enumerate(children, start=1):
        child.kill()
        demo.hear("starting again", times=killed)
    demo.hear("is back", times=len(children))

    with urlopen(f"http://127.0.0.1:{port}/health/ready/", timeout=10) as answer:
        assert answer.status == 200
    photo = draw_scene("沪A12345", "blue", seed=3)
    status, _told, output = tell(photo, tmp_path_factory.mktemp("story"), "--plate", "沪A12345")
    assert status == 0, output

    demo.popen.kill()
    demo.popen.wait()

    assert wait_until(lambda: not living(tmp_path), timeout_s=15, every_s=0.2)


def test_a_taken_port_is_met_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        demo = Demo(tmp_path, port)
        demo.popen.wait(60)
        demo.stop()

    assert demo.popen.returncode == 1
    assert demo.said.startswith(f"bowei: port {port} is taken")
    assert "Traceback" not in demo.said
