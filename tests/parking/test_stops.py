"""Stops that are one by their tariff cost the same in whatever order we hear of them (L3)."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from core.models import OutboxDelivery
from core.plates import Plate
from parking import services
from parking.models import Berth, ParkingSession, StayPayment
from payments.models import Refund
from tests import waiting
from tests.arrears.conftest import pass_time  # noqa: F401
from tests.parking.test_money import pay
from tests.parking.test_stays import at
from tests.street import OTHER_PLATE, PLATE, TEST, new_section, new_tariff
from tests.trail import events

VISIT = {"windows": [{"visit_fen": 1000}], "merge_gap_s": 1800, "visit_scope": "day"}
FREE_DAY = {
    "windows": [{"steps": [{"unit_fen": 600, "unit_s": 3600}]}],
    "free_s": 1800,
    "free_mode": "deducted",
    "free_scope": "day",
}
STOPS = {"M-001": (0, 60), "M-002": (70, 120), "M-003": (130, 150)}


@pytest.fixture
def stop(clock: Any, merchant: Any) -> Callable[..., int]:
    """`stop("M-002")`: the vehicle stood there as STOPS says; `plate` is what is read."""
    new_tariff(merchant, VISIT)
    new_section(merchant, code="M")
    clock.advance(timedelta(hours=5))

    def go(code: str, plate: Plate = PLATE, *, leaves: bool = True) -> int:
        came, left = STOPS[code]
        berth = Berth.objects.get(code=code)
        stay_id = services.open_stay(berth_id=berth.pk, occurred_at=at(came), said_by=TEST)
        assert stay_id is not None
        read(stay_id, plate)
        if leaves:
            services.close_stay(berth_id=berth.pk, occurred_at=at(left), said_by=TEST)
        return stay_id

    return go


def read(stay_id: int, plate: Plate) -> None:
    services.correct_plate(
        stay_id=stay_id, plate_text=plate.text, plate_colour="blue", actor="user:7", why="seen"
    )


def fees() -> list[tuple[str, int, int]]:
    rows = ParkingSession.objects.exclude(state="void").order_by("arrived_at")
    return list(rows.values_list("state", "fee_fen", "due_fen"))


RIGHT = [("due", 1000, 1000), ("settled", 0, 0), ("settled", 0, 0)]


@pytest.mark.parametrize("order", list(permutations(STOPS)), ids="".join)
def test_in_whatever_order_we_hear_of_the_stops_the_visit_is_asked_for_once(
    stop: Any,
    pass_time: Any,  # noqa: F811
    order: tuple[str, ...],
) -> None:
    for code in order:
        stop(code)
        pass_time(minutes=3)
    assert fees() == RIGHT
    assert {"stay_id": ParkingSession.objects.get(berth__code="M-001").pk} in events(
        "parking.stop_known"
    )


def test_a_stop_that_was_misread_or_left_late_is_one_with_the_next(
    stop: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    first = stop("M-001", OTHER_PLATE)
    second = stop("M-002", leaves=False)
    stop("M-003")
    pass_time(minutes=3)
    assert [fee for _state, fee, _due in fees()] == [1000, 0, 1000]
    read(first, PLATE)
    berth_id = ParkingSession.objects.get(pk=second).berth_id
    services.close_stay(berth_id=berth_id, occurred_at=at(120), said_by=TEST)
    pass_time(minutes=3)
    assert fees() == RIGHT


def test_what_was_paid_for_a_stop_that_continues_another_goes_back(
    stop: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    second = stop("M-002")
    pass_time(minutes=3)
    pay(("parking.stay", second))
    stop("M-001")
    pass_time(minutes=3)
    assert fees() == RIGHT[:2]
    assert StayPayment.objects.get().kept_fen == 0
    assert Refund.objects.get().amount_fen == 1000


def test_nothing_more_is_asked_of_who_was_asked_for_nothing(
    stop: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    first = stop("M-001")
    stop("M-002")
    pass_time(minutes=3)
    services.void_stay(stay_id=first, actor="user:1", reason="never was")
    pass_time(minutes=3)
    assert services.price_next(stay_id=first) is False
    assert fees() == [("settled", 0, 0)]
    assert not OutboxDelivery.objects.exclude(state="done").exists()


@pytest.mark.django_db(transaction=True)
def test_who_prices_the_next_stop_waits_for_who_works_on_it(
    transactional_db: None,
    stop: Any,
) -> None:
    second, first = stop("M-002"), stop("M-001")
    row = ParkingSession.objects.get(pk=second)
    acts = {"priced *": lambda: services.price_next(stay_id=first)}
    assert waiting.all_at(row, acts) == {"priced *": "waits"}


@pytest.mark.parametrize("simulated", [True, False], ids=["simulated", "another system's"])
def test_imported_history_is_no_earlier_stop_of_a_stay_that_we_saw(
    stop: Callable[..., int], simulated: bool
) -> None:
    imported(0, 60, simulated=simulated)
    stop("M-002")
    assert ParkingSession.objects.get(berth__code="M-002").fee_fen == 1000


@pytest.mark.parametrize("simulated", [True, False], ids=["simulated", "another system's"])
def test_imported_history_uses_up_no_free_minutes(
    clock: Any, merchant: Any, run_reactions: Any, simulated: bool
) -> None:
    new_tariff(merchant, FREE_DAY)
    new_section(merchant, code="M")
    clock.advance(timedelta(hours=5))
    imported(0, 60, simulated=simulated)
    berth = Berth.objects.get(code="M-002")
    stay_id = services.open_stay(berth_id=berth.pk, occurred_at=at(70), said_by=TEST)
    read(stay_id or 0, PLATE)
    services.close_stay(berth_id=berth.pk, occurred_at=at(100), said_by=TEST)
    assert ParkingSession.objects.get(pk=stay_id).fee_fen == 0


def imported(came: int, left: int, *, simulated: bool) -> None:
    row = {
        "plate": PLATE.text,
        "colour": "blue",
        "berth": "M-001",
        "arrived_at": at(came).isoformat(),
        "left_at": at(left).isoformat(),
        "paid_at": at(left).isoformat(),
    }
    services.import_history([row], simulated=simulated, actor=TEST)
