"""`manage.py benchmark_plates FOLDER`: ours and RapidOCR on the same pictures, in one run."""

import importlib.util
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Accuracy with 95 % intervals and median milliseconds, one thread; ours and RapidOCR."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder with labels.csv and the pictures")
        parser.add_argument("--test", action="store_true", help="only rows with train=no")
        parser.add_argument("--repeats", type=int, default=3, help="readings a picture (median)")
        parser.add_argument(
            "--peer-python",
            default="",
            help="python of an environment with requirements-benchmark.txt (default: this one)",
        )
        parser.add_argument("--no-peer", action="store_true", help="ours alone")

    def handle(self, *args: Any, **options: Any) -> None:
        from parking.vision import benchmark

        folder: Path = options["folder"]
        if not (folder / "labels.csv").is_file():
            raise CommandError(f"{folder} holds no labels.csv")
        rows = benchmark.chosen_rows(folder, test_only=options["test"])
        outcomes = benchmark.ours(folder, rows, max(1, options["repeats"]))
        for kind in ("crop", "scene"):
            part = [o for o in outcomes if o.kind == kind]
            answered = [o for o in part if o.answered]
            say = self.stdout.write
            say(f"{kind}s, {len(part)} pictures")
            say(f"  ours, whole plate   {benchmark.score(part)}")
            for colour, score in benchmark.colours(part).items():
                say(f"    {colour:<17} {score}")
            share = len(answered) / len(part) if part else 0
            say(f"  answered            {100 * share:6.2f} %, of these right:")
            say(f"                      {benchmark.score(answered)}")
            for name, text in (("found", "plate found"), ("colour_right", "colour right")):
                count = sum(getattr(o, name) for o in part)
                share_found = benchmark.BenchmarkScore(count, len(part), 0.0)
                say(f"  {text:<19} {share_found}".rsplit("  ", 1)[0])
        error, low, high = benchmark.calibration(outcomes)
        self.stdout.write(f"calibration error (ECE) {error:.4f} (95 %: {low:.4f}-{high:.4f})")
        alone, piped = benchmark.easyocr_overhead(folder, rows)
        self.stdout.write(f"reading network {alone:.2f} ms, through recognize() {piped:.2f} ms")
        if not options["no_peer"]:
            self._peer(folder, rows, options)

    def _peer(self, folder: Path, rows: list[Any], options: dict[str, Any]) -> None:
        from parking.vision import benchmark

        python = options["peer_python"]
        if not python:
            if importlib.util.find_spec("rapidocr_onnxruntime") is None:
                text = "RapidOCR is not here: give --peer-python, or --no-peer for ours alone."
                raise CommandError(text)
            python = benchmark.this_python()
        try:
            answers = benchmark.peer(folder, rows, max(1, options["repeats"]), python)
        except (OSError, RuntimeError) as error:
            raise CommandError(f"RapidOCR did not answer: {error}") from error
        for kind in ("crop", "scene"):
            part = [answers[row.file] for row in rows if row.kind == kind]
            times = sorted(ms for _, ms in part)
            middle = times[len(times) // 2] if times else 0.0
            score = benchmark.BenchmarkScore(sum(right for right, _ in part), len(part), middle)
            self.stdout.write(f"{kind}s, RapidOCR        {score}")
