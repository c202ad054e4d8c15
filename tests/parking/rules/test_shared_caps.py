"""A cap that the stays of a vehicle share: at most so much for the day, however it is parted."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import CITY
from parking.rules.pricing import BadTariff, Tariff, Visit, fee
from parking.rules.tariff import Cap, CapOver, CapPer
from tests.parking.rules.test_pricing_properties import ARRIVAL, tariffs

HOURLY = {"windows": [{"start": "07:00", "end": "21:00", "steps": [{"unit_fen": 500}]}]}
NIGHT = {
    "windows": [
        {"label": "day", "start": "07:00", "end": "21:00", "steps": [{"unit_fen": 500}]},
        {"label": "night", "start": "21:00", "end": "07:00", "visit_fen": 800},
    ]
}
SECTION = {"per": "day", "fen": 3000, "over": "section"}
MERCHANT = {"per": "day", "fen": 3000, "over": "merchant"}
VISIT = {"per": "visit", "fen": 2000}
OF_DAYTIME = {"per": "day", "fen": 3000, "window": "day", "over": "section"}


def at(clock: str, day: int = 0) -> datetime:
    time = datetime.strptime(clock, "%H:%M").replace(tzinfo=CITY)
    return time.replace(year=2026, month=3, day=2) + timedelta(days=day)


def fees(terms: dict, *stays: tuple[str, str], here: bool = True, other=None) -> list[int]:
    """What each stay costs, told one after another; "+" is the day after."""
    tariff = Tariff.from_json(terms)
    before: list[Visit] = []
    found = []
    for begin, end in stays:
        arrived, left = (at(one.strip("+"), one.count("+")) for one in (begin, end))
        bill = fee(tariff, arrived_at=arrived, left_at=left, before=before)
        assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen
        found.append(bill.amount_fen)
        own = other or tariff
        before = [
            *before,
            Visit(tariff=own, arrived_at=arrived, left_at=left, known={}, here=here),
        ]
    return found


@pytest.mark.parametrize(
    ("caps", "stays", "wanted"),
    [
        ([SECTION], [("07:30", "14:30"), ("15:00", "21:00")], [3000, 0]),
        ([SECTION], [("08:00", "10:00"), ("11:00", "13:00"), ("14:00", "20:00")], [1000] * 3),
        ([SECTION], [("18:00", "21:00"), ("+07:00", "+09:00")], [1500, 1000]),
        ([SECTION], [("14:00", "+09:00"), ("+10:00", "+17:00")], [4000, 2000]),
        ([SECTION, VISIT], [("07:00", "14:00"), ("15:00", "21:00")], [2000, 1000]),
        ([VISIT], [("07:00", "14:00"), ("15:00", "21:00")], [2000, 2000]),
        ([{**SECTION, "fen": 0}], [("07:00", "14:00"), ("15:00", "21:00")], [0, 0]),
    ],
)  # fmt: skip
def test_what_the_stays_of_a_day_cost_together(caps, stays, wanted):
    assert fees({**HOURLY, "caps": caps}, *stays) == wanted


def test_a_cap_of_one_window_leaves_the_others_alone():
    stays = [("07:30", "14:30"), ("15:00", "22:00")]
    assert fees({**NIGHT, "caps": [OF_DAYTIME]}, *stays) == [3000, 800]


def test_stays_elsewhere_count_for_the_merchants_cap_alone():
    stays = [("07:30", "14:30"), ("15:00", "21:00")]
    assert fees({**HOURLY, "caps": [MERCHANT]}, *stays, here=False) == [3000, 0]
    assert fees({**HOURLY, "caps": [SECTION]}, *stays, here=False) == [3000, 3000]


def test_a_stay_elsewhere_counts_as_its_own_tariff_charged_it_day_by_day():
    cheap = Tariff.from_json({"windows": [{"steps": [{"unit_fen": 100}]}]})
    stays = [("20:00", "+08:00"), ("+09:00", "+18:00")]
    assert fees({**HOURLY, "caps": [MERCHANT]}, *stays, other=cheap)[1] == 3000 - 800


def test_the_cut_is_a_line_of_the_later_stay():
    tariff = Tariff.from_json({**HOURLY, "caps": [SECTION]})
    first = Visit(tariff=tariff, arrived_at=at("08:00"), left_at=at("12:00"), known={})
    bill = fee(tariff, arrived_at=at("13:00"), left_at=at("16:00"), before=[first])
    assert [(one.text_code, one.amount_fen) for one in bill.lines] == [
        ("all_day", 1500),
        ("cap_vehicle", -500),
    ]


@pytest.mark.parametrize("per", ["24h", "window", "visit"])
def test_stays_share_a_cap_of_a_day_alone(per):
    with pytest.raises(BadTariff) as refused:
        Tariff.from_json({**HOURLY, "caps": [{**SECTION, "per": per}]})
    assert refused.value.field == "caps.0.over"


def test_how_far_a_cap_reaches_is_stored_with_it():
    tariff = Tariff.from_json({**HOURLY, "caps": [SECTION, VISIT]})
    assert Tariff.from_json(tariff.to_json()) == tariff
    assert [one["over"] for one in tariff.to_json()["caps"]] == ["section", "stay"]


STAYS = st.lists(st.integers(60, 30_000), min_size=2, max_size=8)


def sharing(tariff: Tariff, fen: int, over: CapOver = CapOver.section) -> Tariff:
    return replace(tariff, caps=(*tariff.caps, Cap(per=CapPer.day, fen=fen, over=over)))


Told = list[tuple[datetime, datetime, int]]


def told(tariff: Tariff, arrived: datetime, lengths: list[int]) -> Told:
    """Stays and what each costs; lengths alternate: there, away."""
    before: list[Visit] = []
    found = []
    for at_, seconds in enumerate(lengths):
        left = arrived + timedelta(seconds=seconds)
        if not at_ % 2:
            bill = fee(tariff, arrived_at=arrived, left_at=left, before=before)
            assert bill.amount_fen >= 0
            assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen
            found.append((arrived, left, bill.amount_fen))
            before = [*before, Visit(tariff=tariff, arrived_at=arrived, left_at=left, known={})]
        arrived = left
    return found


@settings(max_examples=150, deadline=None)
@given(tariffs(), ARRIVAL, STAYS, st.integers(0, 6000))
def test_no_day_of_a_vehicle_costs_more_than_its_cap(tariff, arrived, lengths, fen):
    shared = sharing(tariff, fen)
    stays = told(shared, arrived, lengths)
    days = (stays[-1][1].astimezone(CITY).date() - arrived.astimezone(CITY).date()).days + 1
    assert sum(one[2] for one in stays) <= days * fen


@settings(max_examples=100, deadline=None)
@given(tariffs(), ARRIVAL, STAYS)
def test_a_cap_that_nobody_reaches_changes_no_fee(tariff, arrived, lengths):
    shared = sharing(tariff, 10**9, CapOver.merchant)
    assert told(shared, arrived, lengths) == told(tariff, arrived, lengths)


@settings(max_examples=100, deadline=None)
@given(tariffs(), ARRIVAL, STAYS, st.integers(0, 6000), st.integers(0, 90_000))
def test_a_longer_stay_is_never_cheaper_after_others(tariff, arrived, lengths, fen, more_s):
    shared = replace(tariff, caps=(Cap(per=CapPer.day, fen=fen, over=CapOver.section),))
    stays = told(shared, arrived, lengths)
    before = [Visit(tariff=shared, arrived_at=a, left_at=b, known={}) for a, b, _fen in stays]
    begin = stays[-1][1]
    short, longer = (
        fee(shared, arrived_at=begin, left_at=begin + timedelta(seconds=s), before=before)
        for s in (1800, 1800 + more_s)
    )
    assert short.amount_fen <= longer.amount_fen
