"""Django's `migrate`, which first looks whether these data can be brought on at all."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from core import versions


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        found = versions.look()
        if not found.fit.can_be_brought_on:
            raise CommandError(found.sentence)
        super().handle(*args, **options)
