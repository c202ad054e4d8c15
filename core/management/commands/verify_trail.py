"""Says whether the audit trail is what was written; 1 where something was changed."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.trail import verifying


class Command(BaseCommand):
    help = (
        "Compare the audit trail with its seals and with anchors kept elsewhere: which entry was "
        "changed, removed, inserted, moved. Ends with 1 where one was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor", nargs="+", type=Path, default=[], metavar="FILE", help="anchors of days"
        )

    def handle(self, *, anchor: list[Path], **options: Any) -> None:
        report = verifying.verify([_read(path) for path in anchor])
        for line in report.wrong:
            self.stdout.write(line)
        self.stdout.write(
            f"{report.entries} entries in {report.seals} seals, {report.veiled} of them without "
            f"their words, {len(anchor)} anchors."
        )
        if report.not_sealed_since is not None:
            age_s = (clock.real() - report.not_sealed_since).total_seconds()
            self.stdout.write(
                f"{report.not_sealed} entries are not sealed yet, for {age_s:.0f} s at most: "
                "nothing proves these so far. It takes the dispatcher seconds."
            )
        if report.wrong:
            raise CommandError(f"the trail was tampered with: {len(report.wrong)} findings.")
        self.stdout.write("The trail is what was sealed.")


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(said, dict) or not isinstance(said["seal"], int):
            raise ValueError(path)
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"{path} is no anchor that can be read.") from error
    return said
