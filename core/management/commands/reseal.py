"""Renews what a former BOWEI_PERSONAL_KEY has sealed; afterwards that key may go."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import personal, resealing


class Command(BaseCommand):
    help = "Seal everything with today's BOWEI_PERSONAL_KEY; may be stopped and begun again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only say what is left; 1 where something is"
        )
        parser.add_argument(
            "--digests", action="store_true", help="the digests anew too, for a new digest key"
        )
        parser.add_argument(
            "--print-digest-key",
            action="store_true",
            help="only print what BOWEI_DIGEST_KEY must be before the personal key is exchanged",
        )

    def handle(self, *, check: bool, digests: bool, print_digest_key: bool, **options: Any) -> None:
        if print_digest_key:
            self.stdout.write(personal.digest_key().hex())
            return
        if not check:
            try:
                done = resealing.reseal(actor="system:core.reseal", digests=digests)
            except InvalidToken as error:
                raise CommandError(
                    "a seal was made with a key that is not here: BOWEI_PERSONAL_KEY_FORMER must "
                    "have it. What was renewed stays renewed."
                ) from error
            for name, number in done.items():
                self.stdout.write(f"{name}: {number}")
        left = resealing.left()
        if left:
            told = ", ".join(f"{name}: {number}" for name, number in left.items())
            raise CommandError(f"seals of former keys are left ({told}).")
        self.stdout.write("Everything is sealed with today's key; former ones may go.")
