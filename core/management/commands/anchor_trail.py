"""Prints an anchor of the audit trail, to be kept where whoever holds the database can't reach."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.trail import anchors


class Command(BaseCommand):
    help = "Print how far the audit trail goes now, signed: to keep, mail or print."

    def handle(self, **options: Any) -> None:
        anchor = anchors.make()
        if anchor is None:
            raise CommandError(
                "nothing is sealed yet: the dispatcher seals, seconds after a change."
            )
        self.stdout.write(anchors.text(anchor), ending="")
