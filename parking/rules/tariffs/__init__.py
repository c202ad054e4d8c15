"""Ready tariffs: what cities have published, and the plain ones of card agreements (P4.9).

Starting points for an operator to copy and change. What a published notice leaves open is settled
by a switch here; `docs/pricing.md` says which. Prices of a real road come from its own notice.
"""

import json
from functools import cache
from pathlib import Path

from parking.rules.tariff import Tariff

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of all ready tariffs."""
    return sorted(each.stem for each in _FOLDER.glob("*.json"))


@cache
def ready(name: str) -> Tariff:
    """The ready tariff called `name`; KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    return Tariff.from_json(json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")))
