"""Two clocks (docs/rules.md 3): business time that a demo may move, real time that nobody moves.

Stays, windows, debts, cards and statements read `now()`. Liveness, command lifetimes, signatures
and log-ins read `real()`.
"""

import time
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from core.errors import Refused

_CACHE_S = 0.2  # how long another process may still see the old offset after a move
_seen: tuple[float, timedelta, datetime | None] | None = None


def real() -> datetime:
    """Wall-clock time, aware, UTC; never moved."""
    return timezone.now()


def now() -> datetime:
    """Business time, aware, UTC."""
    if not settings.BOWEI_MOVABLE_CLOCK:
        return real()
    offset, held_at = _setting()
    return held_at or real() + offset


def today() -> date:
    """The business day in the city's zone."""
    return timezone.localtime(now()).date()


def hold(at: datetime) -> None:
    """Stop business time at `at`, until it is moved, released or held again."""
    _write(offset=at - real(), held_at=at)


def release() -> None:
    """Let held business time run on from where it stands."""
    _write(offset=now() - real(), held_at=None)


def move_to(at: datetime) -> None:
    """Set business time to `at`; a held clock stays held, a running one runs on."""
    held = _setting()[1] is not None
    _write(offset=at - real(), held_at=at if held else None)


def advance(by: timedelta) -> datetime:
    """Move business time forward and return the new time. Raises Refused for going back."""
    if by < timedelta(0):
        raise Refused("clock_backwards", "Business time only moves forward.")
    move_to(now() + by)
    return now()


def _setting() -> tuple[timedelta, datetime | None]:
    global _seen
    if _seen is None or time.monotonic() - _seen[0] > _CACHE_S:
        from core.models import ClockSetting

        row = ClockSetting.objects.filter(pk=1).first()
        offset = row.offset if row else timedelta(0)
        _seen = (time.monotonic(), offset, row.held_at if row else None)
    return _seen[1], _seen[2]


def _write(*, offset: timedelta, held_at: datetime | None) -> None:
    global _seen
    if not settings.BOWEI_MOVABLE_CLOCK:
        raise Refused("clock_fixed", "Business time cannot be moved in production.")
    from core.models import ClockSetting

    held_at = held_at.astimezone(UTC) if held_at else None
    ClockSetting.objects.update_or_create(pk=1, defaults={"offset": offset, "held_at": held_at})
    _seen = None


def forget() -> None:
    """Drop the cached offset; for a process whose database was exchanged (tests)."""
    global _seen
    _seen = None
