"""Makes `.venv` and keeps it as the requirements say. Nothing but the standard library here.

uv does the installing, with its own choice of PyTorch's CPU build; where PyTorch's index can't be
reached, from pip's indexes; where uv can't be had or fails, pip does it.
"""

import ast
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
HALF = VENV / "bowei-half"  # packages were being put into it; one of them may lack files
CACHE = ROOT / ".bowei" / "uv"  # what was downloaded, until all of it is installed
INSTALLING = ROOT / ".bowei" / "install.lock"
LOG = VENV / "bowei-install.log"
RUNTIME, DEV, CONSTRAINTS = "requirements.txt", "requirements-dev.txt", "constraints.txt"
UV = "uv==0.13.9"
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
_UV_FLAGS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraints",
    "trusted-host": "--allow-insecure-host",
}
_UV_VARIABLES = {"cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}


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
    if not _has("torch") and shutil.disk_usage(ROOT).free < _ROOM_BYTES:
        raise Stop("the packages need 3 GB of disk (8 GB with CUDA), and there is less here.")
    installed = _wanted(dev=dev)
    STAMP.unlink(missing_ok=True)
    wanted = [
        part for name in installed if name != CONSTRAINTS for part in ("-r", str(ROOT / name))
    ]
    wanted += ["-c", str(ROOT / CONSTRAINTS)]
    again = HALF.exists()
    HALF.touch()
    if not _install_with_uv([*(["--reinstall"] if again else []), *wanted]):
        _install_with_pip([*(["--force-reinstall"] if again else []), *wanted])
    HALF.unlink()
    shutil.rmtree(CACHE, ignore_errors=True)
    remember(dev=dev)


def _install_with_uv(wanted: list[str]) -> bool:
    """Whether uv could do it. Raises Stop where nobody could."""
    try:
        if not _has(*UV.split("==")):
            _run("uv", _pip_install([UV]))
        flags, variables = uv_settings(_pip_settings())
        install = [
            *(str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON)),
            *("--no-config", "--index-strategy", "unsafe-best-match", *flags, *wanted),
        ]
        variables |= {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(CACHE))}
        if not _has("torch"):
            _say("About 400 MB to download, 2 GB on disk.")
        try:
            quick = {"UV_HTTP_RETRIES": "1", **variables}
            _run("the packages", [*install, "--torch-backend", "cpu"], quick)
        except _Failed as failed:
            if not failed.names("pytorch"):
                raise
            _say("PyTorch's own index can't be reached; taking PyTorch from your pip's index.")
            _warn_of_cuda()
            _run("the packages", install, variables)
    except _Failed as failed:
        if failed.names("No space left on device"):
            raise
        _say("uv could not do it; trying with pip, which takes longer.")
        return False
    return True


def _install_with_pip(wanted: list[str]) -> None:
    if not _has("torch") and sys.platform == "linux":
        _say("PyTorch is installed first: some 200 MB as CPU build, several GB with CUDA.")
        _warn_of_cuda()
        torch = re.search(r"^torch==\S+", (ROOT / RUNTIME).read_text(), re.MULTILINE)
        assert torch is not None
        _run("PyTorch", _pip_install([torch[0], "-c", str(ROOT / CONSTRAINTS)]))
    _run("the packages", _pip_install(wanted))


def _pip_settings() -> dict[str, str]:
    """What pip is set to, its variables before its files, an environment's before a person's."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    ranks = ("global", "install", ":env:")
    found: dict[str, tuple[int, str]] = {}
    for line in listed.splitlines():
        key, _equals, value = line.partition("=")
        where, _dot, name = key.rpartition(".")
        if where in ranks and ranks.index(where) >= found.get(name, (0, ""))[0]:
            found[name] = (ranks.index(where), str(ast.literal_eval(value)))
    return {name: value for name, (_rank, value) in found.items()}


def uv_settings(pip: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """pip's settings as uv takes them: its arguments and its variables.

    Folders that don't exist are left out, as pip does; uv would stop at them.
    """
    flags = ["--no-index"] if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else []
    for name, flag in _UV_FLAGS.items():
        for value in pip.get(name, "").split():
            place = value.removeprefix("file://")
            if place.startswith("/") and not Path(place).exists():
                continue
            flags += [flag, value]
    return flags, {_UV_VARIABLES[name]: pip[name] for name in _UV_VARIABLES if pip.get(name)}


def _warn_of_cuda() -> None:
    if sys.platform == "linux" and not {"extra-index-url", "find-links"} & _pip_settings().keys():
        _say(
            "On Linux the package index has the one with CUDA, several GB. For the small one stop\n"
            "here (Ctrl-C), set PIP_EXTRA_INDEX_URL to the CPU index that PyTorch's own\n"
            "'Get started' page shows for Linux / Pip / CPU, and run this again."
        )


def _has(package: str, version: str = "*") -> bool:
    return any(VENV.glob(f"lib/python*/site-packages/{package}-{version}.dist-info"))


def _pip_install(arguments: list[str]) -> list[str]:
    quiet = ("--no-input", "--progress-bar", "off", "--disable-pip-version-check")
    return [str(PYTHON), "-m", "pip", "install", *quiet, *arguments]


class _Failed(Stop):
    """An installer gave up; `text` is all that it said."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(f"could not install {what}: {_why(text)} (its words: {LOG})")
        self.text = text

    def names(self, what: str) -> bool:
        return what in self.text


def _run(what: str, command: list[str], more: dict[str, str] | None = None) -> None:
    """Run an installer, showing in one line what it is at; _Failed with the reason if it fails."""
    quiet = {
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_RETRIES": os.environ.get("PIP_RETRIES", "2"),
        "UV_NO_PROGRESS": "1",  # its bars; the steps are shown
        **(more or {}),
    }
    started, text = time.monotonic(), []
    with LOG.open("w") as log:
        installer = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **quiet},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert installer.stdout is not None
        for line in installer.stdout:
            log.write(line)
            text.append(line)
            _show(line)
    _show("")
    if installer.wait():
        raise _Failed(what, "".join(text))
    _say(f"Installed {what} in {time.monotonic() - started:.0f} s.")


def _why(text: str) -> str:
    if "No space left on device" in text:
        return "the disk is full."
    if any(sign in text for sign in _NO_NETWORK):
        return "the package index can't be reached; check the network and pip's settings."
    errors = re.findall(r"^(?:ERROR|error): (.*)$", text, re.MULTILINE)
    return _last_line("\n".join(errors) or text)


def _show(line: str) -> None:
    """One line that is written over: what is collected, downloaded or installed now."""
    step = re.match(
        r"\s*(Collecting|Downloading|Downloaded|Prepared|Installing|Using cached)(.*)", line
    )
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
