"""Hostile input for every door: no error of ours, no slow answer, no full memory."""

import subprocess
import sys
import time
from typing import Any

import psutil
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.fuzz import askers
from config.fuzz.doors import Doors
from config.fuzz.run import MOST_MB, Found, Fuzz
from config.local.scratch import scratch
from config.local.system import ROOT

LINES = 6  # asked side by side
MOST_SHOWN = 100  # faults that are told one by one
TOLD_EVERY_S = 20.0


class Command(BaseCommand):
    help = (
        "Send hostile input to every address, form, interface and socket of servers made for it "
        "and taken away again; fails where one answered with an error of ours, after more "
        "than 2 s, not at all, or where the web server's memory grew by more than 300 MB. An input "
        "follows from seed and number: --first goes on where a run ended, and several runs may "
        "share the numbers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--inputs", type=int, default=2000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--first", type=int, default=0, help="the number of the first input")
        parser.add_argument("--url", default="", help="the web server on this process's database")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Hostile input does not belong into production.")
        if options["url"]:
            self._fuzz(options)
        else:
            self._on_scratch(options)

    def _on_scratch(self, options: dict[str, Any]) -> None:
        """The same command once more, in the environment of servers that nobody will miss."""
        with scratch("migrate", "prepare", "web") as (url, env):
            command = [sys.executable, "manage.py", "fuzz_doors", "--url", url]
            for name in ("inputs", "seed", "first"):
                command += [f"--{name}", str(options[name])]
            status = subprocess.run(command, cwd=ROOT, env=env).returncode
        sys.exit(status)

    def _fuzz(self, options: dict[str, Any]) -> None:
        people = [*askers.people().values(), *askers.machines().values()]
        devices = [askers.new_device("camera", f"fuzz-{at}") for at in range(LINES)]
        fuzz = Fuzz(
            options["url"],
            seed=options["seed"],
            doors=Doors(),
            askers=people,
            devices=devices,
            server=_server(options["url"]),
        )
        began, last_told, shown = time.monotonic(), time.monotonic(), 0

        def told(found: Found) -> None:
            nonlocal last_told, shown
            for fault in found.faults[shown:MOST_SHOWN]:  # at once: a run may be cut off
                shown += 1
                self.stdout.write(f"{fault.number}: {fault.why}: {fault.door} {fault.sent}")
            if time.monotonic() - last_told > TOLD_EVERY_S:
                last_told = time.monotonic()
                askers.show_anew(people)
                self.stdout.write(_figures(found, last_told - began))
                self.stdout.flush()

        found = fuzz.run(options["first"], options["inputs"], told=told)
        self.stdout.write(_figures(found, time.monotonic() - began))
        self.stdout.write(f"slowest: {found.slowest[:300]}")
        self.stdout.write(", ".join(f"{s} × {n}" for s, n in sorted(found.statuses.items())))
        if found.failed:
            raise CommandError("Not every door holds.")


def _figures(found: Found, took_s: float) -> str:
    return (
        f"{found.inputs} inputs to {len(found.doors)} doors in {took_s:.0f} s: "
        f"{len(found.faults)} faults, slowest answer {found.slowest_s:.2f} s, "
        f"memory +{found.grown_mb} MB (at most {MOST_MB})"
    )


def _server(url: str) -> int | None:
    """The process that listens there; None where it is this one, or another's."""
    port = url.rpartition(":")[2]
    for process in psutil.process_iter():
        try:
            if "config.asgi:application" in process.cmdline() and port in process.cmdline():
                return int(process.pid)
        except psutil.Error:
            continue
    return None
