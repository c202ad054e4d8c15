"""Stays that share a day's cap come to the same sum in whatever order they are told (L3)."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from core.plates import Plate
from parking import services
from parking.models import Berth, ParkingSession, Section
from payments.models import Refund
from tests.arrears.conftest import pass_time  # noqa: F401
from tests.parking.test_money import pay
from tests.parking.test_stays import at
from tests.parking.test_stops import read
from tests.street import OTHER_PLATE, PLATE, TEST, new_section, new_tariff

HOURLY = {"windows": [{"steps": [{"unit_fen": 500}]}]}
STAYS = {"M-001": (0, 120), "M-002": (140, 260), "M-003": (300, 420), "N-001": (440, 500)}


def terms(over: str, fen: int = 2500) -> dict[str, Any]:
    return {**HOURLY, "caps": [{"per": "day", "fen": fen, "over": over}]}


Stood = Callable[..., int]


@pytest.fixture
def stood(clock: Any, merchant: Any) -> Stood:
    """`stood("M-002")`: the vehicle stood there as STAYS says, and its plate was read."""
    new_tariff(merchant, terms("section"))
    new_section(merchant, code="M")
    clock.advance(timedelta(hours=9))

    def go(code: str, plate: Plate = PLATE) -> int:
        came, left = STAYS[code]
        berth = Berth.objects.get(code=code)
        stay_id = services.open_stay(berth_id=berth.pk, occurred_at=at(came), said_by=TEST)
        assert stay_id is not None
        read(stay_id, plate)
        services.close_stay(berth_id=berth.pk, occurred_at=at(left), said_by=TEST)
        return stay_id

    return go


@pytest.fixture
def two_roads(stood: Stood, merchant: Any) -> Stood:
    """One merchant's M and N, each with a tariff of its own whose cap counts all its roads."""
    Section.objects.get().tariff.versions.update(terms=terms("merchant"))
    new_section(merchant, code="N")
    other = services.publish_tariff(
        merchant_id=merchant.pk,
        name="N",
        terms=terms("merchant"),
        valid_from=at(0) - timedelta(days=9),
        actor=TEST,
    )
    Section.objects.filter(code="N").update(tariff_id=other.tariff_id)
    return stood


def fees() -> dict[str, int]:
    rows = ParkingSession.objects.exclude(state="void").order_by("arrived_at")
    return dict(rows.values_list("berth__code", "fee_fen"))


RIGHT = {"M-001": 1000, "M-002": 1000, "M-003": 500}


@pytest.mark.parametrize("order", list(permutations(RIGHT)), ids="".join)
def test_in_whatever_order_we_hear_of_them(
    stood: Stood,
    pass_time: Any,  # noqa: F811
    order: tuple[str, ...],
) -> None:
    for code in order:
        stood(code)
        pass_time(minutes=3)
    assert fees() == RIGHT


def test_what_was_paid_before_an_earlier_stay_became_known_goes_back(
    stood: Stood,
    pass_time: Any,  # noqa: F811
) -> None:
    stood("M-002")
    last = stood("M-003")
    pass_time(minutes=3)
    pay(("parking.stay", last))
    stood("M-001")
    pass_time(minutes=3)
    assert fees() == RIGHT
    assert Refund.objects.get().amount_fen == 500


def test_a_stay_that_never_was_uses_nothing_up(
    stood: Stood,
    pass_time: Any,  # noqa: F811
) -> None:
    first, _second, _last = map(stood, RIGHT)
    pass_time(minutes=3)
    services.void_stay(stay_id=first, actor="user:1", reason="never was")
    pass_time(minutes=3)
    assert fees() == {"M-002": 1000, "M-003": 1000}


def test_a_corrected_plate_prices_both_vehicles_days_anew(
    stood: Stood,
    pass_time: Any,  # noqa: F811
) -> None:
    first = stood("M-001", OTHER_PLATE)
    stood("M-002")
    stood("M-003")
    pass_time(minutes=3)
    assert fees() == {"M-001": 1000, "M-002": 1000, "M-003": 1000}
    read(first, PLATE)
    pass_time(minutes=3)
    assert fees() == RIGHT
    read(first, OTHER_PLATE)
    pass_time(minutes=3)
    assert fees() == {"M-001": 1000, "M-002": 1000, "M-003": 1000}


@pytest.mark.parametrize("order", [("M-001", "M-002", "N-001"), ("N-001", "M-002", "M-001")])
def test_roads_of_one_merchant_share_a_cap_where_both_tariffs_say_so(
    two_roads: Stood,
    pass_time: Any,  # noqa: F811
    order: tuple[str, ...],
) -> None:
    for code in order:
        two_roads(code)
        pass_time(minutes=3)
    assert fees() == {"M-001": 1000, "M-002": 1000, "N-001": 500}


def test_another_vehicle_and_another_day_have_a_cap_of_their_own(
    stood: Stood,
    pass_time: Any,  # noqa: F811
    clock: Any,
) -> None:
    stood("M-001", OTHER_PLATE)
    stood("M-002", OTHER_PLATE)
    stood("M-003")
    pass_time(minutes=3)
    assert fees() == {"M-001": 1000, "M-002": 1000, "M-003": 1000}


def test_imported_history_uses_up_no_cap(
    stood: Stood,
    pass_time: Any,  # noqa: F811
) -> None:
    row = {
        "plate": PLATE.text,
        "colour": "blue",
        "berth": "M-001",
        "arrived_at": at(0).isoformat(),
        "left_at": at(120).isoformat(),
        "paid_at": "",
    }
    services.import_history([row], simulated=True, actor=TEST)
    stood("M-002")
    stood("M-003")
    assert fees() == {"M-001": 1000, "M-002": 1000, "M-003": 1000}


def test_what_a_running_stay_costs_counts_what_came_before(
    stood: Stood,
    clock: Any,
) -> None:
    stood("M-001")
    stood("M-002")
    berth = Berth.objects.get(code="M-003")
    stay_id = services.open_stay(berth_id=berth.pk, occurred_at=at(300), said_by=TEST)
    assert stay_id is not None
    read(stay_id, PLATE)
    clock.move_to(at(420))
    assert services.quote_stay(stay_id).amount_fen == 500
