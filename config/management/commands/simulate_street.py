"""The simulated street of a demo: devices on real sockets, vehicles arriving now and then."""

import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.demo.street import Street
from config.demo.town import Town


class Command(BaseCommand):
    help = "Connect all devices of the demo's city and let vehicles come and go."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the web server")

    def handle(self, *args: Any, **options: Any) -> None:
        town = Town.load(Path(settings.DATA_DIR) / "town.json")
        asyncio.run(Street(town, options["url"]).run())
