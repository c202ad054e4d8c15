"""A new installation's first steps: a device comes into service, or gets a new key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import selectors as people
from core.errors import BoweiError, Invalid
from devices import selectors, services
from devices.rules import kinds


class Command(BaseCommand):
    help = "Enrol a device and print its key, which is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="its code, as it stands in its address: S-001")
        parser.add_argument("kind", choices=kinds.NAMES)
        parser.add_argument("--merchant", required=True, help="code of the merchant who keeps it")
        parser.add_argument("--name", default="", help="what people call it")
        parser.add_argument("--new-key", action="store_true", help="give a known device a new key")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = "system:enroll_device"
        merchant = people.merchant_by_code(options["merchant"])
        if merchant is None:
            raise CommandError(f"No merchant has the code {options['merchant']}.")
        try:
            if options["new_key"]:
                device = selectors.by_code(options["code"])
                if device is None or device.merchant_id != merchant.pk:
                    raise CommandError(f"{merchant.code} has no device {options['code']}.")
                key = services.rotate_key(device_id=device.pk, actor=actor)
            else:
                device, key = services.enroll(
                    code=options["code"],
                    kind=options["kind"],
                    merchant_id=merchant.pk,
                    name=options["name"],
                    actor=actor,
                )
        except Invalid as error:
            fields = "; ".join(f"{name}: {text}" for name, text in error.fields.items())
            raise CommandError(f"{error.message} {fields}") from error
        except BoweiError as error:
            raise CommandError(error.message) from error
        self.stderr.write(f"{device.code} ({device.kind}) of {merchant.code}; its key, once:")
        self.stdout.write(key)
