"""The agreement's tariff: golden cases (P4.9) and what must hold for every visit."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monthlycard.rules import PriceWindow, Terms, fee_lines

CITY = ZoneInfo("Asia/Shanghai")
WHOLE_DAY = "00:00"


def at(text: str) -> datetime:
    """`2 09:30` is 2 March 2026, 09:30 in the city."""
    day, clock = text.split()
    hour, minute = clock.split(":")
    return datetime(2026, 3, int(day), int(hour), int(minute), tzinfo=CITY)


HOURLY = Terms(
    basis="duration", windows=(PriceWindow(starts="00:00", ends="00:00", unit_fen=1000),)
)
PER_ENTRY = Terms(basis="count", entry_fen=1000)
DAY_NIGHT = (
    PriceWindow(starts="08:00", ends="20:00", unit_fen=1500),
    PriceWindow(starts="20:00", ends="08:00", unit_fen=1000),
)
SPLIT = Terms(basis="window", windows=DAY_NIGHT)
CARRY = Terms(basis="window", windows=DAY_NIGHT, boundary="carry")
DOWN = Terms(basis="window", windows=DAY_NIGHT, rounding="down")


@pytest.mark.parametrize(
    ("terms", "entry", "exit", "fen"),
    [
        # 10 yuan an hour
        (HOURLY, "2 09:00", "2 09:00", 0),
        (HOURLY, "2 09:00", "2 09:01", 1000),
        (HOURLY, "2 09:00", "2 10:00", 1000),
        (HOURLY, "2 09:00", "2 10:01", 2000),
        (HOURLY, "2 23:30", "3 00:30", 1000),  # midnight divides nothing
        # 10 yuan an entry
        (PER_ENTRY, "2 09:00", "2 09:01", 1000),
        (PER_ENTRY, "2 09:00", "5 09:00", 1000),
        # 15 yuan an hour 8–20, 10 yuan an hour 20–8
        (SPLIT, "2 18:00", "2 22:00", 2 * 1500 + 2 * 1000),
        (SPLIT, "2 19:30", "2 20:30", 1500 + 1000),
        (CARRY, "2 19:30", "2 20:30", 1500),
        (DOWN, "2 19:30", "2 20:30", 0),
        (SPLIT, "2 20:00", "3 08:00", 12 * 1000),  # across midnight
        (SPLIT, "2 19:00", "3 09:00", 1500 + 12 * 1000 + 1500),
        (SPLIT, "2 23:30", "3 00:30", 1000),
        (CARRY, "3 07:30", "3 09:30", 1000 + 1500),
        (SPLIT, "3 07:30", "3 09:30", 1000 + 2 * 1500),
    ],
)
def test_golden_fees(terms, entry, exit, fen):
    lines = fee_lines(terms, entry_at=at(entry), exit_at=at(exit))
    assert sum(line.fee_fen for line in lines) == fen


def test_lines_name_quantity_and_unit_price_in_the_order_of_time():
    lines = fee_lines(SPLIT, entry_at=at("2 19:00"), exit_at=at("3 09:00"))
    assert [(line.quantity, line.unit_price_fen) for line in lines] == [
        (1, 1500),
        (12, 1000),
        (1, 1500),
    ]


def test_free_minutes_hold_only_for_a_stay_within_them():
    terms = Terms(basis="duration", windows=HOURLY.windows, free_s=900)
    assert fee_lines(terms, entry_at=at("2 09:00"), exit_at=at("2 09:15")) == ()
    assert fee_lines(terms, entry_at=at("2 09:00"), exit_at=at("2 09:16"))[0].fee_fen == 1000


ALL_HOURS = (PriceWindow(starts="00:00", ends="00:00", unit_fen=1),)


@pytest.mark.parametrize(
    "terms",
    [
        {"basis": "count"},
        {"basis": "count", "entry_fen": 5, "windows": DAY_NIGHT},
        {"basis": "window"},
        {"basis": "window", "windows": DAY_NIGHT[:1]},
        {"basis": "duration", "windows": DAY_NIGHT},
        {"basis": "window", "windows": (*DAY_NIGHT, DAY_NIGHT[0])},
        {"basis": "window", "windows": DAY_NIGHT, "unit_s": 0},
        {"basis": "window", "windows": (PriceWindow(starts="8", ends="20:00", unit_fen=1),)},
        *(
            {"basis": "window", "windows": (PriceWindow(starts=at, ends=at, unit_fen=1),)}
            for at in ("²0:00", "１2:00", "7:5", "24:00", "12:60", "12:00 ")
        ),
        {"basis": "window", "windows": ALL_HOURS, "unit_s": 366 * 86400 + 1},
        {"basis": "window", "windows": ALL_HOURS, "free_s": 10**30},
    ],
)
def test_terms_that_contradict_themselves_are_refused(terms):
    with pytest.raises(ValueError, match=r"."):
        Terms(**terms)


def test_terms_survive_the_wire():
    for terms in (HOURLY, PER_ENTRY, SPLIT, CARRY, DOWN):
        assert Terms.from_json(terms.to_json()) == terms
    with pytest.raises(ValueError, match="surcharge: is not known here"):
        Terms.from_json({**HOURLY.to_json(), "surcharge": 1})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"basis": "weight"}, "basis: must be 'duration', 'window' or 'count'"),
        ({"rounding": "nearest"}, "rounding: must be 'up' or 'down'"),
        ({"unit_s": "3600"}, "unit_s: must be a whole number"),
        ({"free_s": True}, "free_s: must be a whole number"),
        ({"windows": {}}, "windows: must be a list"),
        (
            {"windows": [{"starts": "00:00", "ends": "00:00", "unit_fen": 10.5}]},
            "windows.0.unit_fen: must be a whole number",
        ),
        (
            {"windows": [{"starts": "00:00", "unit_fen": 10, "price": 10}]},
            "windows.0.ends: is missing; windows.0.price: is not known here",
        ),
        ({"windows": [{"starts": "8", "ends": "8", "unit_fen": 10}]}, "'8' is no time of day"),
    ],
)
def test_what_is_no_agreement_is_refused_with_the_fields_that_are_wrong(change, reason):
    with pytest.raises(ValueError, match=r".") as refused:
        Terms.from_json({**HOURLY.to_json(), **change})
    assert str(refused.value) == reason


@given(
    start=st.integers(0, 7 * 24 * 60),
    minutes=st.integers(0, 4 * 24 * 60),
    longer=st.integers(0, 600),
    terms=st.sampled_from([HOURLY, PER_ENTRY, SPLIT, CARRY, DOWN]),
)
def test_a_longer_visit_never_costs_less(start, minutes, longer, terms):
    entry = at("2 00:00") + timedelta(minutes=start)
    exit = entry + timedelta(minutes=minutes)
    short = sum(line.fee_fen for line in fee_lines(terms, entry_at=entry, exit_at=exit))
    long = sum(
        line.fee_fen
        for line in fee_lines(terms, entry_at=entry, exit_at=exit + timedelta(minutes=longer))
    )
    assert 0 <= short <= long


@pytest.mark.parametrize("naive", ["entry_at", "exit_at"])
def test_a_time_that_names_no_zone_is_refused(naive):
    times = {"entry_at": at("2 09:00"), "exit_at": at("2 11:00")}
    times[naive] = times[naive].replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        fee_lines(HOURLY, **times)
