"""How often somebody may do what: one count for every door, asked before anything else is done.

`core.deeds` is the table of deeds and their limits, `config/doors.py` says which deed an address is
for, and `core.middleware.Limits` counts it there. What a deed is about (a berth, a plate, a phone)
is counted by the service that knows it, for whoever asks just now: pages and interfaces alike.
Outside of a request nobody asks and nothing is counted: a sweep is no stranger.

The counts lie in Valkey, for all processes; without it each counts by itself (docs/decisions/0067).
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from redis.commands.core import Script
from redis.exceptions import RedisError

from core import personal, wake
from core.deeds import Deed, Rate
from core.errors import TooMany
from core.rates import Charges, Counts, Memory

log = logging.getLogger("bowei.limits")
TRY_VALKEY_AGAIN_S = 3.0

# A refusal changes nothing: all keys are looked at before the first is written. Times are Valkey's.
NOW = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
"""
# KEYS: one for each limit; ARGV: for each how many, within how many ms; and a
# name for this once. The ms to wait, or 0.
TAKE = f"""{NOW}
local wait = 0
for i, key in ipairs(KEYS) do
  local most, within = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - within)
  local over = redis.call('ZCARD', key) - most
  if over >= 0 then
    local last = redis.call('ZRANGE', key, over, over, 'WITHSCORES')
    wait = math.max(wait, last[2] + within - now)
  end
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[#ARGV])
  redis.call('PEXPIRE', key, ARGV[2 * i])
end
return 0
"""
# KEYS: one for each thing that is tried at; ARGV: for each how many wrong ones cost nothing, the
# first wait, the longest, and after how long one is forgotten, in ms. The ms to wait, or 0.
CHARGE = f"""{NOW}
local wait, told = 0, {{}}
for i, key in ipairs(KEYS) do
  told[i] = redis.call('HMGET', key, 'wrong', 'at', 'until')
  wait = math.max(wait, (told[i][3] or now) - now)
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  local at = 4 * (i - 1)
  local free, first = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local longest, forgets = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local past = (now - (told[i][2] or now)) / forgets
  local wrong = math.max(0, (told[i][1] or 0) - past) + 1
  local rest = 0
  if wrong > free then rest = math.min(longest, first * 2 ^ math.min(30, wrong - free - 1)) end
  redis.call('HSET', key, 'wrong', tostring(wrong), 'at', now, 'until', now + math.floor(rest))
  redis.call('PEXPIRE', key, math.floor(wrong * forgets + rest))
end
return 0
"""
REFUND = """
for _, key in ipairs(KEYS) do
  local wrong = redis.call('HGET', key, 'wrong')
  if wrong then
    redis.call('HSET', key, 'wrong', tostring(math.max(0, wrong - 1)), 'until', 0)
  end
end
return 0
"""


class _Valkey:
    """Counts of all processes; each question is one step that no other comes between."""

    def take(self, counts: Counts) -> float:
        """Seconds to wait, or 0 and one more is counted under each key."""
        return self._ask(TAKE, counts, lambda rate: (rate.most, _ms(rate.within_s)))

    def charge(self, charges: Charges) -> float:
        """Seconds to wait, or 0 and one more wrong try stands under each key."""
        return self._ask(
            CHARGE,
            charges,
            lambda wait: (wait.free, _ms(wait.first_s), _ms(wait.longest_s), _ms(wait.forgets_s)),
        )

    def refund(self, charges: Charges) -> float:
        """The try was right: it is taken back under each key."""
        return self._ask(REFUND, charges, lambda _wait: ())

    def _ask(
        self, script: str, rows: list[tuple[str, Any]], told: Callable[[Any], tuple[float, ...]]
    ) -> float:
        keys = [key for key, _limit in rows]
        given = [str(number) for _key, limit in rows for number in told(limit)]
        wait_ms: Any = _prepared(script)(keys, [*given, secrets.token_hex(8)])
        return float(wait_ms) / 1000


@cache
def _prepared(script: str) -> Script:
    return wake.client().register_script(script)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


_valkey, _memory = _Valkey(), Memory()
_away_until_s = 0.0


def _ask(question: Callable[[Any], float]) -> float:
    """The answer of Valkey; while it is away, of this process."""
    global _away_until_s
    if time.monotonic() >= _away_until_s:
        try:
            return question(_valkey)
        except RedisError as error:
            _away_until_s = time.monotonic() + TRY_VALKEY_AGAIN_S
            log.warning("limits.valkey_away error=%s", type(error).__name__)
    return question(_memory)


