"""Plays one vehicle's way through the whole system, once, on an empty database."""

import logging
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from config.demo import town
from config.story.play import play
from config.story.teller import Stopped, Teller
from core.pictures import HostileImage, check_image
from core.plates import BadPlate, Plate, parse

MISTOLD = 1


class Command(BaseCommand):
    help = "Play the story once with PHOTO as what the camera sees (docs/running.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("photo", type=Path)
        parser.add_argument("--plate", help="what people see; it never replaces the reading")
        parser.add_argument("--json", type=Path, help="write the report there too")

    def handle(self, *args: Any, **options: Any) -> None:
        photo, typed = self._understand(options["photo"], options["plate"])
        for name in ("", "psycopg"):
            logging.getLogger(name).setLevel(logging.ERROR)
        began = time.monotonic()
        with transaction.atomic():
            built = town.build(berths=6)
        teller = Teller()
        status = MISTOLD
        try:
            play(settings.PUBLIC_URL, photo, typed, built, teller)
            status = 0
        except Stopped as stop:
            status = stop.status
            teller.console.print(f"The story ends here: {stop}")
        except Exception as error:
            if not teller.steps or teller.steps[-1].ok:
                raise
            print(f"failed: {teller.steps[-1].title}: {error}", file=sys.stderr)
        took_s = round(time.monotonic() - began, 1)
        misread = teller.notes.get("misread", False)
        told = f"{len(teller.steps)} steps in {took_s} s, exit status {status}"
        teller.console.print(told + (", misread" if misread else ""))
        if options["json"]:
            facts = {"photo": options["photo"].name, "status": status, "took_s": took_s}
            teller.write(options["json"], **facts)
        sys.exit(status)

    def _understand(self, path: Path, text: str | None) -> tuple[bytes, Plate | None]:
        try:
            photo = path.read_bytes()
            check_image(photo)
            return photo, parse(text) if text else None
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}") from error
        except HostileImage as error:
            raise CommandError(f"{path}: {error}") from error
        except BadPlate as error:
            raise CommandError(f"--plate: {error}") from error
