"""Two clocks: business time moves where that is allowed, real time never (docs/rules.md 3)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_held_time_stands_still_and_moves_only_when_told(clock):
    assert clock.now() == MONDAY
    assert clock.advance(timedelta(hours=15)) == MONDAY + timedelta(hours=15)
    assert str(clock.today()) == "2026-03-03"


def test_released_time_runs_on_from_where_it_stood(clock):
    clock.release()
    assert timedelta(0) <= clock.now() - MONDAY < timedelta(seconds=30)


def test_real_time_is_not_moved(clock):
    before = clock.real()
    clock.advance(timedelta(days=30))
    assert clock.real() - before < timedelta(seconds=30)


def test_another_process_sees_the_move_through_the_database(clock):
    clock.advance(timedelta(days=1))
    clock.forget()
    assert clock.now() == MONDAY + timedelta(days=1)


def test_going_back_is_refused(clock):
    with pytest.raises(Refused):
        clock.advance(timedelta(seconds=-1))


def test_production_has_no_movable_clock(clock, settings):
    settings.BOWEI_MOVABLE_CLOCK = False
    with pytest.raises(Refused):
        clock.hold(MONDAY)
    assert clock.now() - clock.real() < timedelta(seconds=1)
