"""Rate limits in one process's memory, for doors that must not ask a server first."""

import time
from collections import Counter
from collections.abc import Hashable

MOST_KEYS = 50_000


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
