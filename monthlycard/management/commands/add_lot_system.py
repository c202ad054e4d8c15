"""Puts a lot's own system into service and shows its secret, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from monthlycard import selectors, services
from parking import selectors as parking


class Command(BaseCommand):
    help = "Add a lot system for a section on a merchant's own ground; prints its secret once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="short code of the lot system, letters and digits")
        parser.add_argument("--section", default="", help="code of the section")
        parser.add_argument("--maker", default="", help="who made the lot system")
        parser.add_argument(
            "--new-secret", action="store_true", help="give the lot system of this code a new one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_secret"]:
            known = selectors.lot_by_code(options["code"])
            if known is None:
                raise CommandError("There is no lot system of this code.")
            secret = services.renew_secret(lot=known, actor="system:add_lot_system")
            self.stdout.write(f"The new secret of {known.code}, shown this once: {secret}")
            return
        if not (options["section"] and options["maker"]):
            raise CommandError("A new lot system needs --section and --maker.")
        section = parking.section_by_code(options["section"])
        if section is None or section.ground != "own":
            raise CommandError("There is no such section on a merchant's own ground.")
        try:
            lot, secret = services.add_lot_system(
                code=options["code"],
                maker=options["maker"],
                section_id=section.id,
                merchant_id=section.merchant_id,
                actor="system:add_lot_system",
            )
        except IntegrityError as error:
            raise CommandError("That code or that section has a lot system already.") from error
        self.stdout.write(f"Lot system {lot.code} is there. Its secret, shown this once: {secret}")
