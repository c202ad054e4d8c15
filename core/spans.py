"""When a time is over that counts only outside of outages (docs/rules.md L7). Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def over_at(began: datetime, length: timedelta, outages: Iterable[Span]) -> datetime:
    """When `length` from `began` on is over, if nothing counts of what lies inside `outages`.

    They may overlap and come in any order. One that begins at the very end comes too late to
    change it; one that began before `began` counts from there.
    """
    over, looked_at = began + length, began
    for start, end in sorted(outages):
        if start >= over:
            break
        if end > looked_at:
            over += end - max(start, looked_at)
            looked_at = end
    return over
