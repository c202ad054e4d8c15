"""`manage.py import_history FILE.csv [--simulated]`: bring in stays of the past."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import BoweiError
from parking import services
from parking.services.history import COLUMNS

NEEDED = set(COLUMNS) - {"colour", "paid_at"}


class Command(BaseCommand):
    help = "Import past stays with the delay of their payment: columns " + ", ".join(COLUMNS)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV with a head line, UTF-8")
        parser.add_argument(
            "--simulated",
            action="store_true",
            help="mark them as simulated: shown as such, never billed, in no figure of money",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                missing = NEEDED - set(rows.fieldnames or ())
                if missing:
                    names = ", ".join(sorted(missing))
                    raise CommandError(f"{options['file']}: its head line lacks {names}")
                done = services.import_history(
                    rows,
                    simulated=options["simulated"],
                    actor="system:parking.import_history",
                )
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
            raise CommandError(f"{options['file']}: {why}") from error
        except BoweiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{done.added} stays added, {done.known} were known.")
