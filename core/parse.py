"""What is typed into addresses, queries, forms and bodies, read so that nothing typed can break us.

The one door for numbers, days, row numbers, texts and JSON: whatever cannot be understood is None
or a refusal, never an exception of Python's or the database's.
"""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from core import sizes
from core.errors import Missing

MOST_NUMBER = 2**63 - 1  # what a column of whole numbers holds
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)  # a day more, a time zone: all hold them
_UNREADABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Unreadable(ValueError):
    """Not to be understood; the text says why in plain English."""


def number(text: object, *, most: int = MOST_NUMBER) -> int | None:
    """A whole number from 0 to `most` in plain digits; None for anything else (², 5,000 digits)."""
    digits = str(text).strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(most)):
        return None
    found = int(digits)
    return found if found <= most else None


def numbers(texts: Iterable[object]) -> list[int]:
    """Those of them that are whole numbers, in their order, each once."""
    return list(dict.fromkeys(found for text in texts if (found := number(text)) is not None))


def row_id(text: object) -> int:
    """The number of a row in an address. Raises Missing: what has no number is not there."""
    found = number(text)
    if found is None:
        raise Missing()
    return found


def is_ours(day: date) -> bool:
    """Whether a day is near enough to be reckoned with."""
    return FIRST_DAY <= day <= LAST_DAY


def moment(text: object) -> datetime:
    """A moment of ours in UTC, as ISO 8601 says it with an offset. Raises Unreadable with why."""
    try:
        at = datetime.fromisoformat(str(text).strip())
    except ValueError as error:
        raise Unreadable(str(error)) from error
    if at.tzinfo is None:
        raise Unreadable(f"{text} has no offset")
    if not is_ours(at.date()):
        raise Unreadable(f"{text} is not of these years")
    return at.astimezone(UTC)


def is_text(text: str) -> bool:
    """Whether people can read it and the database keeps it: no NUL or other control characters but
    tab and line ends, no half of a character."""
    return _UNREADABLE.search(text) is None


def json_body(raw: bytes) -> Any:
    """The value of a JSON body. Raises Unreadable for what is none, for text that is no text,
    numbers that no column holds, a name that stands twice in an object, and for what is deeper,
    longer or more than core.sizes allows."""
    if raw.count(b",") > sizes.JSON_ITEMS:  # before a value is made of any
        raise Unreadable("The JSON holds too many values.")
    try:
        value = json.loads(
            raw.decode(),
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_constant,
            object_pairs_hook=_each_name_once,
        )
    except RecursionError as error:
        raise Unreadable("The JSON is nested too deeply.") from error
    except ValueError as error:  # among them UnicodeDecodeError and JSONDecodeError
        raise Unreadable(f"The body is not JSON: {error}") from error
    _examine(value)
    return value


def _whole(digits: str) -> int:
    if len(digits) > sizes.JSON_DIGITS or abs(int(digits)) > MOST_NUMBER:
        raise Unreadable("a number is too large")
    return int(digits)


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise Unreadable("a number is too large")
    return found


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What one reader takes for the first of two, another takes for the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("a name stands twice in an object")
    return found


def _no_constant(name: str) -> Any:
    raise Unreadable(f"{name} is no number")


def _examine(value: Any) -> None:
    waiting, seen = [(value, 1)], 0
    while waiting:
        one, depth = waiting.pop()
        seen += 1
        if seen > sizes.JSON_ITEMS:
            raise Unreadable("The JSON holds too many values.")
        if depth > sizes.JSON_DEPTH:
            raise Unreadable("The JSON is nested too deeply.")
        if isinstance(one, str):
            if len(one) > sizes.JSON_TEXT:
                raise Unreadable("A text is too long.")
            if not is_text(one):
                raise Unreadable("A text holds characters that are no text.")
        elif isinstance(one, dict):
            waiting += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, list):
            waiting += [(part, depth + 1) for part in one]
