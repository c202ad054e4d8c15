"""The times at which a vehicle stood there and that are billed."""

from typing import NamedTuple


class Present(NamedTuple):
    """A time that is billed; before it the vehicle was `away_s` not there, else there unbilled."""

    begin: int
    end: int
    away_s: int


def presence(stops: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> list[Present]:
    """The times of `stops` outside `gaps`, those that touch each other as one."""
    present: list[Present] = []
    away_s, left = 0, None
    for stop in stops:
        away_s += 0 if left is None else stop[0] - left
        left = stop[1]
        parts = [stop]
        for gap in gaps:
            parts = [part for one in parts for part in outside(one, gap)]
        for begin, end in parts:
            if begin == end:
                continue
            if present and present[-1].end == begin:
                begin, away_s = present[-1].begin, present.pop().away_s
            present.append(Present(begin, end, away_s))
            away_s = 0
    return present


def outside(stop: tuple[int, int], gap: tuple[int, int]) -> list[tuple[int, int]]:
    if gap[1] <= stop[0] or gap[0] >= stop[1]:
        return [stop]
    return [(stop[0], max(stop[0], gap[0])), (min(stop[1], gap[1]), stop[1])]
