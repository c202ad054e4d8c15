"""What held-out plates teach about the reader's own doubt: calibration, thresholds, confusions."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from parking.vision import confusions as confusion_file
from parking.vision import decide, pipeline
from parking.vision.grammar import ALPHABET
from parking.vision.serve import PlateReader
from parking.vision.training import photographs, reader_data
from parking.vision.training.plates import Fonts

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One held-out reading: the reader's raw score, its weakest character, and the truth."""

    score: float
    weakest: float
    truth: str
    read: str

    @property
    def right(self) -> bool:
        return self.truth == self.read


def trials(reader: PlateReader, folder: Path, *, free_only: bool = True) -> list[Trial]:
    """Every photograph that training did not see, read once as it is."""
    done = []
    for row in photographs.unseen_part(folder, free_only=free_only):
        done.append(trial(reader, photographs.picture(folder, row), row.plates))
    return done


def worn_trials(reader: PlateReader, folder: Path, *, free_only: bool = True) -> list[Trial]:
    """The unseen crops, worn as a worse camera, light or recording would."""
    rng = Random(5)
    rows = [r for r in photographs.unseen_part(folder, free_only=free_only) if r.kind == "crop"]
    pictures = (reader_data.worn_real(photographs.picture(folder, r), rng) for r in rows)
    return [trial(reader, picture, r.plates) for r, picture in zip(rows, pictures, strict=True)]


def generated_trials(reader: PlateReader, count: int) -> list[Trial]:
    """Generated plates in fonts never trained on."""
    rng, fonts = Random(6), Fonts.other()
    done = []
    for _ in range(count):
        picture, spec = reader_data.generated(rng, fonts, None, None, readable=True)
        done.append(trial(reader, picture, (spec.text,)))
    return done


def trial(reader: PlateReader, picture: np.ndarray, truths: tuple[str, ...]) -> Trial:
    """One reading held against the labelled plates, of which any is right."""
    place = pipeline.best_places(reader, [pipeline.Job(picture)])[0]
    if place is None or not place.texts:
        return Trial(0.0, 0.0, truths[0], "")
    best = pipeline.ranked(place, grey=pipeline.is_grey(picture, place.corners))[0]
    alike = [sum(a == b for a, b in zip(t, best.text, strict=False)) for t in truths]
    truth = truths[int(np.argmax(alike))]
    return Trial(pipeline.raw_score(best), min(best.characters), truth, best.text)


def fit(done: list[Trial]) -> dict[str, list[float]]:
    """A logistic curve from the raw score's logit to the share that was right, as a table."""
    x = np.array([decide.logit(t.score) for t in done])
    y = np.array([float(t.right) for t in done])
    a, b = 1.0, 0.0
    for _ in range(60):  # Newton; a faint pull to a = 1, b = 0 keeps it sane with few errors
        p = 1 / (1 + np.exp(-(a * x + b)))
        w = p * (1 - p) + 1e-9
        gradient = np.array([((p - y) * x).sum() + (a - 1), (p - y).sum() + b])
        hessian = np.array([[(w * x * x).sum() + 1, (w * x).sum()], [(w * x).sum(), w.sum() + 1]])
        step = np.linalg.solve(hessian, gradient)
        a, b = a - step[0], b - step[1]
    raw = np.linspace(-12, 12, 49)
    right = 1 / (1 + np.exp(-(a * raw + b)))
    return {
        "raw": [round(float(v), 3) for v in raw],
        "right": [round(float(v), 6) for v in np.clip(right, 0.0005, 0.9995)],
    }


def least_character(done: list[Trial], goal: float = 0.993) -> float:
    """The lowest bar for the weakest character above which `goal` of the readings were right."""
    ordered = sorted(done, key=lambda t: -t.weakest)
    right, bar = 0, 0.999
    for n, t in enumerate(ordered, 1):
        right += t.right
        if n > 30 and right / n >= goal:
            bar = t.weakest
    return round(min(max(bar, 0.6), 0.95), 4)


def confusions(done: list[Trial]) -> dict[str, dict[str, float]]:
    """Probability of each reading of a character, smoothed; only what was seen is listed."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for t in done:
        if len(t.truth) == len(t.read):
            for a, b in zip(t.truth, t.read, strict=True):
                seen[a][b] += 1
    table = {}
    for a in ALPHABET:
        total = sum(seen[a].values()) + 2
        row = {b: round(n / total, 5) for b, n in seen[a].most_common() if b != a}
        row[a] = round(1 - sum(row.values()) - 0.5 / total, 5)
        table[a] = row
    return table


def calibrate(
    folder: Path, reader: PlateReader, say: Say = print, *, free_only: bool = True
) -> tuple[dict, dict]:
    """Fit and write confusions.json; the calibration table and settings for the manifest."""
    done = trials(reader, folder, free_only=free_only)
    worn = worn_trials(reader, folder, free_only=free_only)
    table = fit(done)
    settings = {**reader.settings, "least_character": least_character(done + worn)}
    for what, some in (("as they are", done), ("worn", worn)):
        answered = [t for t in some if t.weakest >= settings["least_character"]]
        say(
            f"{len(some)} unseen photographs {what}, {sum(t.right for t in some) / len(some):.4f} "
            f"right; answered {len(answered) / len(some):.3f}, "
            f"of them right {sum(t.right for t in answered) / max(1, len(answered)):.4f}"
        )
    trialled = done + worn + generated_trials(reader, len(worn))
    facts = {
        "source": "unseen photographs as they are and worn, and generated plates in other fonts",
        "trials": len(trialled),
        "confusions": confusions(trialled),
    }
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    confusion_file.FILE.write_text(text + "\n", encoding="utf-8")
    return table, settings


def calibration_error(
    probabilities: np.ndarray, right: np.ndarray, *, bins: int = 10, seed: int = 1
) -> tuple[float, float, float]:
    """Expected calibration error over bins of equal mass, and its 95 % bootstrap interval."""

    def error(p: np.ndarray, r: np.ndarray) -> float:
        order = np.argsort(p, kind="stable")
        parts = np.array_split(order, bins)
        return float(sum(abs(p[q].mean() - r[q].mean()) * len(q) for q in parts if len(q)) / len(p))

    rng = np.random.default_rng(seed)
    n = len(probabilities)
    picks = (rng.integers(0, n, n) for _ in range(500))
    draws = [error(probabilities[i], right[i]) for i in picks]
    low, high = np.percentile(draws, (2.5, 97.5))
    return error(probabilities, right), float(low), float(high)
