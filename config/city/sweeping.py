"""The sweeps of the wiring, of which those that would find nothing are not called.

The house calls each of them every second. Here that was a third of all statements, nearly always to
learn that nothing is due. So a sweep that only asked and found nothing is heard: its questions are
kept, their times as distances from the clock. All that is kept is asked again in one statement; a
sweep whose questions still find nothing would do what it did before: nothing. What a sweep asks may
hang on the hour, so nothing is kept past MOST_LOOKS looks, nor from night to day.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

from core.calendar import CITY

Sweep = Callable[[], int]
MOST_LOOKS = 10
_LOCK = re.compile(r" FOR (NO KEY )?UPDATE( OF [^()]*?)?( SKIP LOCKED)?$")


@dataclass(frozen=True)
class Question:
    """A SELECT: its words, and its values with each time as its distance from now."""

    sql: str
    values: tuple[Any, ...]

    @classmethod
    def heard(cls, sql: str, values: Sequence[Any], now: datetime) -> "Question":
        far = (one - now if isinstance(one, datetime) else one for one in values)
        return cls(_LOCK.sub("", sql), tuple(far))

    def asked_at(self, now: datetime) -> list[Any]:
        return [now + one if isinstance(one, timedelta) else one for one in self.values]


@dataclass(frozen=True)
class Kept:
    """What a sweep asked when it found nothing."""

    questions: tuple[Question, ...]
    look: int
    by_day: bool
    sure: bool  # it asked just so the time before, at another moment


class Sweeping:
    """Calls what may be due, and keeps what found nothing."""

    def __init__(self) -> None:
        self._kept: dict[Sweep, Kept] = {}
        self._looks = 0

    def look(self, sweeps: Sequence[Sweep], now: datetime) -> Iterator[tuple[Sweep, Sweep]]:
        """Each sweep that may find something, in order, and what calls it before the next is asked
        for. Where one has changed something all that follow it are asked anew."""
        self._looks += 1
        by_day = 8 <= now.astimezone(CITY).hour < 22
        idle: set[Sweep] | None = None  # not asked since something changed
        for sweep in sweeps:
            if sweep in self._kept and idle is None:
                idle = self._idle(sweeps, now, by_day)
            if idle is not None and sweep in idle:
                continue
            changed: list[bool] = []
            yield sweep, partial(self._call, sweep, now, by_day, changed)
            if changed != [False]:
                idle = None

    def _call(self, sweep: Sweep, now: datetime, by_day: bool, changed: list[bool]) -> int:
        before = self._kept.pop(sweep, None)
        with _listening() as asked:
            moved = sweep()
        nothing = not moved and not any(found for _sql, _values, found in asked)
        written = [found for sql, _values, found in asked if not sql.startswith("SELECT")]
        changed.append(bool(moved) or any(written))
        if nothing and asked and not written:
            questions = tuple(Question.heard(sql, values, now) for sql, values, _found in asked)
            sure = before is not None and before.questions == questions
            self._kept[sweep] = Kept(questions, self._looks, by_day, sure)
        return moved

    def _idle(self, sweeps: Sequence[Sweep], now: datetime, by_day: bool) -> set[Sweep]:
        """Those whose kept questions find nothing."""
        kept = [one for one in sweeps if one in self._kept and self._kept[one].sure]
        good = {
            one
            for one in kept
            if self._kept[one].by_day == by_day
            and self._looks - self._kept[one].look < MOST_LOOKS + sweeps.index(one) % MOST_LOOKS
        }
        if not good:
            return set()
        parts, values = [], []
        for number, one in enumerate(kept):  # all, so that the statement stays prepared
            for question in self._kept[one].questions:
                parts.append(f"SELECT {number} WHERE EXISTS ({question.sql})")
                values += question.asked_at(now)
        connection.ensure_connection()
        with psycopg.Cursor(connection.connection) as cursor:
            sql = " UNION ALL ".join(parts)
            rows = cursor.execute(sql, values, prepare=True).fetchall()  # type: ignore[call-overload]
        due = {kept[number] for (number,) in rows}
        return good - due


@contextmanager
def _listening() -> Iterator[list[tuple[str, tuple[Any, ...], bool]]]:
    """What is asked meanwhile: (statement, values, whether it found or might have found rows)."""
    asked: list[tuple[str, tuple[Any, ...], bool]] = []
    execute = CursorWrapper.execute

    def heard(cursor: Any, sql: Any, values: Any = None) -> Any:
        answer = execute(cursor, sql, values)
        if not str(sql).startswith(("SAVEPOINT", "RELEASE")):
            asked.append((str(sql), tuple(values or ()), cursor.cursor.rowcount != 0))
        return answer

    with patch.object(CursorWrapper, "execute", heard):
        yield asked
