"""Prepares a demo's database once, and sets its clock going."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from config.demo import day, town
from config.local import private
from core import clock
from core.models import AuditEntry


class Command(BaseCommand):
    help = "Build the demo's city and its last days, where they are not there yet; start the clock."

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.DATA_DIR)
        if town.exists():
            self._go_on()
        else:
            with transaction.atomic():
                built = town.build()
                town.demo_owner()
                day.build(built)
                built.save(folder / "town.json")  # before the commit: a town has its keys
        clock.release()
        logins = town.Town.load(folder / "town.json").logins()
        private.write(folder / "logins.json", json.dumps(logins, ensure_ascii=False))

    def _go_on(self) -> None:
        """A demo that was stopped for a night goes on where it was, not a night later."""
        last = AuditEntry.objects.order_by("-pk").first()
        if last is not None and clock.now() - last.at > timedelta(minutes=10):
            clock.hold(last.at + timedelta(minutes=1))
