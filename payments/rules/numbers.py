"""Numbers that providers accept: 6 to 32 letters and digits, unique for us (docs/facts.md 5)."""

import re
from datetime import date

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nobody mistakes I, L, O or U
_NUMBER = re.compile(r"[0-9A-Za-z]{6,32}")


def order_number(day: date, chance: int) -> str:
    """`P260302` + 10 characters of `chance` (50 bits), as people read it out on the phone."""
    return f"P{day:%y%m%d}{_spelled(chance, 10)}"


def payout_number(day: date, chance: int) -> str:
    """`S260302` + 10 characters of `chance`: a payout, as its statement names it."""
    return f"S{day:%y%m%d}{_spelled(chance, 10)}"


def attempt_number(order: str, chance: int) -> str:
    """The number that a provider knows one attempt to pay `order` by; never used twice."""
    return f"{order}A{_spelled(chance, 6)}"


def refund_number(order: str, chance: int) -> str:
    """The number under which a refund of `order` is asked for, however often it is asked."""
    return f"{order}R{_spelled(chance, 8)}"


def is_number(text: str) -> bool:
    """True where every provider takes `text` as a number."""
    return _NUMBER.fullmatch(text) is not None


def _spelled(chance: int, length: int) -> str:
    letters = []
    for _place in range(length):
        chance, digit = divmod(chance, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)
