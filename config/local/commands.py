"""The commands of `./bowei`, as they run inside `.venv`."""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
from rich.console import Console
from rich.markup import escape

from config.local import advisories, maps, noticing, refusals, sbom
from config.local.guard import Event, FolderLock, Guard
from config.local.processes import dying_with
from config.local.stop import Stop
from config.local.system import DEMO, ROOT, STORY, Launch, demo_logins, environment

DATA = Path(os.environ.get("BOWEI_DATA") or ROOT / ".bowei").resolve()
_ROOM_BYTES = 500 * 1000**2
_MANAGE = (sys.executable, "manage.py")
out = Console(highlight=False, soft_wrap=True)

LABELS = {
    "postgres": "PostgreSQL",
    "valkey": "Valkey",
    "migrate": "database tables",
    "prepare": "a city to look at",
    "web": "web server",
    "dispatcher": "dispatcher",
    "vision": "plate reader",
    "worker": "worker",
    "street": "simulated street",
}


def run(options: argparse.Namespace) -> int:
    """The exit status of one command."""
    for asking in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asking, signal.default_int_handler)
    match options.command:
        case "demo":
            return demo(port=options.port, fresh=options.fresh)
        case "story":
            return story(photo=options.photo, plate=options.plate, report=options.json)
        case "test":
            return test(options.rest)
        case "check":
            return check()
        case "mutate":
            return mutate(options)
        case "sbom":
            text = sbom.write(options.out)
            if options.out is None:
                sys.stdout.write(text)
            return 0
        case "audit":
            status, told = advisories.audit()
            print(*told, sep="\n")
            return status
        case _:
            return manage(options.rest)


# ── demo ────────────────────────────────────────────────────────────────────────────────────────
def demo(*, port: int, fresh: bool) -> int:
    """Run the whole system on the data folder until Ctrl-C."""
    lock = FolderLock(DATA / "demo.lock")
    lock.take("demo")
    _need_port(port)
    _need_room(DATA)
    if fresh:
        _forget(DATA)
    guard = Launch(folder=str(DATA), parts=DEMO, port=port).guard(lock)
    guard.start()
    watching = _Watching(port)
    while True:
        try:
            for event in guard.events(again=not guard.stopping):
                watching.see(event)
            return 0
        except KeyboardInterrupt:
            out.print("\nStopping …" if not guard.stopping else "Ending everything at once.")
            guard.stop()


