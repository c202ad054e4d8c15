"""`manage.py evaluate_plates FOLDER`: how well the shipped reader reads labelled photographs."""

import csv
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Reads a folder with labels.csv and says how much of it was right."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder with labels.csv and the pictures")
        parser.add_argument("--json", action="store_true", help="figures only, as JSON")
        parser.add_argument("--details", type=Path, metavar="FILE", help="one CSV row an image")
        parser.add_argument(
            "--generated", type=int, default=0, metavar="N", help="also N drawn plates a kind"
        )
        parser.add_argument(
            "--harder", action="store_true", help="also the unseen photographs made worse"
        )
        part = parser.add_mutually_exclusive_group()
        part.add_argument("--test", action="store_true", help="only rows with train=no")
        part.add_argument("--held-out", action="store_true", help="only the validation part")

    def handle(self, *args: Any, **options: Any) -> None:
        from parking.vision import evaluation
        from parking.vision.training import photographs

        folder: Path = options["folder"]
        if not (folder / "labels.csv").is_file():
            raise CommandError(f"{folder} holds no labels.csv")

        def chosen(row: photographs.LabelledPhotograph) -> bool:
            if options["held_out"]:
                return row.train and photographs.held_out(row)
            return not (options["test"] and row.train)

        try:
            outcomes = evaluation.evaluate(folder, chosen=chosen, progress=self._progress(options))
        except (KeyError, ValueError, UnicodeDecodeError) as error:
            raise CommandError(f"labels.csv can't be read: {error}") from error
        figures = evaluation.summary(outcomes)
        if options["details"]:
            self._write(options["details"], [evaluation.as_row(o) for o in outcomes])
        if options["json"]:
            self.stdout.write(json.dumps(figures))
            return
        self._say(figures)
        if options["harder"]:
            self._say(evaluation.harder(folder))
        if options["generated"]:
            self.stdout.write("generated plates, other seed and other fonts than training:")
            for kind, (right, n) in evaluation.generated(options["generated"]).items():
                self.stdout.write(f"  {100 * right / n:6.2f} %  {kind}")

    def _say(self, figures: dict[str, dict[str, float]]) -> None:
        for kind, row in figures.items():
            self.stdout.write(f"{kind}: {row['n']} pictures")
            for name, text in (
                ("right", "whole plate right"),
                ("found", "plate found"),
                ("colour_right", "colour right"),
                ("coverage", "answered (the rest abstains)"),
                ("right_when_answered", "right among the answered"),
            ):
                self.stdout.write(f"  {100 * row[name]:6.2f} %  {text}")
            self.stdout.write(f"  {row['ms']:6.2f} ms median, one thread")

    def _progress(self, options: dict[str, Any]) -> Any:
        def say(done: int, of: int) -> None:
            if not options["json"] and done % 200 == 0:
                self.stderr.write(f"{done} of {of}")

        return say

    def _write(self, file: Path, rows: list[dict[str, Any]]) -> None:
        try:
            with file.open("w", encoding="utf-8", newline="") as out:
                writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else ["file"])
                writer.writeheader()
                writer.writerows(rows)
        except OSError as error:
            raise CommandError(f"{file} can't be written: {error.strerror}") from error
