"""Go through the whole city's stays for unpaid ones without a debt (P3.1)."""

from typing import Any

from django.core.management.base import BaseCommand

from arrears import services


class Command(BaseCommand):
    help = "Find unpaid stays that have no debt yet, in one statement; the dispatcher opens them."

    def handle(self, *args: Any, **options: Any) -> None:
        found = services.find_debts_of_city()
        self.stdout.write(f"{found} unpaid stays found.")
