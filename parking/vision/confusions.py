"""How often the reader takes one character for another, measured on held-out plates."""

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("confusions.json")
_UNSEEN = 1e-4


@cache
def _table() -> dict[str, dict[str, float]]:
    if not FILE.exists():
        return {}
    return json.loads(FILE.read_text(encoding="utf-8"))["confusions"]


def confusion(a: str, b: str) -> float:
    """Probability that the reader says `b` where the plate shows `a`; small, never zero."""
    row = _table().get(a, {})
    if a == b:
        return row.get(b, 1 - _UNSEEN)
    return max(row.get(b, 0.0), _UNSEEN)
