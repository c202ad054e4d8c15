"""What the supervisor needs of the operating system: no process may outlive its reason."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Descendants whose parent dies become this process's children, to be found and ended."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def dying_with(parent: int) -> Callable[[], None]:
    """For Popen's `preexec_fn`: the kernel kills the child when `parent` dies, however it dies.

    Only right when `parent` starts its children from its main thread: the signal comes when the
    *thread* that forked ends.
    """

    def set_signal() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return set_signal


def kill_descendants(*, spare: Collection[int] = ()) -> None:
    """Kill every descendant of this process but those in `spare` and their descendants.

    Looks again until none is left, since the descendants of a dead child are adopted here.
    """
    while True:
        doomed = [child for child in psutil.Process().children() if child.pid not in spare]
        for child in doomed:
            for process in [*_below(child), child]:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
        if not doomed:
            return
        psutil.wait_procs(doomed, timeout=5)
        for child in doomed:
            try:
                os.waitpid(child.pid, os.WNOHANG)
            except ChildProcessError:
                continue


def kill_left_behind(mark: str, value: str) -> None:
    """Kill what an earlier run left: processes whose environment says `mark`=`value`.

    Only needed after guard and supervisor were killed at the same moment.
    """
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    left = []
    for process in psutil.process_iter():
        try:
            if process.pid not in ours and process.environ().get(mark) == value:
                process.kill()
                left.append(process.pid)
        except (psutil.Error, OSError):
            continue
    wait_until(lambda: not any(map(is_alive, left)), timeout_s=5)


def is_alive(pid: int) -> bool:
    """Whether `pid` is a process that runs, a zombie not counted."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(true: Callable[[], bool], *, timeout_s: float, every_s: float = 0.05) -> bool:
    """Whether `true()` came true in time."""
    end = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True


def last_line(log: Path) -> str:
    """The last line of a log that says something, for a sentence about what went wrong."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
