"""Prepares a demo's database once, and sets its clock going."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from config.demo import town
from core import clock
from core.models import AuditEntry


class Command(BaseCommand):
    help = "Build the demo's city, where it is not there yet, and let business time run."

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.DATA_DIR)
        if town.exists():
            self._go_on()
        else:
            with transaction.atomic():
                built = town.build()
                town.demo_owner()
            built.save(folder / "town.json")
            clock.hold(town.BEGIN)
        clock.release()
        logins = town.Town.load(folder / "town.json").logins()
        (folder / "logins.json").write_text(json.dumps(logins, ensure_ascii=False))

    def _go_on(self) -> None:
        """A demo that was stopped for a night goes on where it was, not a night later."""
        last = AuditEntry.objects.order_by("-pk").first()
        if last is not None and clock.now() - last.at > timedelta(minutes=10):
            clock.hold(last.at + timedelta(minutes=1))
