"""Makes `.venv` and keeps it as the requirements say. Nothing but the standard library here."""

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from config.local.stop import Stop

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "bowei-installed.json"  # which requirements this environment has
UNFINISHED = VENV / "bowei-unfinished"  # the environment itself was being made
INSTALLING = ROOT / ".bowei" / "install.lock"
LOG = VENV / "bowei-install.log"
RUNTIME, DEV, CONSTRAINTS = "requirements.txt", "requirements-dev.txt", "constraints.txt"
_ROOM_BYTES = 3 * 1000**3

_NO_NETWORK = (
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Connection refused",
    "Read timed out",
    "Max retries exceeded",
    "No matching distribution found",
)


def ensure(*, dev: bool) -> None:
    """Make `.venv` hold what the requirements say; quick when it does already."""
    if is_current(dev=dev):
        return
    INSTALLING.parent.mkdir(exist_ok=True)
    with INSTALLING.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another ./bowei is installing here; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(dev=dev):
            _make_environment()
            _install(dev=dev)


def enter(script: str, arguments: list[str]) -> None:
    """Go on in `.venv`'s Python; returns only when this is it already."""
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(PYTHON, [str(PYTHON), script, *arguments])


def is_current(*, dev: bool) -> bool:
    """Whether an install of what the requirements say now was finished."""
    try:
        installed = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    wanted = _wanted(dev=dev)
    return PYTHON.exists() and all(installed.get(name) == wanted[name] for name in wanted)


def remember(*, dev: bool) -> None:
    """Note that an install was finished, and of what."""
    STAMP.write_text(json.dumps(_wanted(dev=dev)))


def _wanted(*, dev: bool) -> dict[str, str]:
    names = (RUNTIME, CONSTRAINTS, *((DEV,) if dev else ()))
    return {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}


def _make_environment() -> None:
    if UNFINISHED.exists():
        shutil.rmtree(VENV)
    if PYTHON.exists():
        return
    if VENV.exists():
        raise Stop(f"{VENV} has no working Python; remove the folder and run this again.")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        raise Stop(
            "this Python can't make virtual environments: install Debian's package python3-venv "
            f"(apt install {version}-venv), or make one with `virtualenv .venv`, or start ./bowei "
            "with another Python."
        )
    _say("Making a virtual environment in .venv …")
    VENV.mkdir()
    UNFINISHED.touch()
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise Stop(f"could not make .venv: {_last_line(made.stdout + made.stderr)}")
    UNFINISHED.unlink()


def _install(*, dev: bool) -> None:
    if not _has("torch"):
        if shutil.disk_usage(ROOT).free < _ROOM_BYTES:
            raise Stop("the packages need 3 GB of disk (8 GB with CUDA), and there is less here.")
        _say("Packages come from your pip's index: about 400 MB to download, 2 GB on disk.")
        if sys.platform == "linux":
            _warn_of_cuda()
            torch = re.search(r"^torch==\S+", (ROOT / RUNTIME).read_text(), re.MULTILINE)
            assert torch is not None
            STAMP.unlink(missing_ok=True)
            _pip("PyTorch", [torch[0], "-c", str(ROOT / CONSTRAINTS)])
    installed = _wanted(dev=dev)
    STAMP.unlink(missing_ok=True)
    wanted = [
        part for name in installed if name != CONSTRAINTS for part in ("-r", str(ROOT / name))
    ]
    _pip("the packages", [*wanted, "-c", str(ROOT / CONSTRAINTS)])
    remember(dev=dev)


def _warn_of_cuda() -> None:
    configured = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    _say("PyTorch is installed first: some 200 MB as CPU build, several GB with CUDA.")
    if "extra-index-url" not in configured and "find-links" not in configured:
        _say(
            "On Linux pip takes the one with CUDA. For the small one stop here (Ctrl-C), set\n"
            "PIP_EXTRA_INDEX_URL to the CPU index that PyTorch's own 'Get started' page shows\n"
            "for Linux / Pip / CPU, and run this again."
        )


def _has(package: str) -> bool:
    return any(VENV.glob(f"lib/python*/site-packages/{package}-*.dist-info"))


def _pip(what: str, arguments: list[str]) -> None:
    """Run `pip install`, showing in one line what it is at; Stop with the reason when it fails."""
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--no-input",
        "--progress-bar",
        "off",
    ]
    quiet = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_RETRIES": os.environ.get("PIP_RETRIES", "2"),
    }
    started, text = time.monotonic(), []
    with LOG.open("w") as log:
        pip = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            env={**os.environ, **quiet},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert pip.stdout is not None
        for line in pip.stdout:
            log.write(line)
            text.append(line)
            _show(line)
    if pip.wait():
        _show("")
        raise Stop(f"could not install {what}: {_why(''.join(text))} (pip's words: {LOG})")
    _show("")
    _say(f"Installed {what} in {time.monotonic() - started:.0f} s.")


def _why(text: str) -> str:
    if "No space left on device" in text:
        return "the disk is full."
    if any(sign in text for sign in _NO_NETWORK):
        return "the package index can't be reached; check the network and pip's settings."
    errors = [line for line in text.splitlines() if line.startswith("ERROR:")]
    return _last_line("\n".join(errors) or text).removeprefix("ERROR: ")


def _show(line: str) -> None:
    """One line that is written over: what pip collects, downloads or installs now."""
    step = re.match(r"\s*(Collecting|Downloading|Installing|Using cached)\b(.*)", line)
    if not sys.stderr.isatty() or (line and not step):
        return
    words = f"{step[1]}{step[2]}".strip() if step else ""
    width = shutil.get_terminal_size().columns - 3
    print(
        f"\r\033[K  {words[:width]}" if words else "\r\033[K", end="", file=sys.stderr, flush=True
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing."


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
