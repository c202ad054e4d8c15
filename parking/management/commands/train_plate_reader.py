"""`manage.py train_plate_reader FOLDER`: trains and ships the plate reader's networks."""

import importlib.util
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from parking.vision.training import NETWORKS


class Command(BaseCommand):
    help = "Trains the plate reader from generated plates and labelled photographs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder with labels.csv and the pictures")
        parser.add_argument("--minutes", type=float, default=55, help="in all (default 55)")
        parser.add_argument("--work", type=Path, default=Path(".bowei/training"))
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--drawers", type=int, default=1, help="processes that draw examples")
        parser.add_argument(
            "--all-licences",
            action="store_true",
            help="also photographs that are not MIT or Apache-2.0 (the result must not be shipped)",
        )
        one = parser.add_mutually_exclusive_group()
        one.add_argument(
            "--again", choices=NETWORKS, help="this network only, for all of the minutes"
        )
        one.add_argument(
            "--ship-only", action="store_true", help="only pack and calibrate what --work holds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["folder"] / "labels.csv").is_file():
            raise CommandError(f"{options['folder']} holds no labels.csv")
        if importlib.util.find_spec("onnx") is None:
            text = "The package onnx is missing: pip install -r requirements-benchmark.txt"
            raise CommandError(text)
        from parking.vision.training import everything

        plan = everything.WholeTraining(
            folder=options["folder"],
            work=options["work"],
            minutes=options["minutes"],
            seed=options["seed"],
            drawers=options["drawers"],
            free_only=not options["all_licences"],
        )
        say = partial(self.stdout.write)
        try:
            if options["again"]:
                everything.again(plan, options["again"], say)
            else:
                (everything.ship if options["ship_only"] else everything.run)(plan, say)
        except FileNotFoundError as error:
            raise CommandError(str(error)) from error
