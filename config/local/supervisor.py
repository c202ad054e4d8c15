"""Keeps a set of processes running: starts them in order, restarts the dead, leaves none behind.

Two processes share the work. The **guard** is the command that a person runs; the **supervisor**
is its only child and the parent of everything else. A pipe ties them together: as long as the
guard lives it holds the writing end.

    guard ──pipe──▶ supervisor ──▶ postgres, valkey, web, dispatcher, workers …

- A child dies: the supervisor kills what the child left, and starts it again, with backoff.
- The guard dies, even by `kill -9`: the pipe ends, and the supervisor kills everything at once.
- The supervisor dies: the kernel kills its children, the guard adopts and kills what is left, and
  starts a new supervisor.
- Both die at the same moment: the kernel kills the children, and the next start looks for left
  processes by the mark in their environment.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from config.local import private
from config.local.processes import (
    adopt_orphans,
    dying_with,
    kill_descendants,
    kill_left_behind,
    last_line,
)
from config.local.stop import Stop

MARK = "BOWEI_RUN"  # in the environment of every process of a run: the folder it works on
_TICK_S = 0.1
_LOG_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process to keep running, or, with `once`, to run to its end before others start.

    `prepare` runs before each start; `ready` is asked until it is true; `after` names the services
    that must be ready first; `ready_s` is how long the first start may take.
    """

    name: str
    argv: Sequence[str]
    after: tuple[str, ...] = ()
    once: bool = False
    prepare: Callable[[], None] = lambda: None
    ready: Callable[[], bool] | None = None
    ready_words: str = ""  # ready when its log says this
    ready_s: float = 120
    stop_signal: signal.Signals = signal.SIGTERM
    patience_s: float = 6  # between the stop signal and the kill
    env: Mapping[str, str] | None = None
    popen: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Process:
    """A service as it runs now."""

    service: Service
    log: Path
    popen: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0
    log_start: int = 0
    ready: bool = False
    was_ready: bool = False
    finished: bool = False
    deaths: int = 0  # in a row, without a good while between
    not_before: float = 0

    def says(self, words: str) -> bool:
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return words.encode() in log.read()


