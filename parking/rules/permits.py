"""When a permit holds: from day to day, within its hours. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from core.calendar import CITY, city_date

Times = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A permit holds from `since` to `until`, each day from `starts` to `ends` of the city's clock;
    an end not after its start is on the next day, and equal ones are the whole day."""

    since: datetime
    until: datetime
    starts: time = time()
    ends: time = time()

    def within(self, began: datetime, ended: datetime) -> Iterator[Times]:
        """The times between these moments in which it holds, in order."""
        began, ended = max(began, self.since), min(ended, self.until)
        if began >= ended:
            return
        if self.starts == self.ends:
            yield began, ended
            return
        day, last = city_date(began) - timedelta(days=1), city_date(ended)
        while day <= last:
            start = datetime.combine(day, self.starts, CITY)
            over = timedelta(days=1) if self.ends <= self.starts else timedelta()
            end = datetime.combine(day + over, self.ends, CITY)
            if start < ended and end > began:
                yield max(start, began), min(end, ended)
            day += timedelta(days=1)


def together(times: Iterable[Times]) -> list[Times]:
    """The same times, those that meet as one."""
    found: list[Times] = []
    for began, ended in sorted(times):
        if found and began <= found[-1][1]:
            found[-1] = found[-1][0], max(ended, found[-1][1])
        else:
            found.append((began, ended))
    return found
