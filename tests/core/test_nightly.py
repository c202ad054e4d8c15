"""Nightly work is done once a night, and what fails stops nothing else."""

from datetime import timedelta

import pytest

from config import wiring
from core.nightly import Nights

RAN: list[str] = []


def tidy() -> int:
    RAN.append("tidy")
    return 2


def fail_at_first() -> int:
    RAN.append("fail")
    if RAN.count("fail") == 1:
        raise RuntimeError("not tonight")
    return 1


@pytest.fixture(autouse=True)
def _night(monkeypatch, clock):
    RAN.clear()
    monkeypatch.setattr(wiring, "NIGHTLY", [fail_at_first, tidy])
    clock.advance(timedelta(hours=18))  # 03:00


def test_what_failed_is_tried_again_a_minute_later_and_what_was_done_is_not():
    nights = Nights()

    assert nights.look() == 2
    assert nights.look() == 0
    assert RAN == ["fail", "tidy"]

    nights.not_before -= timedelta(minutes=1)
    assert nights.look() == 1
    assert nights.look() == 0
    assert RAN == ["fail", "tidy", "fail"]


def test_a_dispatcher_that_starts_by_day_makes_up_for_the_night(clock):
    clock.advance(timedelta(hours=15))

    Nights().look()
    Nights().look()
    assert RAN.count("tidy") == 1
