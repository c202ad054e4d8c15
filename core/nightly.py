"""What is done once a night for the whole city; config/wiring.py lists it under NIGHTLY."""

import logging
from collections.abc import Callable
from datetime import date, timedelta

from core import clock, idempotency, wiring
from core.calendar import CITY

log = logging.getLogger("bowei.nightly")
FROM_H = 2
AGAIN_AFTER = timedelta(minutes=1)


class Nights:
    """One dispatcher's memory of the last night that is done, so that a day asks nobody anything.

    Several dispatchers share a night through its idempotency key: one works, the others get its
    answer.
    """

    def __init__(self) -> None:
        self.done: date | None = None
        self.not_before = clock.real()

    def look(self) -> int:
        """Do what this night still lacks; how many rows it moved. What failed waits a minute."""
        local = clock.now().astimezone(CITY)
        if local.hour < FROM_H or local.date() == self.done or clock.real() < self.not_before:
            return 0
        moved, failed = 0, False
        for function in wiring.nightly():
            try:
                moved += _once(function, local.date())
            except Exception:
                failed = True
                log.exception("nightly.failed name=%s", wiring.name_of(function))
        if failed:
            self.not_before = clock.real() + AGAIN_AFTER
        else:
            self.done = local.date()
        return moved


def _once(function: Callable[[], int], night: date) -> int:
    moved = 0

    def work() -> dict[str, int]:
        nonlocal moved
        moved = function()
        return {"moved": moved}

    idempotency.once("nightly", f"{night.isoformat()} {wiring.name_of(function)}", {}, work)
    return moved
