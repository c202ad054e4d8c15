"""Money is integer fen from gateway to screen (docs/rules.md 5); yuan exist only at the edges."""

import re
from collections.abc import Sequence

MOST_FEN = 2**53 - 1
"""Where all that adds up ends: the largest whole number that every reader of JSON takes exactly."""

MOST_PAYMENT_FEN = 100_000_000_00
"""Where one payment and one typed amount end: Alipay takes no more than ¥100,000,000.00 at once."""

_YUAN = re.compile(
    r"([+\-−]?) ?[¥￥]? ?([0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,15})(?:\.([0-9]{1,2}))? ?元?"
)


class BadMoney(ValueError):
    """A text that is no exact sum of yuan and fen."""


def format_fen(fen: int) -> str:
    """`fen` as yuan for people: 431850 → `¥4,318.50`, -5 → `−¥0.05`. TypeError but for an int."""
    _only_whole(fen)
    yuan, rest = divmod(abs(fen), 100)
    return f"{'−' if fen < 0 else ''}¥{yuan:,}.{rest:02}"


def plain_yuan(fen: int) -> str:
    """`fen` as yuan for files and programs, which add it up: 431850 → `4318.50`, -5 → `-0.05`."""
    _only_whole(fen)
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{yuan}.{rest:02}"


def parse_yuan(text: str) -> int:
    """Exactly the fen of `text` as people type it; BadMoney for anything less exact.

    `2.25`, `¥4,318.50`, `300元`, `−¥6`: sign, unit and decimals may be absent, commas stand at the
    thousands or nowhere.
    """
    found = _YUAN.fullmatch(text.strip())
    if found is None:
        raise BadMoney(f"{text[:40]!r} is not a sum in yuan with at most two decimals")
    sign, yuan, rest = found.groups()
    fen = int(yuan.replace(",", "")) * 100 + int((rest or "0").ljust(2, "0"))
    return -fen if sign in {"-", "−"} else fen


def split_fen(total_fen: int, weights: Sequence[int]) -> list[int]:
    """`total_fen` in parts as the `weights` are; the parts sum to it exactly.

    Largest remainder, the earlier part first on a tie; a negative total is split like its
    opposite. ValueError where no weight is above zero, or one is below.
    """
    _only_whole(total_fen)
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("money is split by weights of zero and more, one at least above zero")
    sign = -1 if total_fen < 0 else 1
    shares = [divmod(abs(total_fen) * weight, whole) for weight in weights]
    parts = [share for share, _ in shares]
    left = abs(total_fen) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda at: (-shares[at][1], at))
    for at in by_remainder[:left]:
        parts[at] += 1
    return [sign * part for part in parts]


def _only_whole(fen: int) -> None:
    if isinstance(fen, bool) or not isinstance(fen, int):
        raise TypeError(f"money is whole fen, not {type(fen).__name__}")
