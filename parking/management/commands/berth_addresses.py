"""The addresses that the codes at berths hold, for whoever prints the signs."""

import csv
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from parking.links import berth_url
from parking.models import Berth


class Command(BaseCommand):
    help = "Write the address in each berth's code as CSV: section, berth, number, address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--section", help="only berths of the section with this code")

    def handle(self, *args: Any, section: str | None = None, **options: Any) -> None:
        rows = Berth.objects.select_related("section").order_by("section__code", "position")
        out = csv.writer(self.stdout, lineterminator="\n")
        out.writerow(["section", "berth", "number", "address"])
        for berth in rows.filter(section__code=section) if section else rows:
            address = berth_url(berth.code, berth.address_version)
            out.writerow([berth.section.code, berth.code, berth.number, address])
