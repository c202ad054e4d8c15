"""A small demo for the supervisor's test: the real servers, and stand-ins that do next to nothing.

python -m tests.platform.standins guard FOLDER       as `./bowei demo` does; prints each event
python -m tests.platform.standins supervise FOLDER   what the guard starts
"""

import json
import sys
from pathlib import Path

from config.local.guard import FolderLock, Guard
from config.local.postgres import Postgres, socket_folder
from config.local.stop import Stop
from config.local.supervisor import Service, Supervisor
from config.local.valkey import Valkey

# Starts a child of its own that leaves its session, as a worker's pool or PostgreSQL's backends do.
PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""


def services(folder: Path) -> list[Service]:
    postgres = Postgres(folder=folder / "postgres", log=folder / "log" / "postgres.log")
    valkey = Valkey(folder=folder / "valkey")
    servers = ("postgres", "valkey")
    once = [sys.executable, "-c", "print('prepared')"]
    parent = [sys.executable, "-c", PARENT]
    return [
        postgres.service(),
        valkey.service(),
        Service(name="prepared", argv=once, after=servers, once=True),
        Service(name="worker", argv=parent, after=("prepared",), ready_words="ready"),
        Service(name="street", argv=parent, after=("prepared", "worker"), ready_words="ready"),
    ]


def guard(folder: Path) -> int:
    lock = FolderLock(folder / "lock")
    lock.take("demo")
    guard = Guard(
        [sys.executable, "-m", "tests.platform.standins", "supervise", str(folder)],
        log=folder / "log" / "supervisor.log",
        lock=lock,
    )
    guard.start()
    events = guard.events(again=True)
    while True:
        try:
            for event in events:
                print(json.dumps(event), flush=True)
            return 0
        except KeyboardInterrupt:
            guard.stop()
            events = guard.events(again=False)


def supervise(folder: Path) -> int:
    remove = [socket_folder(folder)]
    return Supervisor(
        services(folder), logs=folder / "log", run=folder, env={}, remove=remove
    ).run()


if __name__ == "__main__":
    try:
        sys.exit({"guard": guard, "supervise": supervise}[sys.argv[1]](Path(sys.argv[2])))
    except Stop as stop:
        sys.exit(str(stop))