# ── Who asks ─────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class Asker:
    """Who asks just now: by network, by who they are logged in as, by their browser.

    `refused`: what they have been refused meanwhile, which becomes the answer's status.
    """

    network: str
    person: Callable[[], int | None] = lambda: None
    browser: str = ""
    refused: list[TooMany] = field(default_factory=list)


_asker: ContextVar[Asker | None] = ContextVar("asker", default=None)


@contextmanager
def asked_by(asker: Asker) -> Iterator[Asker]:
    """What is done meanwhile is done for them."""
    token = _asker.set(asker)
    try:
        yield asker
    finally:
        _asker.reset(token)


def asker() -> Asker | None:
    """Who asks; None where no stranger does."""
    return _asker.get()


BROWSER = "bowei_browser"
BROWSER_KEPT_S = 365 * 24 * 3600


def browser_of(request: HttpRequest) -> str:
    """The name that we gave this browser, "" where it has none or made one up."""
    return str(request.get_signed_cookie(BROWSER, default="", salt=BROWSER))


def keep_browser(response: HttpResponse, name: str) -> HttpResponse:
    """The browser goes by this name from now on; it tells nobody who that is."""
    return keep_cookie(response, BROWSER, name)


def keep_cookie(response: HttpResponse, cookie: str, value: str) -> HttpResponse:
    """What this browser brings back for a year, signed."""
    response.set_signed_cookie(
        cookie,
        value,
        salt=cookie,
        max_age=BROWSER_KEPT_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


# ── Counting ─────────────────────────────────────────────────────────────────────────────────
def count(deed: Deed, *things: str) -> None:
    """They do this, to these things: counted for their network, for them, for each of the things
    and for the whole installation. Raises TooMany, and counts nothing, beyond a limit."""
    who = asker()
    if who is None:
        return
    askers = [("network", who.network, deed.network), ("browser", who.browser, deed.browser)]
    if deed.person and (person := who.person()) is not None:
        askers.append(("person", str(person), deed.person))
    rows = _rows(deed, "all", "", deed.everywhere) + _about(deed, things)
    for kind, value, rates in askers:
        rows += _rows(deed, kind, value, rates) if value else []
    _count(deed, who, rows)


def count_about(deed: Deed, *things: str, of_network: bool = False) -> None:
    """The same where the door has counted who asks: only what it is about is new. `of_network`:
    what others ask of these things is counted apart."""
    who = asker()
    if who is not None:
        here = f"{who.network} " if of_network else ""
        _count(deed, who, _about(deed, tuple(here + thing for thing in things)))


def _about(deed: Deed, things: tuple[str, ...]) -> Counts:
    return [row for thing in things if thing for row in _rows(deed, "thing", thing, deed.thing)]


def _rows(deed: Deed, kind: str, value: str, rates: tuple[Rate, ...]) -> Counts:
    return [(_key(deed, kind, f"{rate.within_s} {value}"), rate) for rate in rates]


def _count(deed: Deed, who: Asker, rows: Counts) -> None:
    if rows:
        _refuse(deed, who, _ask(lambda counters: counters.take(rows)))


@contextmanager
def attempt(deed: Deed, *, of_network: bool = True, **things: str) -> Iterator[Callable[[], None]]:
    """One try at a secret. Each wrong one makes the next wait longer, for whoever tries and for
    whatever it is tried at; what is given is called once the try was right. `of_network`: their
    network waits too.

    It counts as wrong from the beginning, so that many at a time, or one that never comes to an
    end, are worth no more than others. Raises TooMany before the try.
    """
    who = asker()
    here = {"network": who.network} if who is not None and of_network else {}
    tried = {**here, **things} if who is not None else {}
    rows = [
        (_key(deed, f"wrong {kind}", value), deed.wrong[kind])
        for kind, value in tried.items()
        if value and kind in deed.wrong
    ]
    if who is not None and rows:
        _refuse(deed, who, _ask(lambda counters: counters.charge(rows)))

    def right() -> None:
        if rows:
            _ask(lambda counters: counters.refund(rows))
            rows.clear()

    yield right


def _key(deed: Deed, kind: str, value: str) -> str:
    """Neither addresses nor plates lie in Valkey in clear."""
    return f"bowei.limit.{deed.name}.{personal.digest(f'{kind} {value}')[:24]}"


def _refuse(deed: Deed, who: Asker, wait_s: float) -> None:
    if wait_s <= 0:
        return
    error = TooMany(wait_s=wait_s)
    who.refused.append(error)
    log.info("limits.refused deed=%s wait_s=%s", deed.name, round(wait_s))
    raise error


def forget() -> None:
    """For tests: this process remembers nothing, and asks Valkey again."""
    global _away_until_s
    _away_until_s = 0.0
    _memory.forget()
