"""When a person may be contacted: never at night, never too often, never against their wish (P0.6).

Sources: docs/facts.md 4 (not 22:00-08:00, at most 3 calls a day: we stay far below),
docs/features.md 52 (one budget a person over all merchants).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from core.calendar import CITY

QUIET_FROM = time(22)
QUIET_TO = time(8)


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of text message: what holds for all of it, whoever sends it."""

    name: str
    quiet: bool  # never at night
    capped: bool  # of a person's budget of texts that ask for money
    optional: bool  # not to who wants no reminders


CODE = Kind("code", quiet=False, capped=False, optional=False)  # somebody waits for it
SERVICE = Kind("service", quiet=False, capped=False, optional=True)  # about the berth in use
URGENT = Kind("service", quiet=False, capped=False, optional=False)  # a lock, which they must know
ANSWER = Kind("answer", quiet=True, capped=False, optional=False)  # to what they said, or we did
REMINDER = Kind("reminder", quiet=True, capped=True, optional=True)
DEMAND = Kind("demand", quiet=True, capped=True, optional=False)  # the law asks for it

A_DAY = 1
A_WEEK = 3
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def is_quiet(at: datetime) -> bool:
    """Whether it is night in the city: from 22:00 until, not including, 08:00."""
    local = at.astimezone(CITY).time()
    return local >= QUIET_FROM or local < QUIET_TO


def after_quiet(at: datetime) -> datetime:
    """`at`, or the end of the night it falls into."""
    if not is_quiet(at):
        return at
    local = at.astimezone(CITY)
    day = local.date() + timedelta(days=1) if local.time() >= QUIET_FROM else local.date()
    return datetime.combine(day, QUIET_TO, tzinfo=CITY).astimezone(at.tzinfo)


def next_allowed(at: datetime, earlier: Collection[datetime]) -> datetime:
    """The first moment from `at` on at which one more contact keeps all limits.

    `earlier` are the contacts this person already had, from any merchant, in any order.
    """
    moment = after_quiet(at)
    while (freed := _blocked_until(moment, earlier)) is not None:
        moment = after_quiet(freed)
    return moment


def leaves_at(kind: Kind, at: datetime, earlier: Collection[datetime]) -> datetime:
    """When a text of this class may leave, from `at` on; `earlier`: the person's capped ones."""
    if kind.capped:
        return next_allowed(at, earlier)
    return after_quiet(at) if kind.quiet else at


def _blocked_until(moment: datetime, earlier: Collection[datetime]) -> datetime | None:
    """None where a contact at `moment` keeps the caps, else when the oldest in the way is over."""
    for span, most in ((DAY, A_DAY), (WEEK, A_WEEK)):
        within = sorted(one for one in earlier if moment - span < one <= moment)
        if len(within) >= most:
            return within[len(within) - most] + span
    return None
