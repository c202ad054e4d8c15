"""A payment lasts as much longer as the sensor was silent (docs/rules.md L2, L8)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from parking import services
from parking.models import Berth, BerthSensor, ParkingSession
from tests.parking.test_money import pay
from tests.parking.test_stays import at
from tests.street import PLATE, TEST


@pytest.fixture
def parked(berth: Berth, clock: Any) -> ParkingSession:
    """PLATE, which came at 09:00 and pays ¥6 an hour."""
    stay_id = services.open_stay(berth_id=berth.pk, occurred_at=at(0), said_by=TEST)
    assert stay_id is not None
    services.correct_plate(
        stay_id=stay_id, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="seen"
    )
    return ParkingSession.objects.get(pk=stay_id)


@pytest.fixture
def silent(berth: Berth, clock: Any, enrolled: Any, merchant: Any) -> Any:
    """`silent(60, 240)`: its sensor is not heard from minute 60 to minute 240, which is now."""
    sensor = enrolled("S-9", "sensor", merchant)
    BerthSensor.objects.create(berth=berth, device_id=sensor)

    def go(since: float, until: float) -> None:
        clock.move_to(at(since))
        assert services.open_gaps(device_id=sensor, since=at(since)) == 1
        clock.move_to(at(until))
        assert services.end_gaps(device_id=sensor, at=at(until)) == 1

    return go


def paid_until(stay: ParkingSession) -> datetime | None:
    stay.refresh_from_db()
    return stay.paid_until


def left(stay: ParkingSession, clock: Any) -> tuple[str, int, int]:
    services.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    stay.refresh_from_db()
    return stay.state, stay.fee_fen, stay.due_fen


def test_who_pays_after_a_gap_has_paid_up_to_now(
    parked: ParkingSession, silent: Any, clock: Any
) -> None:
    silent(50, 230)
    pay(("parking.stay", parked.pk))
    assert paid_until(parked) == at(240)  # fifty minutes before it, ten after it
    clock.advance(timedelta(minutes=14))
    assert left(parked, clock) == ("settled", 600, 0)


def test_what_was_paid_before_a_gap_lasts_as_much_longer(
    parked: ParkingSession, silent: Any, clock: Any
) -> None:
    clock.move_to(at(30))
    pay(("parking.stay", parked.pk))
    assert paid_until(parked) == at(60)
    silent(50, 170)
    assert paid_until(parked) == at(180)
    clock.move_to(at(179))
    assert left(parked, clock) == ("settled", 600, 0)
