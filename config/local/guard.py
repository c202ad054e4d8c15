"""The guard's side: start a supervisor, hear it, and outlive it (see `supervisor`)."""

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config.local import private
from config.local.processes import (
    adopt_orphans,
    is_alive,
    kill_descendants,
    last_line,
    wait_until,
)
from config.local.stop import Stop

Event = dict[str, Any]


class Guard:
    """Holds one supervisor, `command`. As long as this process lives, so does what that started."""

    def __init__(
        self, command: Sequence[str], *, log: Path, lock: "FolderLock | None" = None
    ) -> None:
        self.command = list(command)
        self.log = log
        self.lock = lock
        self.popen: subprocess.Popen[str] | None = None
        self.stopping = False

    def start(self) -> None:
        adopt_orphans()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with private.append(self.log) as log:
            self.popen = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is the guard's to hear
                pass_fds=(self.lock.descriptor,) if self.lock else (),
            )

    def events(self, *, again: bool) -> Iterator[Event]:
        """What the supervisor tells, until it has stopped; a dead one is replaced if `again`."""
        while True:
            assert self.popen is not None and self.popen.stdout is not None
            last: Event = {}
            for line in self.popen.stdout:
                last = json.loads(line)
                yield last
            self.popen.wait()
            if last.get("event") in ("stopped", "failed"):
                return
            kill_descendants()
            if self.stopping:
                return
            if not again:
                raise Stop(f"The supervisor ended: {last_line(self.log) or 'it was killed'}.")
            yield {"event": "died", "name": "supervisor", "again_in_s": 1}
            time.sleep(1)
            self.start()

    def wait_up(self) -> dict[str, str]:
        """The environment that reaches what was started. Raises Stop where it can't start."""
        for event in self.events(again=False):
            if event["event"] == "up":
                return dict(event["env"])
            if event["event"] == "failed":
                raise Stop(event["why"])
        raise Stop("Stopped before it was up.")

    def stop(self) -> None:
        """Ask for an orderly stop; asked again, end everything at once."""
        assert self.popen is not None and self.popen.stdin is not None
        if self.stopping:
            self.popen.kill()
        self.stopping = True
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.write("stop\n")
            self.popen.stdin.flush()

    def finish(self) -> None:
        """Stop, and wait until nothing is left."""
        if self.popen is None:
            return
        self.stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(30)
        kill_descendants()


class FolderLock:
    """Only one set of servers works on a folder; the supervisor inherits the lock and keeps it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def take(self, what: str) -> None:
        """Take it for `what`. Raises Stop, naming who has it; waits for one who is just leaving."""
        if not self.try_take(what):
            holder, command = self.holder()
            if is_alive(holder) or not wait_until(
                lambda: self.try_take(what), timeout_s=20, every_s=0.2
            ):
                raise Stop(f"`./bowei {command}` runs already here (process {holder}).")

    def try_take(self, what: str) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()} {what}\n".encode(), 0)
        return True

    def holder(self) -> tuple[int, str]:
        words = os.pread(self.descriptor, 100, 0).decode().split(maxsplit=1)
        return (int(words[0]), words[1].strip()) if len(words) == 2 else (0, "…")

    def release(self) -> None:
        os.close(self.descriptor)
