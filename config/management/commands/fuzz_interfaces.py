"""Every interface against its document, by everybody, by chance."""

import subprocess
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.fuzz import askers
from config.fuzz.doors import Doors
from config.fuzz.run import ask_as_often_as_one_likes
from config.local.scratch import scratch
from config.local.system import ROOT

TOLD_EVERY_S = 20.0


class Command(BaseCommand):
    help = (
        "Ask every operation of the OpenAPI document as nobody, an owner, each role of a merchant, "
        "the operator, a device and a lot, on servers made for it and taken away again; fails "
        "where an answer is an error of ours, or one that the document does not tell."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--minutes", type=float, default=5.0)
        parser.add_argument("--most", type=int, default=10**9, help="requests")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--url", default="", help="the web server on this process's database")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Input by chance does not belong into production.")
        try:
            from config.fuzz.interfaces import Held, Interfaces
        except ImportError as error:
            raise CommandError("This needs the packages of requirements-dev.txt.") from error
        if not options["url"]:
            return self._on_scratch(options)
        people = [*askers.people().values(), *askers.machines().values()]
        interfaces = Interfaces(
            options["url"], chance=options["seed"], doors=Doors(), askers=people
        )
        last_told = began = time.monotonic()

        def told(held: Held) -> None:
            nonlocal last_told
            if time.monotonic() - last_told > TOLD_EVERY_S:
                last_told = time.monotonic()
                askers.show_anew(people)
                self.stdout.write(figures(held))
                self.stdout.flush()

        def figures(held: Held) -> str:
            return (
                f"{held.cases} requests to {len(held.operations)} operations as {len(people)} "
                f"askers in {time.monotonic() - began:.0f} s: {len(held.faults)} faults"
            )

        done = threading.Event()
        threading.Thread(target=ask_as_often_as_one_likes, args=(done,), daemon=True).start()
        try:
            held = interfaces.hold(
                until_s=began + options["minutes"] * 60, most=options["most"], told=told
            )
        finally:
            done.set()
        for what, sent in held.faults.items():
            self.stdout.write(f"{what}\n    {sent}")
        self.stdout.write(figures(held))
        statuses = sorted(held.statuses.items())
        self.stdout.write(", ".join(f"{status} × {n}" for status, n in statuses))
        if held.faults:
            raise CommandError("Answers differ from the document.")

    def _on_scratch(self, options: dict[str, Any]) -> None:
        """The same command once more, in the environment of servers that nobody will miss."""
        with scratch("migrate", "prepare", "web") as (url, env):
            command = [sys.executable, "manage.py", "fuzz_interfaces", "--url", url]
            for name in ("minutes", "most", "seed"):
                command += [f"--{name}", str(options[name])]
            status = subprocess.run(command, cwd=ROOT, env=env).returncode
        sys.exit(status)
