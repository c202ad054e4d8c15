"""Judge a model on stays it has not seen: figures that docs/risk.md explains (P0.3, P0.4)."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arrears.risk import registry


class Command(BaseCommand):
    help = (
        "Judge a risk model on a fresh simulated population (another seed), or on the platform's "
        "own stays with --history. Prints PR-AUC, Brier, calibration by decile and by group."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", dest="model_version", default=registry.SHIPPED)
        parser.add_argument("--from", dest="folder", type=Path, default=registry.FOLDER)
        parser.add_argument("--vehicles", type=int, default=1500)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--history", action="store_true", help="judge on the real stays")
        parser.add_argument("--json", action="store_true", help="print nothing but JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        from arrears.risk import training

        try:
            model = registry.load(options["model_version"], options["folder"])
        except registry.BadModel as error:
            raise CommandError(str(error)) from error
        if options["history"]:
            from arrears.risk.history import real_stays

            stays = real_stays()
        else:
            stays = training.simulated_stays(vehicles=options["vehicles"], seed=options["seed"])
        if len(stays) < 100:
            raise CommandError("Too few stays to judge by: at least 100.")
        figures = training.evaluate(model, stays)
        told = {"version": model.version, "source": stays.source, "figures": figures}
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(f"Model {model.version}, judged on {len(stays)} {stays.source} stays")
        for name in (
            "base_rate",
            "pr_auc",
            "roc_auc",
            "brier",
            "brier_of_base_rate",
            "named",
            "precision",
            "recall",
            "false_alarms",
        ):
            self.stdout.write(f"  {name:20} {figures[name]}")
        self.stdout.write("  decile  predicted  happened")
        for at, row in enumerate(figures["deciles"], start=1):
            self.stdout.write(f"  {at:6}  {row['predicted']:9.4f}  {row['happened']:8.4f}")
        self.stdout.write("  group                n      pr_auc  brier    named")
        for name, row in figures["groups"].items():
            self.stdout.write(
                f"  {name:18} {row['n']:6}  {row['pr_auc']:7.4f}  {row['brier']:.5f}"
                f"  {row['named']:.4f}"
            )
