"""`manage.py evaluate_hiding`: how much of other people's plates is hidden in drawn streets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Draws streets with several vehicles, hides all plates but one, and says what is left."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pictures", type=int, default=100)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        from parking.vision.serve import reader
        from parking.vision.training import crowds

        figures = crowds.Figures()
        for number in range(options["pictures"]):
            crowds.measure(reader(), crowds.draw(options["seed"] * 100_000 + number), figures)
        for text, part, whole in (
            ("plates of others covered whole", figures.covered, figures.others),
            ("plates of others still read", figures.readable, figures.others),
            ("own plates that stay readable", figures.own_kept, figures.own),
            ("own plates hidden because unread", figures.own_unread, figures.own),
        ):
            share = 100 * part / max(1, whole)
            self.stdout.write(f"{share:6.2f} %  {text} ({part} of {whole})")
