"""Rate limits in one process's memory, for doors that must not ask a server first."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from typing import Any

from core.deeds import Rate, Wait

MOST_KEYS = 50_000
LONG_AGO_S = 24 * 3600.0
Counts = list[tuple[str, Rate]]
Charges = list[tuple[str, Wait]]


class Recent:
    """How often something happened within the present stretch of `within_s` seconds, by key."""

    def __init__(self, within_s: float) -> None:
        self.within_s = within_s
        self._stretch = 0
        self._counts: Counter[Hashable] = Counter()

    def count(self, key: Hashable) -> int:
        return self._now()[key]

    def note(self, key: Hashable) -> int:
        """It happened once more; how often it has now. Beyond MOST_KEYS new keys stay at one."""
        counts = self._now()
        if len(counts) >= MOST_KEYS and key not in counts:
            return 1
        counts[key] += 1
        return counts[key]

    def forget(self) -> None:
        self._counts.clear()

    def _now(self) -> "Counter[Hashable]":
        stretch = int(time.monotonic() / self.within_s)
        if stretch != self._stretch:
            self._stretch = stretch
            self._counts.clear()
        return self._counts


class Present:
    """How many are there now, by key: open sockets of an address, say."""

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()

    def enter(self, limits: dict[Hashable, int]) -> bool:
        """Count one more under each key; False, and nobody entered, where a key has its most."""
        if any(self._counts[key] >= most for key, most in limits.items()):
            return False
        self._counts.update(limits.keys())
        return True

    def leave(self, limits: dict[Hashable, int]) -> None:
        self._counts.subtract(limits.keys())
        for key in limits:
            if self._counts[key] <= 0:
                del self._counts[key]


class Memory:
    """Counts of one process, by the same rules as those in Valkey (core.limits), while that is
    away. Beyond MOST_KEYS it knows nobody new: then everybody new waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, tuple[float, deque[float]]] = {}
        self._wrong: dict[str, tuple[float, float, float]] = {}  # how many, since, until

    def take(self, counts: Counts) -> float:
        with self._lock:
            now = time.monotonic()
            self._make_room(self._taken, lambda row: now - row[1][-1] >= row[0])
            waits = [self._full_for(key, rate, now) for key, rate in counts]
            if max(waits) > 0:
                return max(waits)
            for key, rate in counts:
                self._taken.setdefault(key, (rate.within_s, deque()))[1].append(now)
            return 0.0

    def _full_for(self, key: str, rate: Rate, now: float) -> float:
        if key not in self._taken:
            return rate.within_s if len(self._taken) >= MOST_KEYS else 0.0
        _within_s, times = self._taken[key]
        while times and now - times[0] >= rate.within_s:
            times.popleft()
        return times[len(times) - rate.most] + rate.within_s - now if len(times) >= rate.most else 0

    def charge(self, charges: Charges) -> float:
        with self._lock:
            now = time.monotonic()
            self._make_room(self._wrong, lambda row: now - row[1] > LONG_AGO_S)
            if len(self._wrong) >= MOST_KEYS and any(key not in self._wrong for key, _w in charges):
                return max(wait.longest_s for _key, wait in charges)
            rows = {key: self._wrong.get(key, (0.0, now, 0.0)) for key, _wait in charges}
            if (rest := max(until - now for _n, _since, until in rows.values())) > 0:
                return rest
            for key, wait in charges:
                wrong, since, _until = rows[key]
                wrong = max(0.0, wrong - (now - since) / wait.forgets_s) + 1
                self._wrong[key] = wrong, now, now + wait.after(wrong)
            return 0.0

    def refund(self, charges: Charges) -> float:
        with self._lock:
            for key, _wait in charges:
                if key in self._wrong:
                    wrong, since, _until = self._wrong[key]
                    self._wrong[key] = max(0.0, wrong - 1), since, 0.0
            return 0.0

    def forget(self) -> None:
        self._taken.clear()
        self._wrong.clear()

    @staticmethod
    def _make_room(rows: dict[str, Any], is_old: Callable[[Any], bool]) -> None:
        if len(rows) >= MOST_KEYS:
            for key in [key for key, row in rows.items() if is_old(row)]:
                del rows[key]
