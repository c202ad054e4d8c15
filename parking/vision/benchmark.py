"""Ours beside a general text reader, on the same pictures: right with intervals, and ms.

Milliseconds are processor time of one thread, so that a busy machine does not blur them.
"""

import json
import math
import re
import statistics
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from parking.vision import evaluation, rectify
from parking.vision.evaluation import PictureOutcome
from parking.vision.images import decode
from parking.vision.serve import reader
from parking.vision.training.calibrate import calibration_error
from parking.vision.training.photographs import LabelledPhotograph, load

PEER = Path(__file__).with_name("benchmark_peer.py")
_NOISE = re.compile(r"[\s·•・.．,:：\-—_'\"*|]+")


@dataclass(frozen=True, slots=True)
class BenchmarkScore:
    """Right of n with a 95 % Wilson interval, and the median time."""

    right: int
    n: int
    ms: float

    @property
    def share(self) -> float:
        return self.right / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{100 * self.share:6.2f} % ({self.right} of {self.n}; 95 %: "
            f"{100 * low:.1f}-{100 * high:.1f})  {self.ms:7.2f} ms"
        )


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    z, p = 1.959964, right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def chosen_rows(folder: Path, *, test_only: bool) -> list[LabelledPhotograph]:
    return [row for row in load(folder) if not (test_only and row.train)]


def ours(folder: Path, rows: list[LabelledPhotograph], repeats: int) -> list[PictureOutcome]:
    """Our outcomes; the time of each is the median of `repeats` readings."""
    outcomes = []
    for row in rows:
        runs = [evaluation.judge(row, folder) for _ in range(repeats)]
        middle = sorted(runs, key=lambda o: o.cpu_ms)[len(runs) // 2]
        outcomes.append(middle)
    return outcomes


def peer(
    folder: Path, rows: list[LabelledPhotograph], repeats: int, python: str
) -> dict[str, tuple[bool, float]]:
    """RapidOCR: for each file whether some line is (crop) or contains (scene) a plate, and ms."""
    jobs = "".join(
        json.dumps({"file": str(folder / row.file), "kind": row.kind}) + "\n" for row in rows
    )
    command = [python, "-P", str(PEER), str(repeats)]  # -P: our types.py is not theirs
    done = subprocess.run(command, input=jobs, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else "no answer")
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    result = {}
    for row, answer in zip(rows, answers, strict=True):
        texts = [_NOISE.sub("", text).upper() for text in answer["texts"]]
        whole = "".join(texts)
        if row.kind == "crop":
            right = any(plate == whole or plate in texts for plate in row.plates)
        else:
            right = any(plate in text for plate in row.plates for text in [*texts, whole])
        result[row.file] = (right, float(answer["ms"]))
    return result


def easyocr_overhead(folder: Path, rows: list[LabelledPhotograph]) -> tuple[float, float]:
    """Median ms of our network alone, and of it inside EasyOCR's own `recognize`, on crops."""
    network = reader()
    alone, piped = [], []
    for row in [row for row in rows if row.kind == "crop"][:100]:
        picture, _ = decode((folder / row.file).read_bytes())
        strip = rectify.even(rectify.strip(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)))
        began = time.process_time()
        network.probabilities([strip])
        alone.append((time.process_time() - began) * 1000)
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a data loader without a GPU
            network.easyocr.recognize(strip, contrast_ths=0)
        piped.append((time.process_time() - began) * 1000)
    return statistics.median(alone), statistics.median(piped)


def score(outcomes: list[PictureOutcome]) -> BenchmarkScore:
    times = [o.cpu_ms for o in outcomes]
    return BenchmarkScore(
        sum(o.right for o in outcomes), len(outcomes), float(np.median(times or [0]))
    )


def colours(outcomes: list[PictureOutcome]) -> dict[str, BenchmarkScore]:
    names = sorted({o.expected_colour for o in outcomes})
    return {name: score([o for o in outcomes if o.expected_colour == name]) for name in names}


def calibration(outcomes: list[PictureOutcome]) -> tuple[float, float, float]:
    """ECE of the best candidate's probability with its interval."""
    p = np.array([o.probability for o in outcomes])
    return calibration_error(p, np.array([float(o.right) for o in outcomes]))


def this_python() -> str:
    return sys.executable
