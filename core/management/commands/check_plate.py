"""`manage.py check_plate TEXT`: what a text is as a plate, and the rule that decided."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core import plates


class Command(BaseCommand):
    help = "Say what TEXT is as a licence plate, and by which rule."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", metavar="TEXT", help="a plate as somebody typed it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        raw = options["text"].encode("utf-8", "replace").decode()  # a shell may pass broken bytes
        checked = plates.check(raw)
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "valid": checked.valid,
                        "text": checked.text,
                        "kind": checked.kind,
                        "colours": list(checked.colours),
                        "why": checked.why,
                    },
                    ensure_ascii=False,
                )
            )
            return
        if checked.valid:
            colours = " or ".join(colour.replace("_", " and ") for colour in checked.colours)
            self.stdout.write(
                f"{plates.display(checked.text)}: {checked.kind}, {colours}. {checked.why}"
            )
            return
        near = f" Near to it: {', '.join(checked.suggestions)}." if checked.suggestions else ""
        self.stdout.write(f"{checked.text or '(nothing)'}: not a plate. {checked.why}{near}")
