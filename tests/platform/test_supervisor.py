"""The riskiest mechanism of the demo: whatever is killed comes back, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from config.local.postgres import Postgres
from config.local.processes import is_alive, wait_until
from config.local.supervisor import MARK
from config.local.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.chaos


class Demo:
    """A guard with real servers and stand-in children, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids: dict[str, int] = {}
        self.ready: dict[str, int] = {}
        self.guard = subprocess.Popen(
            [sys.executable, "-m", "tests.platform.standins", "guard", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.seen: list[dict[str, Any]] = []

    def hear(self, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read events until one fits; fails with what was heard when they end before."""
        assert self.guard.stdout is not None
        heard = []
        for line in self.guard.stdout:
            heard.append(line)
            if not line.startswith("{"):
                continue
            event = json.loads(line)
            self.seen.append(event)
            if event["event"] == "started":
                self.pids[event["name"]] = event["pid"]
            if until(event):
                return event
        raise AssertionError("the guard ended:\n" + "".join(heard))

    def is_up(self) -> None:
        self.hear(lambda event: event["event"] == "up")

    def is_ready_again(self, name: str) -> None:
        self.hear(lambda event: event["event"] == "ready" and event["name"] == name)

    @property
    def supervisor(self) -> int:
        return psutil.Process(self.guard.pid).children()[0].pid

    @property
    def postgres(self) -> Postgres:
        return Postgres(folder=self.folder / "postgres", log=self.folder / "log" / "postgres.log")

    def rows(self) -> list[int]:
        with psycopg.connect(self.postgres.url) as connection:
            return [n for (n,) in connection.execute("SELECT n FROM kept ORDER BY n").fetchall()]

    def add_row(self, n: int) -> None:
        with psycopg.connect(self.postgres.url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            connection.execute("INSERT INTO kept VALUES (%s)", [n])

    def living(self) -> list[str]:
        """Every process that carries the folder's mark, with its children, the guard not."""
        found = set()
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.folder):
                    found.update([process, *process.children(recursive=True)])
            except psutil.Error:
                continue
        return [f"{p.pid} {p.name()}" for p in found if is_alive(p.pid)]

    def is_empty(self) -> bool:
        return wait_until(lambda: not self.living(), timeout_s=15, every_s=0.2)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    demo.is_up()
    yield demo
    stop(demo)


def stop(demo: Demo) -> None:
    if demo.guard.poll() is None:
        demo.guard.send_signal(signal.SIGINT)
        demo.guard.communicate(timeout=30)


def test_each_killed_child_comes_back_and_leaves_no_child_of_its_own(demo: Demo) -> None:
    demo.add_row(1)
    for name in ("postgres", "valkey", "worker", "street"):
        before = demo.pids[name]
        below = psutil.Process(before).children(recursive=True)

        os.kill(before, signal.SIGKILL)
        demo.is_ready_again(name)

        assert demo.pids[name] != before
        assert not [p for p in below if is_alive(p.pid)]
    assert demo.rows() == [1]
    assert redis.Redis.from_url(Valkey(folder=demo.folder / "valkey").url).ping()


def test_nothing_survives_the_guards_death_and_the_next_start_recovers(
    demo: Demo, tmp_path: Path
) -> None:
    demo.add_row(1)

    demo.guard.kill()
    demo.guard.wait()

    assert demo.is_empty(), demo.living()
    again = Demo(tmp_path)
    again.is_up()
    assert again.rows() == [1]
    stop(again)


def test_a_killed_supervisor_is_replaced_with_all_that_it_ran(demo: Demo) -> None:
    demo.add_row(1)
    before = dict(demo.pids)

    os.kill(demo.supervisor, signal.SIGKILL)
    demo.is_up()

    assert not [name for name, pid in before.items() if is_alive(pid)]
    assert demo.rows() == [1]


def test_guard_and_supervisor_killed_together_do_not_stop_the_next_start(
    demo: Demo, tmp_path: Path
) -> None:
    demo.add_row(1)
    supervisor = demo.supervisor
    os.kill(demo.guard.pid, signal.SIGSTOP)  # so that it can't act between the two kills
    os.kill(supervisor, signal.SIGKILL)
    os.kill(demo.guard.pid, signal.SIGKILL)
    demo.guard.wait()

    again = Demo(tmp_path)
    again.is_up()

    assert again.rows() == [1]
    stop(again)
    assert again.is_empty(), again.living()


def test_a_stop_goes_backwards_through_the_start_and_leaves_nothing(demo: Demo) -> None:
    demo.guard.send_signal(signal.SIGINT)
    demo.hear(lambda event: event["event"] == "stopped")
    demo.guard.wait(timeout=10)

    ended = [event["name"] for event in demo.seen if event["event"] == "ended"]
    assert ended == ["street", "worker", "valkey", "postgres"]
    assert demo.guard.returncode == 0
    assert demo.is_empty(), demo.living()


def test_a_second_demo_on_the_same_folder_is_told_so(demo: Demo) -> None:
    second = Demo(demo.folder)
    said, _ = second.guard.communicate(timeout=20)

    assert second.guard.returncode == 1
    assert said.strip() == f"`./bowei demo` runs already here (process {demo.guard.pid})."


def test_a_child_that_dies_again_and_again_is_restarted_more_and_more_slowly(demo: Demo) -> None:
    waits = []
    for _ in range(3):
        os.kill(demo.pids["worker"], signal.SIGKILL)
        died = demo.hear(lambda event: event["event"] == "died")
        waits.append(died["again_in_s"])
        demo.is_ready_again("worker")

    assert waits == sorted(set(waits))
