"""A new installation's first steps: a merchant, and the person who runs its portal."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import services
from core.errors import BoweiError


class Command(BaseCommand):
    help = "Create a merchant and the log-in of its owner (the password is asked for)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="short code, letters and digits")
        parser.add_argument("name", help="the name that owners and drivers see")
        parser.add_argument("--city", action="store_true", help="this merchant is the city itself")
        parser.add_argument("--login", help="log-in name of the merchant's owner")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            merchant = services.create_merchant(
                name=options["name"],
                code=options["code"],
                is_city=options["city"],
                actor="system:create_merchant",
            )
            if options["login"]:
                services.create_staff(
                    username=options["login"],
                    password=getpass.getpass("Password: "),
                    merchant=merchant,
                    role="owner",
                    actor="system:create_merchant",
                )
        except BoweiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Merchant {merchant.code} ({merchant.name}) is there.")
