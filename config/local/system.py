"""Which processes make up Bowei on one machine. Run as the supervisor: `-m config.local.system`.

The guard hands over a `Launch`; the servers that the environment names (DATABASE_URL, REDIS_URL,
CELERY_BROKER_URL) are used instead of starting our own.
"""

import json
import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from config import server
from config.local.guard import FolderLock, Guard
from config.local.postgres import Postgres, socket_folder
from config.local.supervisor import Service, Supervisor
from config.local.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("postgres", "valkey")
STORY = ("migrate", "web", "dispatcher", "vision", "worker")
DEMO = ("migrate", "prepare", *STORY[1:], "street")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to run and where: `folder` holds the data, removed at the end with `scratch`."""

    folder: str
    parts: tuple[str, ...] = ()  # beside the servers
    port: int = 8000
    scratch: bool = False

    def guard(self, lock: FolderLock | None = None) -> Guard:
        command = [sys.executable, "-m", "config.local.system", json.dumps(asdict(self))]
        return Guard(command, log=Path(self.folder) / "log" / "supervisor.log", lock=lock)


def postgres(folder: Path, *, durable: bool = True) -> Postgres:
    return Postgres(
        folder=folder / "postgres", log=folder / "log" / "postgres.log", durable=durable
    )


def valkey(folder: Path, *, durable: bool = True) -> Valkey:
    return Valkey(folder=folder / "valkey", durable=durable)


def environment(folder: Path, outside: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What reaches the servers of `folder`, less what `outside` names already."""
    env = {
        "BOWEI_DATA": str(folder),
        # Libraries that would write into the home folder, which may be missing.
        "EASYOCR_MODULE_PATH": str(folder / "easyocr"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    if not outside.get("DATABASE_URL"):
        env["DATABASE_URL"] = postgres(folder).url
    if not outside.get("REDIS_URL"):
        env["REDIS_URL"] = valkey(folder).url
    return env


def demo_logins(folder: Path) -> list[dict[str, str]]:
    """Who may log in to the demo, as `prepare_demo` wrote it down: who, name, password."""
    try:
        logins: list[dict[str, str]] = json.loads((folder / "logins.json").read_text())
    except (OSError, ValueError):
        return []
    return logins


def services(plan: Launch) -> list[Service]:
    folder, durable = Path(plan.folder), not plan.scratch
    servers = []
    if not os.environ.get("DATABASE_URL"):
        servers.append(postgres(folder, durable=durable).service())
    if not os.environ.get("REDIS_URL"):
        servers.append(valkey(folder, durable=durable).service())
    after = tuple(service.name for service in servers)
    processes = []
    for part in plan.parts:
        processes.append(_application(part, plan, after))
        if processes[-1].once:
            after = (*after, part)
    return [*servers, *processes]


def _application(part: str, plan: Launch, after: tuple[str, ...]) -> Service:
    python = partial(_python, part, after)

    address = f"http://127.0.0.1:{plan.port}"
    match part:
        case "migrate":
            return python("manage.py", "migrate", "--no-input", once=True)
        case "prepare":
            return python("manage.py", "prepare_demo", once=True)
        case "web":
            return python(
                *("-m", "uvicorn", "config.asgi:application"),
                *("--host", "127.0.0.1", "--port", str(plan.port), "--loop", "uvloop"),
                *(*server.FLAGS, "--timeout-graceful-shutdown", "3"),
                ready=lambda: _answers(address),
            )
        case "dispatcher":
            return python("manage.py", "dispatch", ready_words="dispatch.started")
        case "vision":  # one child, where torch is loaded: hard limits, and memory comes back
            return python(*_worker("vision", "vision"), ready_words=" ready.")
        case "worker":
            return python(*_worker("worker", "celery"), ready_words=" ready.")
        case "street":
            after = (*after, "web", "dispatcher")
            return _python(part, after, "manage.py", "simulate_street", "--url", address)
    raise ValueError(part)


def _python(name: str, after: tuple[str, ...], *argv: str, **more: Any) -> Service:
    command = [sys.executable, *argv]
    return Service(name=name, argv=command, after=after, popen={"cwd": ROOT}, **more)


def _worker(name: str, queue: str) -> list[str]:
    return [
        *("-m", "celery", "-A", "config.celery", "-q", "worker", "-Q", queue, "-n", f"{name}@%h"),
        *("-c", "1", "-P", "prefork", "--without-gossip", "--without-mingle"),
        *("--loglevel", "INFO"),
    ]


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/health/alive/", timeout=3):
            return True
    except OSError:  # refused, too slow, or an answer that is none
        return False


def main() -> int:
    plan = Launch(**json.loads(sys.argv[1]))
    folder = Path(plan.folder)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each device
    env = {
        **environment(folder),
        "PYTHONUNBUFFERED": "1",
        "BOWEI_PUBLIC_URL": f"http://127.0.0.1:{plan.port}",
    }
    remove = [socket_folder(folder), *([folder] if plan.scratch else [])]
    return Supervisor(services(plan), logs=folder / "log", run=folder, env=env, remove=remove).run()


if __name__ == "__main__":
    sys.exit(main())
