"""Take up new migrations among those that never change."""

from typing import Any

from django.core.management.base import BaseCommand

from core import frozen


class Command(BaseCommand):
    help = "Take up new migrations among those that never change, as the last step of writing one."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for path in frozen.freeze():
            self.stdout.write(path)