class Supervisor:
    """Runs `services` until the pipe `hold` says or ends; tells each step as a line of JSON."""

    FIRST_TRIES = 4
    GOOD_WHILE_S = 30
    LONGEST_BACKOFF_S = 10

    def __init__(
        self,
        services: Iterable[Service],
        *,
        logs: Path,
        run: Path,
        env: Mapping[str, str],
        remove: Sequence[Path] = (),
        hold: int = 0,
        say: IO[str] = sys.stdout,
    ) -> None:
        """`run`: the folder worked on; `remove`: the folders that go at the end.

        `env`: what children get on top of ours, told to the guard when all is up.
        """
        logs.mkdir(parents=True, exist_ok=True)
        self.processes = {s.name: Process(s, logs / f"{s.name}.log") for s in services}
        self.given = dict(env)
        self.env = {**os.environ, **env, MARK: str(run)}
        self.run_folder = run
        self.remove = remove
        self.hold = hold
        self.say = say
        self.up = False
        self.asked_to_stop = False

    def run(self) -> int:
        """Exit status: 0 when it was told to stop, 1 when something could not be started."""
        adopt_orphans()
        for asking in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(asking, self._ask_to_stop)
        kill_left_behind(MARK, str(self.run_folder))
        try:
            for process in self.processes.values():
                _rotate(process.log)
            while not self._told_to_stop():
                self.step()
        except Stop as error:
            self.tell("failed", why=str(error))
            self.stop()
            return 1
        except OSError as error:
            self.tell("failed", why=f"{error.strerror}: {error.filename or self.run_folder}.")
            self.stop()
            return 1
        self.stop()
        self.tell("stopped")
        return 0

    def step(self) -> None:
        """Look at each process once."""
        for process in self.processes.values():
            if process.finished:
                continue
            if process.popen is None:
                if time.monotonic() >= process.not_before and self._may_start(process):
                    self._start(process)
            elif process.popen.poll() is not None:
                self._ended(process)
            elif not process.ready:
                self._ask(process)
            elif process.log.stat().st_size > _LOG_LIMIT_BYTES:
                _start_log_over(process.log)
        if not self.up and all(p.ready for p in self.processes.values()):
            self.up = True
            self.tell("up", env=self.given)

    def stop(self) -> None:
        """End all, last started first: those that nothing waits for together, then the servers."""
        living = [p for p in self.processes.values() if p.popen is not None and not p.finished]
        needed = {name for p in self.processes.values() for name in p.service.after}
        leaves = [p for p in living if p.service.name not in needed]
        rest = [p for p in reversed(living) if p.service.name in needed]
        for group in (leaves, *([p] for p in rest)):
            self._end(group)
        kill_descendants()
        for folder in self.remove:
            shutil.rmtree(folder, ignore_errors=True)

    def tell(self, event: str, **facts: Any) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more; the pipe says the same
            print(json.dumps({"event": event, **facts}), file=self.say, flush=True)

    def _told_to_stop(self) -> bool:
        readable, _, _ = select.select([self.hold], [], [], _TICK_S)
        if not readable:
            return self.asked_to_stop
        if not os.read(self.hold, 64):  # the guard is gone: nobody may stay, so nobody is asked
            kill_descendants()
        return True

    def _ask_to_stop(self, *_: object) -> None:
        self.asked_to_stop = True

    def _may_start(self, process: Process) -> bool:
        return all(self.processes[name].ready for name in process.service.after)

    def _start(self, process: Process) -> None:
        service = process.service
        service.prepare()
        process.log_start = process.log.stat().st_size if process.log.exists() else 0
        with private.append(process.log) as log:
            process.popen = subprocess.Popen(
                list(service.argv),
                env=self.env if service.env is None else {**service.env, MARK: self.env[MARK]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with(os.getpid()),
                **service.popen,
            )
        process.started_at = time.monotonic()
        process.ready = False
        self.tell("started", name=service.name, pid=process.popen.pid)

    def _ask(self, process: Process) -> None:
        service = process.service
        if service.once:
            ready = False  # until it has ended
        elif service.ready is not None:
            ready = service.ready()
        elif service.ready_words:
            ready = process.says(service.ready_words)
        else:
            ready = True
        if ready:
            self._is_ready(process)
        elif time.monotonic() - process.started_at > service.ready_s:
            if not process.was_ready:
                raise Stop(f"{service.name} did not get ready; its log is {process.log}.")
            self._end([process])

    def _is_ready(self, process: Process) -> None:
        process.ready = process.was_ready = True
        self.tell("ready", name=process.service.name)

    def _ended(self, process: Process) -> None:
        assert process.popen is not None
        status, service = process.popen.returncode, process.service
        self._kill_orphans()
        if service.once and status == 0:
            process.finished = True
            self._is_ready(process)
            return
        lived_s = time.monotonic() - process.started_at
        process.deaths = 1 if lived_s > self.GOOD_WHILE_S else process.deaths + 1
        if not process.was_ready and (service.once or process.deaths >= self.FIRST_TRIES):
            why = last_line(process.log).removeprefix("CommandError: ")
            raise Stop(f"{service.name} could not start: {why} Its log is {process.log}.")
        wait_s = min(0.1 * 2 ** (process.deaths - 1), self.LONGEST_BACKOFF_S)
        process.popen, process.ready = None, False
        process.not_before = time.monotonic() + wait_s
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        self.tell("died", name=service.name, how=how, again_in_s=wait_s)

    def _kill_orphans(self) -> None:
        """What a dead child left (a worker's pool, a server's sessions) holds files and sockets."""
        known = {p.popen.pid for p in self.processes.values() if p.popen and not p.finished}
        kill_descendants(spare=known)

    def _end(self, group: Sequence[Process]) -> None:
        living = [p for p in group if p.popen is not None and p.popen.poll() is None]
        for process in living:
            assert process.popen is not None
            process.popen.send_signal(process.service.stop_signal)
        end = time.monotonic() + max((p.service.patience_s for p in living), default=0)
        for process in living:
            assert process.popen is not None
            try:
                process.popen.wait(max(0.05, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_tree(process.popen)
            self.tell("ended", name=process.service.name)


def _kill_tree(popen: "subprocess.Popen[bytes]") -> None:
    try:
        below = psutil.Process(popen.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    popen.kill()
    popen.wait()
    for process in below:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size:
        log.replace(log.with_name(f"{log.name}.1"))


def _start_log_over(log: Path) -> None:
    """Keep the log as `.1` and empty it: the child goes on writing, it appends."""
    shutil.copy(log, log.with_name(f"{log.name}.1"))  # and its mode
    os.truncate(log, 0)
