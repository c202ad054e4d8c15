"""What holds for every fee, whatever the tariff."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from parking.rules.pricing import affordable_until, fee
from parking.rules.tariff import (
    Boundary,
    Cap,
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

UNITS_S = st.sampled_from([600, 900, 1800, 3600, 7200, 14_400])
FEN = st.integers(0, 2000)
ARRIVAL = st.integers(0, 400 * 86_400).map(
    lambda seconds: datetime(2025, 6, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
STAY_S = st.integers(0, 4 * 86_400)


@st.composite
def steps(draw):
    first = [
        PriceStep(unit_fen=draw(FEN), unit_s=draw(UNITS_S), upto_s=upto, lump=draw(st.booleans()))
        for upto in sorted(draw(st.sets(st.integers(1, 6).map(lambda n: n * 1800), max_size=2)))
    ]
    return (*first, PriceStep(unit_fen=draw(FEN), unit_s=draw(UNITS_S)))


@st.composite
def tariffs(draw):
    edges = sorted(draw(st.sets(st.integers(0, 47), min_size=1, max_size=3)))
    windows = []
    for at, label in enumerate(draw(st.permutations(list(Label)))[: len(edges)]):
        if len(edges) > 1 and draw(st.booleans()) and at:
            continue  # a part of the day that is free
        begin, end = edges[at], edges[(at + 1) % len(edges)]
        by_visit = draw(st.integers(0, 3)) == 0
        windows.append(
            Window(
                label=label,
                start=time(begin // 2, begin % 2 * 30),
                end=time(end // 2, end % 2 * 30),
                steps=() if by_visit else draw(steps()),
                visit_fen=draw(FEN) if by_visit else None,
            )
        )
    mode = draw(st.sampled_from(FreeMode))
    by_day = mode is FreeMode.deducted and draw(st.booleans())
    return Tariff(
        windows=tuple(windows),
        rounding=draw(st.sampled_from(Rounding)),
        boundary=draw(st.sampled_from(Boundary)),
        first_scope=draw(st.sampled_from(Scope)),
        visit_scope=draw(st.sampled_from(Scope)),
        free_s=draw(st.sampled_from([0, 0, 900, 1800])),
        free_mode=mode,
        free_runs=draw(st.sampled_from(FreeRuns)),
        free_scope=Scope.day if by_day else Scope.stay,
        caps=tuple(
            Cap(per=per, fen=draw(st.integers(0, 20_000)))
            for per in draw(st.sets(st.sampled_from(CapPer), max_size=2))
        ),
        new_energy=draw(st.sampled_from([None, NewEnergy(free_s=3600), NewEnergy(percent=70)])),
    )


@settings(max_examples=200, deadline=None)
@given(tariffs(), ARRIVAL, STAY_S, st.booleans())
def test_a_fee_is_whole_not_negative_and_the_sum_of_its_lines(tariff, arrived, stay_s, nev):
    left = arrived + timedelta(seconds=stay_s)

    bill = fee(tariff, arrived_at=arrived, left_at=left, nev=nev)

    assert bill.amount_fen >= 0
    assert type(bill.amount_fen) is int
    assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen
    for line in bill.lines:
        assert line.quantity * line.unit_price_fen == line.amount_fen
        assert arrived <= line.starts_at < line.ends_at <= left


@settings(max_examples=200, deadline=None)
@given(tariffs(), ARRIVAL, STAY_S, STAY_S)
def test_a_longer_stay_is_never_cheaper(tariff, arrived, stay_s, more_s):
    short = fee(tariff, arrived_at=arrived, left_at=arrived + timedelta(seconds=stay_s))
    longer = fee(tariff, arrived_at=arrived, left_at=arrived + timedelta(seconds=stay_s + more_s))

    assert longer.amount_fen >= short.amount_fen


@settings(max_examples=200, deadline=None)
@given(tariffs(), ARRIVAL, st.lists(st.integers(0, 40_000), min_size=2, max_size=9), st.booleans())
def test_a_stay_in_parts_costs_what_it_costs_in_one(tariff, arrived, lengths, nev):
    """Times alternate: there, away, there. With no time away it is one stay, to the fen."""
    edges = [arrived]
    for seconds in lengths:
        edges.append(edges[-1] + timedelta(seconds=seconds))
    stops = list(zip(edges[::2], edges[1::2], strict=False))
    parts = [
        fee(tariff, arrived_at=begin, left_at=end, earlier=stops[:before], nev=nev)
        for before, (begin, end) in enumerate(stops)
    ]
    assert all(part.amount_fen >= 0 for part in parts)
    for part in parts:
        assert sum(line.amount_fen for line in part.lines) == part.amount_fen

    touching = list(pairwise(edges))
    told = [
        fee(tariff, arrived_at=begin, left_at=end, earlier=touching[:before], nev=nev).amount_fen
        for before, (begin, end) in enumerate(touching)
    ]
    one = fee(tariff, arrived_at=arrived, left_at=edges[-1], nev=nev)
    assert sum(told) == one.amount_fen


@settings(max_examples=200, deadline=None)
@given(tariffs(), ARRIVAL, st.lists(st.integers(0, 40_000), min_size=3, max_size=9), st.booleans())
def test_a_gap_of_a_sensor_never_costs_the_owner(tariff, arrived, lengths, nev):  # L2
    """Times alternate: seen, silent, seen."""
    edges = [arrived]
    for seconds in lengths:
        edges.append(edges[-1] + timedelta(seconds=seconds))
    silent = list(zip(edges[1::2], edges[2::2], strict=False))
    heard = fee(tariff, arrived_at=arrived, left_at=edges[-1], nev=nev)
    bill = fee(tariff, arrived_at=arrived, left_at=edges[-1], gaps=silent, nev=nev)
    later = edges[-1] + timedelta(hours=3)
    longer = fee(tariff, arrived_at=arrived, left_at=later, gaps=silent, nev=nev)

    assert bill.amount_fen <= heard.amount_fen
    assert bill.amount_fen <= longer.amount_fen
    assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen


@settings(max_examples=200, deadline=None)
@given(FEN, UNITS_S, ARRIVAL, st.lists(st.integers(0, 40_000), min_size=3, max_size=9))
def test_what_is_left_of_a_unit_goes_on_after_a_gap(fen, unit_s, arrived, lengths):  # L2
    """At one price at all hours a stay with gaps costs what one costs that is shorter by them."""
    edges = [arrived]
    for seconds in lengths:
        edges.append(edges[-1] + timedelta(seconds=seconds))
    silent = list(zip(edges[1::2], edges[2::2], strict=False))
    billed_s = sum(seconds for at, seconds in enumerate(lengths) if not at % 2)
    steps = (PriceStep(unit_fen=fen, unit_s=unit_s),)
    tariff = Tariff(windows=(Window(label=Label.all_day, start=time(), end=time(), steps=steps),))

    with_gaps = fee(tariff, arrived_at=arrived, left_at=edges[-1], gaps=silent)
    shorter = fee(tariff, arrived_at=arrived, left_at=arrived + timedelta(seconds=billed_s))
    assert with_gaps.amount_fen == shorter.amount_fen


@settings(max_examples=100, deadline=None)
@given(tariffs(), ARRIVAL, STAY_S)
def test_a_fee_stays_the_same_until_it_says_and_not_a_second_longer(tariff, arrived, stay_s):
    bill = fee(tariff, arrived_at=arrived, left_at=arrived + timedelta(seconds=stay_s))
    if bill.same_until is None:
        return
    after = bill.same_until + timedelta(seconds=1)

    assert fee(tariff, arrived_at=arrived, left_at=bill.same_until).amount_fen == bill.amount_fen
    assert fee(tariff, arrived_at=arrived, left_at=after).amount_fen > bill.amount_fen


@settings(max_examples=100, deadline=None)
@given(tariffs(), ARRIVAL, st.integers(0, 30_000))
def test_a_prepaid_amount_is_enough_until_it_runs_out(tariff, arrived, amount):  # P2.4
    until = affordable_until(tariff, arrived_at=arrived, amount_fen=amount)

    assert fee(tariff, arrived_at=arrived, left_at=until).amount_fen <= amount


@settings(max_examples=100, deadline=None)
@given(tariffs(), ARRIVAL, STAY_S, st.integers(0, 5000))
def test_no_visit_costs_more_than_its_cap(tariff, arrived, stay_s, cap_fen):
    capped = replace(tariff, caps=(*tariff.caps, Cap(per=CapPer.visit, fen=cap_fen)))
    left = arrived + timedelta(seconds=stay_s)

    bill = fee(capped, arrived_at=arrived, left_at=left)
    uncapped = fee(tariff, arrived_at=arrived, left_at=left)

    assert bill.amount_fen == min(cap_fen, uncapped.amount_fen)


@settings(max_examples=100, deadline=None)
@given(ARRIVAL, STAY_S, FEN, FEN)
def test_split_windows_are_priced_each_for_itself(arrived, stay_s, day_fen, night_fen):
    def by_the_hour(label, begin, end, fen):
        return Window(
            label=label,
            start=time(begin),
            end=time(end),
            steps=(PriceStep(unit_fen=fen, unit_s=1800),),
        )

    day, night = by_the_hour(Label.day, 8, 20, day_fen), by_the_hour(Label.night, 20, 8, night_fen)
    left = arrived + timedelta(seconds=stay_s)

    def amount(*windows):
        return fee(Tariff(windows=windows), arrived_at=arrived, left_at=left).amount_fen

    assert amount(day, night) == amount(day) + amount(night)
