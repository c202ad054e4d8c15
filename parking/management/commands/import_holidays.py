"""`manage.py import_holidays FILE --year 2027 --notice … [--publish]`: a year's days off."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import BoweiError
from parking import services


class Command(BaseCommand):
    help = "Show what the notice of a year's holidays says, and with --publish enter it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, help="UTF-8: lines `2027-10-01,break,国庆节`, or JSON"
        )
        parser.add_argument("--year", type=int, required=True)
        parser.add_argument("--notice", required=True, help="its number, as 国办发明电〔2026〕7号")
        parser.add_argument(
            "--publish", action="store_true", help="enter it; else it is only shown"
        )
        parser.add_argument(
            "--new-version",
            action="store_true",
            help="also where the year was entered before; stays that have arrived keep theirs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        year = options["year"]
        try:
            text = services.lines_of(options["file"].read_text(encoding="utf-8-sig"))
            days, known = services.read_year(year, text), services.newest_of(year)
            self._show(days, known)
            if not options["publish"]:
                self.stdout.write("Nothing was entered: say --publish.")
                return
            row = services.publish_year(
                year=year,
                text=text,
                notice=options["notice"],
                actor="system:import_holidays",
                first=not options["new_version"],
            )
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        except BoweiError as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(f"{row.year}, version {row.number}: entered, for stays from now on.")

    def _show(self, days: dict[str, list[str]], known: dict[str, list[str]] | None) -> None:
        for on in sorted({*days, *(known or {})}):
            mark = " " if known is None or days.get(on) == known.get(on) else "+"
            if on not in days:
                mark = "-"
            kind, name = days.get(on) or (known or {})[on]
            self.stdout.write(f"{mark} {on} {kind:8} {name}")
