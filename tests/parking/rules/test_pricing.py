"""Fees by published tariffs and by the agreements' golden cases (P4.9), to the fen."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from core.calendar import CITY
from parking.rules.pricing import LINE_TEXTS, affordable_until, continues, fee
from parking.rules.tariff import (
    Boundary,
    CapPer,
    FreeMode,
    FreeRuns,
    Label,
    NewEnergy,
    PriceStep,
    Rounding,
    Scope,
    Tariff,
    Window,
)
from parking.rules.tariffs import names, ready

MONDAY = "2026-03-02"


def at(text, day=MONDAY):
    """`09:00` on the Monday, `+1 09:00` on the day after, or a full date and time."""
    if text.startswith("+"):
        days, text = text[1:].split()
        return at(text) + timedelta(days=int(days))
    return datetime.fromisoformat(text if len(text) > 8 else f"{day} {text}").replace(tzinfo=CITY)


def price(tariff, arrived, left, **circumstances):
    known = ready(tariff) if isinstance(tariff, str) else tariff
    bill = fee(known, arrived_at=at(arrived), left_at=at(left), **circumstances)
    assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen
    return bill.amount_fen


def terms(bill):
    """Each line as people check it: what, how many, at what price."""
    return [(line.text_code, line.quantity, line.unit, line.amount_fen) for line in bill.lines]


@pytest.mark.parametrize(
    ("tariff", "arrived", "left", "fen"),
    [
        # P4.9's golden cases
        ("hourly_10", "09:00", "10:00", 1000),
        ("hourly_10", "09:00", "10:01", 2000),
        ("hourly_10", "23:30", "+1 00:30", 1000),  # no boundary at midnight
        ("hourly_10", "09:00", "+2 09:00", 48_000),
        ("entry_10", "09:00", "09:01", 1000),
        ("entry_10", "09:00", "+3 09:00", 1000),
        ("day_15_night_10", "18:00", "22:00", 5000),
        ("day_15_night_10", "19:00", "+1 09:00", 15_000),  # 15 + 12 × 10 + 15
        ("day_15_night_10", "19:30", "20:30", 2500),  # a part on either side, both whole
        # Beijing: complete units only
        ("beijing_class_1", "09:00", "09:35", 500),
        ("beijing_class_1", "09:00", "09:14", 0),
        ("beijing_class_1", "09:00", "10:30", 1750),
        ("beijing_class_1", "20:00", "23:59", 100),
        ("beijing_class_1", "18:20", "21:10", 600),
        ("beijing_class_3", "09:00", "10:15", 275),
        # Shenzhen: three prices, other ones on days off, workdays made up
        ("shenzhen_class_1", "09:00", "12:40", 5300),
        ("shenzhen_class_1", "20:00", "+1 07:30", 0),
        ("shenzhen_class_1", "2026-03-08 09:00", "2026-03-08 10:30", 120),
        ("shenzhen_class_1", "2026-02-28 08:00", "2026-02-28 08:30", 300),
        ("shenzhen_class_1", "2026-02-16 08:00", "2026-02-16 11:00", 120 + 240),
        # Hangzhou: a night is one visit
        ("hangzhou_core", "09:00", "10:45", 2200),
        ("hangzhou_core", "19:30", "21:00", 1000),
        ("hangzhou_core", "19:30", "+1 08:30", 1500),
        # Chongqing: more than a quarter of an hour is charged from the start
        ("chongqing_key", "09:00", "09:15", 0),
        ("chongqing_key", "09:00", "09:16", 300),
        ("chongqing_key", "09:00", "10:10", 1000),
        ("chongqing_key", "20:00", "23:30", 1300),
        ("chongqing_general", "20:30", "+1 07:30", 500),
        # Wuhan: capped by day
        ("wuhan_class_1", "08:00", "10:30", 1100),
        ("wuhan_class_1", "07:00", "21:00", 2500),
        ("wuhan_class_1", "08:00", "+1 20:59", 5000),
        ("wuhan_class_2", "08:00", "11:30", 800),
        # Shanghai: a first hour that costs its whole price
        ("shanghai_key_roads", "08:00", "08:20", 1500),
        ("shanghai_key_roads", "08:00", "10:10", 4500),
        ("shanghai_key_roads", "19:00", "22:00", 2500),
        # Anqing: everything anew at eight
        ("anqing", "10:00", "10:15", 0),
        ("anqing", "10:00", "10:16", 400),
        ("anqing", "10:00", "13:00", 500),
        ("anqing", "19:00", "+1 09:00", 800),
        # Qingdao: the day's first half hour is free
        ("qingdao_west_coast", "08:00", "08:30", 0),
        ("qingdao_west_coast", "08:00", "10:00", 500),
        ("qingdao_west_coast", "08:00", "18:00", 1500),
        ("qingdao_west_coast", "07:00", "09:00", 150),
    ],
)
def test_a_published_tariff_gives_its_published_fee(tariff, arrived, left, fen):
    assert price(tariff, arrived, left) == fen


@pytest.mark.parametrize(
    ("circumstances", "left", "fen"),
    [
        ({"vehicle_class": "medium"}, "10:00", 650),
        ({"vehicle_class": "medium"}, "18:00", 2250),
        ({"vehicle_class": "large"}, "18:00", 3000),
        ({"nev": True}, "10:00", 0),
        ({"nev": True}, "10:30", 150),
        ({"nev": True, "nev_free_used": True}, "10:00", 500),
        ({"used_free_s": 1800}, "10:00", 700),
        ({"used_free_s": 600}, "08:30", 150),
    ],
)
def test_class_new_energy_and_earlier_stays_change_a_fee(circumstances, left, fen):
    assert price("qingdao_west_coast", "08:00", left, **circumstances) == fen


@pytest.mark.parametrize(
    ("rounding", "boundary", "fen"),
    [
        (Rounding.up, Boundary.split_, 2500),
        (Rounding.up, Boundary.earlier_window, 1500),
        (Rounding.up, Boundary.lower_rate, 1000),
        (Rounding.down, Boundary.split_, 0),
        (Rounding.down, Boundary.earlier_window, 1500),
        (Rounding.down, Boundary.lower_rate, 1000),
    ],
)
def test_a_unit_over_a_boundary_is_charged_by_the_named_switches(rounding, boundary, fen):
    tariff = replace(ready("day_15_night_10"), rounding=rounding, boundary=boundary)

    assert price(tariff, "19:30", "20:30") == fen


@pytest.mark.parametrize(
    ("scope", "fen"),
    [
        (Scope.stay, 1000 + 1200 * 11 + 500 + 1200 * 12),
        (Scope.window, 1000 + 1200 * 11 + 500 + 1000 + 1200 * 11),
        (Scope.day, 1000 + 1200 * 11 + 500 + 1000 + 1200 * 11),
    ],
)
def test_the_first_hour_comes_again_as_the_scope_says(scope, fen):
    tariff = replace(ready("hangzhou_core"), first_scope=scope)

    assert price(tariff, "08:00", "+1 20:00") == fen


@pytest.mark.parametrize(
    ("mode", "left", "fen"),
    [
        (FreeMode.lost, "09:15", 0),
        (FreeMode.lost, "10:10", 2000),
        (FreeMode.deducted, "09:15", 0),
        (FreeMode.deducted, "10:10", 1000),
    ],
)
def test_free_minutes_are_deducted_or_lost(mode, left, fen):
    tariff = replace(ready("hourly_10"), free_s=900, free_mode=mode)

    assert price(tariff, "09:00", left) == fen


@pytest.mark.parametrize(("runs", "fen"), [(FreeRuns.arrival, 800), (FreeRuns.windows, 0)])
def test_free_minutes_run_from_the_arrival_or_within_the_windows(runs, fen):
    tariff = replace(ready("wuhan_class_1"), free_runs=runs, caps=())

    assert price(tariff, "06:30", "07:10") == (300 if fen else 0)


def test_a_cap_for_24_hours_runs_from_the_arrival_and_one_for_the_visit_holds_for_all():
    day = ready("wuhan_class_1").caps[0]
    by_24h = replace(ready("hourly_10"), caps=(replace(day, per=CapPer.h24),))
    by_visit = replace(ready("hourly_10"), caps=(replace(day, per=CapPer.visit),))

    assert price(by_24h, "22:00", "+1 23:00") == 2500 + 1000
    assert price(by_visit, "22:00", "+3 22:00") == 2500


def test_two_near_stops_are_one_stay_where_the_tariff_says_so():
    tariff = replace(ready("shanghai_key_roads"), merge_gap_s=1800)

    assert continues(tariff, left_at=at("09:00"), arrived_at=at("09:29"))
    assert not continues(tariff, left_at=at("09:00"), arrived_at=at("09:30"))
    again = price(tariff, "10:20", "10:50", earlier=[(at("09:00"), at("10:00"))])
    assert again == 1000  # the first hour is over


STREET = {
    "windows": [
        {
            "start": "08:00",
            "end": "20:00",
            "label": "day",
            "steps": [
                {"unit_fen": 300, "unit_s": 1200, "upto_s": 3600},
                {"unit_fen": 500, "unit_s": 1200, "upto_s": 7200},
                {"unit_fen": 800, "unit_s": 1200},
            ],
        }
    ],
    "free_s": 600,
    "first_scope": "day",
    "caps": [{"per": "day", "fen": 18_000}],
}
SQUARE = {
    "windows": [
        {"start": "07:00", "end": "21:00", "label": "day", "steps": [{"unit_fen": 500}]},
    ],
    "caps": [{"per": "day", "fen": 3000}],
}
LANE = {
    "windows": [
        {"start": "07:00", "end": "22:00", "label": "day", "steps": [{"unit_fen": 400}]},
        {"start": "22:00", "end": "07:00", "label": "night", "steps": [{"unit_fen": 200}]},
    ],
    "caps": [{"per": "window", "fen": 600, "window": "night"}],
}
NIGHT = {"windows": [{"start": "21:00", "end": "06:00", "label": "night", "visit_fen": 800}]}
VISIT = {"windows": [{"visit_fen": 1000}]}
LUMP = {"windows": [{"steps": [{"unit_fen": 1500, "upto_s": 3600, "lump": True}, {"unit_fen": 1}]}]}
FROM_8_TO_20 = [f"{hour:02d}:05-{hour + 1:02d}:00" for hour in range(8, 20)]


@pytest.mark.parametrize(
    ("terms", "stops", "fees"),
    [
        (
            SQUARE,
            ["08:10-10:00", "10:10-12:00", "12:10-14:00", "14:10-16:00", "16:10-18:00"],
            [1000, 1000, 1000, 0, 0],  # the day's cap runs on
        ),
        (STREET, ["11:00-11:11", "11:13-11:19"], [300, 0]),  # within the unit that was begun
        (STREET, ["19:40-+1 07:50", "+1 08:05-+1 09:45"], [300, 1900]),  # a new day, a new hour
        (LANE, ["17:50-21:50", "22:05-+1 06:30"], [1600, 600]),  # the day's money is no night's
        (SQUARE, ["08:00-+1 06:50", "+1 07:00-+1 11:00"], [3000, 2000]),
        (NIGHT, ["21:15-23:00", "23:10-+1 05:30"], [800, 0]),
        (VISIT, ["09:00-10:00", "10:01-11:00"], [1000, 0]),
        (LUMP, ["09:00-09:30", "09:30-10:00"], [1500, 0]),
        (STREET, FROM_8_TO_20, [900, 1500, 2400, 2400, 2400, 2400, 2400, 2400, 1200, 0, 0, 0]),
    ],
)
def test_stops_that_continue_each_other_cost_what_one_stay_with_pauses_costs(terms, stops, fees):
    tariff = Tariff.from_json(terms)
    times = [tuple(at(moment) for moment in stop.split("-")) for stop in stops]

    bills = [
        fee(tariff, arrived_at=begin, left_at=end, earlier=times[:before])
        for before, (begin, end) in enumerate(times)
    ]

    assert [bill.amount_fen for bill in bills] == fees
    for bill in bills:
        assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen


def test_what_earlier_stops_took_is_a_line_of_the_bill():
    """The cap was reached before: the charge stands there, and what takes it off."""
    earlier = [(at("08:00"), at("14:00"))]
    bill = fee(
        Tariff.from_json(SQUARE), arrived_at=at("14:10"), left_at=at("16:00"), earlier=earlier
    )

    assert [(line.text_code, line.amount_fen) for line in bill.lines] == [
        ("day", 1000),
        ("cap_day", -1000),
    ]
    again = fee(
        Tariff.from_json(VISIT), arrived_at=at("14:10"), left_at=at("16:00"), earlier=earlier
    )
    assert again.lines == ()


def test_time_that_is_not_billed_is_a_line_and_no_money():
    gaps = [(at("10:00"), at("16:00"))]
    bill = fee(ready("hourly_10"), arrived_at=at("09:00"), left_at=at("17:00"), gaps=gaps)

    assert bill.amount_fen == 2000
    assert [(line.text_code, line.quantity, line.amount_fen) for line in bill.lines] == [
        ("all_day", 1, 1000),
        ("all_day", 1, 1000),
        ("silent", 6 * 3600, 0),
    ]


def test_an_hour_that_a_gap_interrupts_goes_on_after_it():  # L2
    gaps = [(at("10:30"), at("16:00"))]

    def until(left: str) -> int:
        tariff = ready("hourly_10")
        return fee(tariff, arrived_at=at("09:00"), left_at=at(left), gaps=gaps).amount_fen

    assert [until("16:29"), until("16:30"), until("16:31")] == [2000, 2000, 3000]


def test_a_gap_is_left_in_where_the_rest_would_move_into_a_dearer_hour():  # L2
    tariff = Tariff(
        windows=(hours(8, 17, 100), hours(17, 8, 900)), boundary=Boundary.earlier_window
    )
    bill = fee(
        tariff,
        arrived_at=at("10:46"),
        left_at=at("17:40"),
        gaps=[(at("12:00"), at("12:31"))],
    )

    assert bill == fee(tariff, arrived_at=at("10:46"), left_at=at("17:40"))
    assert bill.amount_fen == 700


def hours(begin: int, end: int, fen: int) -> Window:
    label = Label.day if begin < end else Label.night
    steps = (PriceStep(unit_fen=fen, unit_s=3600),)
    return Window(label=label, start=time(begin), end=time(end), steps=steps)


def test_an_exempt_class_is_free_for_its_time_or_wholly():
    tariff = replace(ready("hourly_10"), exempt={"disabled": 2 * 3600, "police": None})

    assert price(tariff, "09:00", "12:00", exempt_as="disabled") == 1000
    assert price(tariff, "09:00", "12:00", exempt_as="police") == 0
    assert price(tariff, "09:00", "12:00", exempt_as="unheard of") == 3000


def test_debtors_lose_free_minutes_only_where_the_tariff_says_so():
    tariff = ready("chongqing_key")

    assert price(tariff, "09:00", "09:10", debtor=True) == 0
    assert price(replace(tariff, debtors_lose_benefits=True), "09:00", "09:10", debtor=True) == 300


def test_every_term_of_a_fee_stands_on_a_line():
    bill = fee(ready("chongqing_key"), arrived_at=at("19:20"), left_at=at("23:30"))

    assert terms(bill) == [
        ("first_hour", 2, "30min", 600),
        ("then", 1, "30min", 400),
        ("night", 6, "30min", 1200),
        ("cap_window", 1, "cap", -200),
    ]
    assert bill.lines[2].starts_at == at("20:30")
    assert {line.text_code for line in bill.lines} <= set(LINE_TEXTS)


def test_free_time_and_a_discount_stand_on_lines_too():
    tariff = ready("qingdao_west_coast")
    half = replace(tariff, new_energy=NewEnergy(percent=50))

    bill = fee(half, arrived_at=at("08:00"), left_at=at("09:00"), nev=True)

    assert terms(bill) == [
        ("free", 1800, "s", 0),
        ("first_hour", 1, "30min", 150),
        ("new_energy", 1, "discount", -75),
    ]


@pytest.mark.parametrize(
    ("tariff", "left", "until"),
    [
        ("hourly_10", "09:20", "10:00"),
        ("hourly_10", "10:00", "10:00"),
        ("chongqing_key", "09:10", "09:15"),
        ("shanghai_key_roads", "09:10", "10:00"),
        ("wuhan_class_1", "18:00", "+1 07:00"),  # the day's cap is reached
        ("entry_10", "09:10", None),
    ],
)
def test_a_fee_says_until_when_it_stays_the_same(tariff, left, until):
    arrived = "09:00"

    bill = fee(ready(tariff), arrived_at=at(arrived), left_at=at(left))

    assert bill.same_until == (until and at(until))


@pytest.mark.parametrize(
    ("tariff", "fen", "until"),
    [
        ("hourly_10", 0, "09:00"),
        ("hourly_10", 2999, "11:00"),
        ("chongqing_key", 0, "09:15"),
        ("chongqing_key", 1000, "10:30"),
        ("entry_10", 999, "09:00"),
        ("entry_10", 1000, "+31 09:00"),
    ],
)
def test_a_prepaid_amount_lasts_until_the_fee_would_pass_it(tariff, fen, until):  # P2.4
    assert affordable_until(ready(tariff), arrived_at=at("09:00"), amount_fen=fen) == at(until)


def test_a_stay_of_no_time_costs_nothing():
    assert price("entry_10", "09:00", "09:00") == 0


@pytest.mark.parametrize(
    ("circumstances", "message"),
    [
        ({"left_at": at("08:59")}, "before it arrives"),
        ({"arrived_at": datetime(2026, 3, 2, 9)}, "zone"),
        ({"vehicle_class": "balloon"}, "balloon"),
        ({"used_free_s": -1}, "negative"),
        ({"earlier": [(at("08:00"), at("09:30"))]}, "in order"),
    ],
)
def test_what_can_not_be_priced_is_refused(circumstances, message):
    with pytest.raises(ValueError, match=message):
        fee(
            ready("hourly_10"),
            **{"arrived_at": at("09:00"), "left_at": at("10:00")} | circumstances,
        )


def test_a_moment_counts_wherever_its_zone_is():
    in_utc = at("09:00").astimezone(UTC)

    bill = fee(ready("beijing_class_1"), arrived_at=in_utc, left_at=at("09:35"))

    assert bill.amount_fen == 500


def test_every_ready_tariff_prices_a_day():
    for name in names():
        assert price(name, "08:00", "+1 08:00") > 0, name