class _Watching:
    """What a person sees of a demo's events."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.up = False
        self.away: set[str] = set()
        self.since = time.monotonic()

    def see(self, event: Event) -> None:
        name = event.get("name", "")
        match event["event"]:
            case "ready" if not self.up:
                took_s = time.monotonic() - self.since
                out.print(f"  [green]✓[/] {LABELS.get(name, name)} [dim]{took_s:.1f} s[/]")
            case "ready" if name in self.away:
                self.away.discard(name)
                out.print(f"  [green]✓[/] {LABELS.get(name, name)} is back")
            case "died":
                self.away.add(name)
                how = event.get("how", "gone")
                out.print(f"  [yellow]![/] {LABELS.get(name, name)} ended ({how}); starting again")
            case "up" if not self.up:
                self.up = True
                self._welcome()
            case "failed":
                raise Stop(event["why"])
            case "stopped":
                out.print("Stopped. The data stay; ./bowei demo goes on from there.")

    def _welcome(self) -> None:
        out.print("\nBowei 泊位 is up. Ctrl-C stops it.\n")
        out.print(f"  start page  {self.address}/")
        for login in demo_logins(DATA):
            page = f"{self.address}{login['page']}"
            out.print(f"  {login['who']:<10}  {page}  {login['name']} / {login['password']}")
        out.print(f"\nLogs are in {DATA / 'log'}.\n")


def _need_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            raise Stop(
                f"port {port} is taken or not allowed; choose another: ./bowei demo --port 8010"
            ) from None


def _need_room(folder: Path) -> None:
    if shutil.disk_usage(folder).free < _ROOM_BYTES:
        raise Stop(f"the disk is nearly full: {folder} needs 500 MB, and there is less.")


def _forget(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name.endswith(".lock"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


# ── story, test, check, manage ──────────────────────────────────────────────────────────────────
def story(*, photo: Path, plate: str | None, report: Path | None) -> int:
    """Play the story once with `photo`; its exit status tells how it went (docs/running.md)."""
    photo = photo.resolve()
    if not photo.is_file():
        raise Stop(f"there is no photo {photo}.")
    options = ["--plate", plate] if plate is not None else []
    options += ["--json", str(report.resolve())] if report is not None else []
    with _scratch("story", parts=STORY, own_database=True) as env:
        return _foreground([*_MANAGE, "story", str(photo), *options], env)


def test(arguments: Sequence[str]) -> int:
    """Run pytest on scratch servers, two at a time unless told otherwise."""
    spread = not any(a.startswith(("-n", "--numprocesses")) or "::" in a for a in arguments)
    parallel = ["-n", "2"] if spread else []
    with _scratch("test") as env:
        return _foreground([sys.executable, "-m", "pytest", *parallel, *arguments], env)


def check() -> int:
    """Run each check, all of them, and say which failed."""
    python = sys.executable
    checks: list[tuple[str, list[str], Mapping[str, str]]] = [
        ("style", [python, "-m", "ruff", "check", "."], {}),
        ("format", [python, "-m", "ruff", "format", "--check", "."], {}),
        ("templates", [_beside_python("djlint"), "--lint", "--quiet", "templates", "tests"], {}),
        ("types", [python, "-m", "mypy"], {}),
        ("layers", [_beside_python("lint-imports")], {}),
        # reads all code and templates, and needs no server
        ("states", [python, "-m", "pytest", "-q", "--tb=short", "tests/core/test_states.py"], {}),
        (
            "migrations",
            [python, "-W", "ignore::RuntimeWarning", *_MANAGE[1:], "makemigrations", "--check"],
            {},
        ),
        ("frozen migrations", [python, "-m", "core.frozen"], {}),
        (
            "production settings",
            [*_MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
            refusals.SOUND,
        ),
        ("refusals of a demo", [python, "-m", "config.local.refusals"], {}),
    ]
    failed = 0
    for name, command, more in checks:
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **more},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        mark = "[red]✗[/]" if done.returncode else "[green]✓[/]"
        out.print(f"{mark} {name} [dim]{time.monotonic() - started:.1f} s[/]")
        if done.returncode:
            failed += 1
            print(done.stdout.rstrip(), flush=True)
    if failed:
        raise Stop(f"{failed} of {len(checks)} checks failed.")
    return 0


def mutate(options: argparse.Namespace) -> int:
    """Change one drawn point at a time, say which no test notices; 1 where there is one."""
    paths = noticing.files(ROOT, options.only)
    points = noticing.draw(ROOT, paths, seed=options.seed, count=options.points, kinds=options.kind)
    if not points:
        raise Stop(f"there is no point of the kind “{' '.join(options.kind)}” in these files.")
    rows = Counter(one.path.split("/")[0] for one in points)
    noticed: Counter[str] = Counter()
    with _scratch("mutate") as env, tempfile.TemporaryDirectory(prefix="bowei-mutate-") as folder:
        asking = noticing.Asking(
            root=ROOT,
            kept=DATA / "noticing",
            env=env,
            ground=noticing.Ground(ROOT, Path(folder), env),
            say=lambda words: out.print(f"[dim]{escape(words)}[/]"),
        )
        for number, answer in enumerate(asking.ask(points, options.tests), 1):
            noticed[answer.point.path.split("/")[0]] += bool(answer.test)
            said = (
                f"[green]✓[/] {escape(str(answer.point))} [dim]{escape(answer.test)}[/]"
                if answer.test
                else f"[red]✗[/] {escape(str(answer.point))} [dim]{answer.asked} tests[/]"
            )
            out.print(f"{number:>4}/{len(points)} {said}")
    for test in sorted(asking.uncounted):
        out.print(f"[yellow]fails unchanged, so it was not counted:[/] {escape(test)}")
    for row in maps.ROWS:
        if rows[row]:
            out.print(f"{row}: {noticed[row]} of {rows[row]} noticed")
    seen = noticed.total()
    out.print(f"seed {options.seed}: {seen} of {len(points)} noticed, {seen / len(points):.0%}")
    return int(seen < len(points))


def manage(arguments: Sequence[str]) -> int:
    """Run `manage.py` on the demo's data: with its servers if it runs, else with our own."""
    lock = FolderLock(DATA / "demo.lock")
    command = [*_MANAGE, *arguments]
    if not lock.try_take("manage"):
        return _foreground(command, environment(DATA))
    _need_room(DATA)
    with _up(Launch(folder=str(DATA)).guard(lock)) as env:
        return _foreground(command, env)


@contextlib.contextmanager
def _scratch(
    what: str, *, parts: tuple[str, ...] = (), own_database: bool = False
) -> Iterator[dict[str, str]]:
    """The environment of servers whose data nobody will miss; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"bowei-{what}-"))
    _need_room(folder)
    with contextlib.ExitStack() as stack:
        if own_database and os.environ.get("DATABASE_URL"):
            os.environ["DATABASE_URL"] = stack.enter_context(_own_database(what))
        plan = Launch(folder=str(folder), parts=parts, port=free_port(), scratch=True)
        yield stack.enter_context(_up(plan.guard()))


@contextlib.contextmanager
def _up(guard: Guard) -> Iterator[dict[str, str]]:
    guard.start()
    try:
        with Console(stderr=True).status("Starting …"):
            env = guard.wait_up()
        yield env
    finally:
        guard.finish()


@contextlib.contextmanager
def _own_database(what: str) -> Iterator[str]:
    """A database of its own on the outside server, so that nobody's data are touched."""
    url, name = os.environ["DATABASE_URL"], f"bowei_{what}_{os.getpid()}"
    head, mark, tail = url.partition("?")
    try:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
            yield f"{head.rpartition('/')[0]}/{name}{mark}{tail}"
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    except psycopg.Error as error:
        raise Stop(f"the server of DATABASE_URL refused: {error}".splitlines()[0]) from None


def _foreground(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command in front of the person; Ctrl-C is the command's to answer."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **env}, preexec_fn=dying_with(os.getpid())
    )
    for asking in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asking, lambda number, _: process.send_signal(number))
    while True:
        try:
            status = process.wait()
            return status if status >= 0 else 128 - status
        except KeyboardInterrupt:
            continue


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _beside_python(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
