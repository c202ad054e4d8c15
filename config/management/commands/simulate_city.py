"""A small city under every fault at once, held against the laws after every step."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.city import played
from config.city.chance import FAULTS
from config.city.laws import LAWS
from config.city.mends import MENDS
from config.city.run import Run, as_json, city

WITHIN = 2000  # steps in which a law must notice that its mend is not there


class Command(BaseCommand):
    help = "Simulate a city in a database of its own and ask every law after each step."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--days", type=float, default=1.0, help="of the city's time (1)")
        parser.add_argument("--faults", default="all", help=f"all, none or of: {', '.join(FAULTS)}")
        parser.add_argument(
            "--without",
            default="",
            help="mends left out, or `each`: one after the other, until its law is broken:"
            f" {', '.join(MENDS)}",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object and no words")
        parser.add_argument(
            "--play",
            metavar="NAME|FILE|-",
            help=f"play a list of steps and tell what each changes: {', '.join(played.plays())}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        faults = _named(options["faults"], FAULTS, "--faults")
        if options["without"] == "each":
            self._without_each(options["seed"], faults)
        lacking = _named(options["without"] or "none", MENDS, "--without")
        say = self.stderr.write if options["json"] else self.stdout.write
        if options["play"]:
            self._play(options["play"], lacking)
        say(f"seed {options['seed']}")
        with city() as here:
            run = here.live(
                options["seed"],
                faults=faults,
                days=options["days"],
                lacking=lacking,
                told=lambda run: say(_sentence(run)),
            )
            say(_sentence(run))
            for violation in run.violations:
                say(f"{violation.law} {violation.name}: {violation.why}; shortening …")
                violation.steps = here.shortest(run, violation, lacking)
                for one in violation.steps:
                    say(f"    {json.dumps(one, ensure_ascii=False)}")
        if options["json"]:
            self.stdout.write(json.dumps(as_json(run), ensure_ascii=False))
        sys.exit(1 if run.violations else 0)

    def _without_each(self, seed: int, faults: list[str]) -> NoReturn:
        """Take out one mend after the other; exit status 1 where chance breaks a law too rarely."""
        kept: list[str] = []
        with city() as here:
            for name, mend in MENDS.items():
                broken = here.missed(name, seed, faults=faults, within=WITHIN)
                if broken is None:
                    kept.append(name)
                    self.stdout.write(f"{name}: {mend.law} held for {WITHIN} steps")
                else:
                    told = f"{broken.law} {broken.name} after {broken.at} steps: {broken.why}"
                    self.stdout.write(f"{name}: {told}")
        self.stdout.write(
            f"seed {seed}: {len(MENDS) - len(kept)} of {len(MENDS)} mends are missed"
            f" within {WITHIN} steps"
        )
        sys.exit(1 if kept else 0)

    def _play(self, name: str, lacking: list[str]) -> NoReturn:
        """Play a list of steps before a person; exit status 1 where it ends otherwise than said."""
        try:
            play = played.read(name, _steps_of(name))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        with city() as here:
            wrong = played.perform(here, play, self.stdout.write, lacking)
        for one in wrong:
            self.stdout.write(self.style.ERROR(one))
        if not wrong:
            self.stdout.write(
                f"\nAll {len(LAWS)} questions of the laws were asked: none is broken."
            )
        sys.exit(1 if wrong else 0)


def _steps_of(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    return (played.FOLDER / f"{name}.json" if name in played.plays() else Path(name)).read_text()


def _sentence(run: Run) -> str:
    speed = f", {run.steps / run.took_s:.0f} steps a second" if run.took_s else ""
    return (
        f"{run.steps} steps, {run.vehicle_days} vehicle-days, {run.laws_asked} times a law was"
        f" asked ({len(LAWS)} after each step), {len(run.violations)} violations{speed}"
    )


def _named(text: str, known: dict[str, Any], option: str) -> list[str]:
    if text in ("all", "none"):
        return list(known) if text == "all" else []
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandError(f"{option}: nobody knows {', '.join(unknown)}.")
    return names
