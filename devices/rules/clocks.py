"""Plausibility of device clocks.

A battery that ran empty starts again in 1970, and a clock set ahead would hide all that comes
after it. What such a device says has happened all the same: it is taken for the moment in which we
heard it, and marked. Late and swapped events are no fault of the clock: they pass.
"""

BATTERY_WAS_EMPTY_MS = 1_577_836_800_000  # 2020-01-01: before any device of ours was made
AHEAD_MS = 5 * 60 * 1000
BEHIND_MS = 30 * 24 * 3600 * 1000  # as long as message ids are remembered


def clock_fault(occurred_at_ms: int, *, now_ms: int) -> str | None:
    """`clock_unset`, `clock_ahead`, `clock_behind`, or None for a time that can be true."""
    if occurred_at_ms < BATTERY_WAS_EMPTY_MS:
        return "clock_unset"
    if occurred_at_ms > now_ms + AHEAD_MS:
        return "clock_ahead"
    if occurred_at_ms < now_ms - BEHIND_MS:
        return "clock_behind"
    return None
