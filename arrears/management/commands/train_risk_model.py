"""Train the risk model: portrait to probability, and portrait to payment time (P0.3, P0.4)."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arrears.risk import registry
from arrears.rules.cost import Costs


class Command(BaseCommand):
    help = (
        "Train the risk model and write its files and register. Without real history it learns "
        "from a marked simulated population; the register says so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", dest="model_version", default=registry.SHIPPED)
        parser.add_argument("--vehicles", type=int, default=6000)
        parser.add_argument("--seed", type=int, default=20260302)
        parser.add_argument("--into", type=Path, default=registry.FOLDER)
        parser.add_argument("--history", action="store_true", help="learn from the real stays")

    def handle(self, *args: Any, **options: Any) -> None:
        from arrears.risk import training

        if options["history"]:
            from arrears.risk.history import real_stays

            stays = real_stays()
        else:
            stays = training.simulated_stays(vehicles=options["vehicles"], seed=options["seed"])
        if len(stays) < 1000 or not stays.late.any():
            raise CommandError("Too few stays to learn from: at least 1,000, some of them late.")
        home = training.train(
            stays, version=options["model_version"], costs=Costs(), folder=options["into"]
        )
        register = json.loads((home / "register.json").read_text())
        size = sum(file.stat().st_size for file in home.iterdir())
        figures = {k: v for k, v in register["figures"].items() if not isinstance(v, dict | list)}
        self.stdout.write(f"Model {register['version']} from {register['source']} stays")
        self.stdout.write(f"{home} ({size // 1024} KB)")
        self.stdout.write(json.dumps(figures))
