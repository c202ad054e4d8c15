"""Visits, statements, differences, admission and periods (P4.5 to P4.11)."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest

from core.plates import Colour, Plate, same_vehicle
from monthlycard.rules import (
    CardRecord,
    Pass,
    admit,
    as_csv,
    checksum,
    compare,
    pair,
    parts_of_stay,
    period_before,
    period_of,
    statement_lines,
)
from tests.monthlycard.rules.test_fees import CARRY, CITY, HOURLY, SPLIT, at

CARD = CardRecord(
    card_number="C1",
    version=1,
    plate_text="沪A12345",
    plate_colour="blue",
    lots=("east", "west"),
    valid_from=at("1 00:00"),
    valid_until=at("31 00:00"),
    state="active",
    made_at=at("1 00:00"),
)


def passed(record_id: str, direction: str, when: str, plate: str = "沪A12345") -> Pass:
    return Pass(
        record_id=record_id,
        direction=direction,
        plate_text=plate,
        plate_colour="blue",
        card_number="C" + plate[-1],
        at=at(when),
    )


RECORDS = [
    passed("e1", "entry", "2 09:00"),
    passed("x1", "exit", "2 11:00"),
    passed("e2", "entry", "3 19:00"),
    passed("x2", "exit", "3 21:00"),
    passed("e3", "entry", "2 10:00", "沪A54321"),
    passed("x3", "exit", "2 10:30", "沪A54321"),
]


def test_visits_do_not_depend_on_the_order_in_which_records_arrived():
    expected = pair(RECORDS)
    for seed in range(20):
        mixed = random.Random(seed).sample(RECORDS, len(RECORDS))
        assert pair(mixed) == expected
    assert [visit.key for visit in expected[0]] == ["e3/x3", "e1/x1", "e2/x2"]
    assert expected[1] == []


def test_late_double_and_orphan_records_are_typed_not_dropped():
    """P4.7."""
    records = [
        *RECORDS,
        RECORDS[0],
        passed("x9", "exit", "2 08:00"),
        passed("e8", "entry", "4 09:00"),
    ]
    lost_exit = passed("e7", "entry", "3 18:00")

    visits, oddities = pair([*records, lost_exit])

    assert len(visits) == 3
    assert {(oddity.kind, oddity.record.record_id) for oddity in oddities} == {
        ("twice", "e1"),
        ("exit_without_entry", "x9"),
        ("open", "e8"),
        ("entry_twice", "e7"),
    }


def test_a_statement_is_the_same_to_the_byte_whenever_it_is_closed():
    """P4.9: closing is reproducible to the fen."""
    first = as_csv(statement_lines(SPLIT, pair(RECORDS)[0]))
    again = as_csv(statement_lines(SPLIT, pair(RECORDS[::-1])[0]))
    assert checksum(first) == checksum(again)
    assert first.decode().splitlines()[0] == (
        "visit,card,plate,colour,entry_at,exit_at,counted_until,quantity,unit_price_fen,fee_fen"
    )
    assert first.decode().splitlines()[2] == (
        "e1/x1,C5,沪A12345,blue,2026-03-02T01:00:00Z,2026-03-02T03:00:00Z,2026-03-02T03:00:00Z,2,1500,3000"
    )


def test_one_vehicles_part_can_be_taken_out_and_the_parts_sum_to_the_whole():
    """P4.9."""
    lines = statement_lines(SPLIT, pair(RECORDS)[0])
    cards = {line.card_number for line in lines}
    parts = [sum(line.fee_fen for line in lines if line.card_number == card) for card in cards]
    assert sum(parts) == sum(line.fee_fen for line in lines) == 3000 + 2500 + 1500


def test_sides_that_counted_alike_have_no_difference():
    """P4.11."""
    lines = statement_lines(SPLIT, pair(RECORDS)[0])
    assert compare(lines, statement_lines(SPLIT, pair(RECORDS)[0])) == ()


def test_differences_are_typed_each_with_a_proposal():
    """P4.11."""
    lines = statement_lines(SPLIT, pair(RECORDS)[0])
    moved = tuple(
        replace(line, exit_at=line.exit_at + timedelta(minutes=1))
        if line.visit == "e1/x1"
        else line
        for line in lines
    )
    dearer = tuple(
        replace(line, fee_fen=line.fee_fen + 1) if line.visit == "e3/x3" else line for line in lines
    )
    without = tuple(line for line in lines if line.visit != "e2/x2")
    other_terms = statement_lines(HOURLY, pair(RECORDS)[0])

    def kinds(own):
        return {(found.visit, found.kind) for found in compare(lines, own)}

    assert kinds(moved) == {("e1/x1", "time")}
    assert kinds(dearer) == {("e3/x3", "amount")}
    assert kinds(without) == {("e2/x2", "missing_here")}
    assert {(f.visit, f.kind) for f in compare(without, lines)} == {("e2/x2", "missing_there")}
    assert kinds(other_terms) == {(key, "tariff") for key in ("e1/x1", "e2/x2", "e3/x3")}
    assert all(found.proposal for found in compare(lines, other_terms))
    assert statement_lines(CARRY, pair(RECORDS)[0]) == lines


@pytest.mark.parametrize(
    ("change", "lot", "colour", "when", "reason"),
    [
        ({}, "east", "blue", "2 09:00", "valid"),
        ({}, "east", "", "2 09:00", "valid"),
        ({}, "north", "blue", "2 09:00", "other_lot"),
        ({}, "east", "green", "2 09:00", "other_colour"),
        ({"plate_colour": "yellow_green"}, "east", "green", "2 09:00", "valid"),
        ({}, "east", "blue", "31 00:00", "expired"),
        ({"valid_from": at("3 00:00")}, "east", "blue", "2 23:59", "not_yet"),
        ({"valid_from": at("3 00:00")}, "east", "blue", "3 00:00", "valid"),
        ({"state": "suspended"}, "east", "blue", "2 09:00", "suspended"),
        ({"state": "ended"}, "east", "blue", "2 09:00", "ended"),
    ],
)
def test_a_card_opens_where_and_while_it_is_valid(change, lot, colour, when, reason):
    """P4.5, P4.6: list and question decide by this one rule."""
    decision = admit(
        [replace(CARD, **change)], plate_text="沪A12345", plate_colour=colour, lot=lot, at=at(when)
    )
    assert (decision.card, decision.reason) == (reason == "valid", reason)


def test_a_card_takes_a_vehicle_for_another_where_the_platform_does():
    """The rules run at lots too, without core: they must say what core.plates says."""
    colours = ["", *Colour]
    for held, seen in product(colours, colours):
        decision = admit(
            [replace(CARD, plate_colour=held)],
            plate_text=CARD.plate_text,
            plate_colour=seen,
            lot="east",
            at=at("2 09:00"),
        )
        one, other = Plate.of(CARD.plate_text, held), Plate.of(CARD.plate_text, seen)
        assert decision.card == same_vehicle(one, other), (held, seen)


def test_a_vehicle_without_a_card_is_a_temporary_one():
    """P4.8."""
    decision = admit(
        [CARD], plate_text="沪B00001", plate_colour="blue", lot="east", at=at("2 09:00")
    )
    assert (decision.card, decision.reason) == (False, "no_card")


def test_a_card_that_ran_out_during_the_stay_splits_it_or_makes_it_temporary():
    """P4.8: a switch of the agreement."""
    record = replace(CARD, valid_until=at("2 12:00"))
    times = {"entry_at": at("2 10:00"), "exit_at": at("2 15:00")}
    split = parts_of_stay(record, **times, when_expired="split")
    assert [(part.kind, part.ends_at) for part in split] == [
        ("card", at("2 12:00")),
        ("temporary", at("2 15:00")),
    ]
    whole = parts_of_stay(record, **times, when_expired="temporary")
    assert [part.kind for part in whole] == ["temporary"]


@pytest.mark.parametrize(
    ("kind", "day", "today", "starts", "ends"),
    [
        ("week", 1, (2026, 3, 2), (2026, 2, 23), (2026, 3, 2)),
        ("week", 5, (2026, 3, 2), (2026, 2, 20), (2026, 2, 27)),
        ("week", 7, (2026, 3, 2), (2026, 2, 22), (2026, 3, 1)),
        ("month", 1, (2026, 3, 2), (2026, 2, 1), (2026, 3, 1)),
        ("month", 28, (2026, 3, 2), (2026, 1, 28), (2026, 2, 28)),
        ("month", 15, (2026, 1, 14), (2025, 11, 15), (2025, 12, 15)),
    ],
)
def test_a_period_ends_at_midnight_of_the_agreed_day(kind, day, today, starts, ends):
    """P4.9."""
    period = period_before(kind, day, at=datetime(*today, 9, 0, tzinfo=CITY))
    assert period.starts_at == datetime(*starts, tzinfo=CITY)
    assert period.ends_at == datetime(*ends, tzinfo=CITY)


@pytest.mark.parametrize(
    ("kind", "day", "today", "starts", "ends"),
    [
        ("week", 1, (2026, 3, 2), (2026, 3, 2), (2026, 3, 9)),
        ("week", 3, (2026, 3, 2), (2026, 2, 25), (2026, 3, 4)),
        ("month", 1, (2026, 3, 2), (2026, 3, 1), (2026, 4, 1)),
        ("month", 28, (2026, 2, 27), (2026, 1, 28), (2026, 2, 28)),
        ("month", 15, (2025, 12, 15), (2025, 12, 15), (2026, 1, 15)),
    ],
)
def test_a_moment_lies_in_one_period(kind, day, today, starts, ends):
    period = period_of(kind, day, at=datetime(*today, 9, 0, tzinfo=CITY))
    assert period.starts_at == datetime(*starts, tzinfo=CITY)
    assert period.ends_at == datetime(*ends, tzinfo=CITY)


@pytest.mark.parametrize(("kind", "day"), [("week", 0), ("week", 8), ("month", 0), ("month", 29)])
def test_a_day_that_not_every_week_or_month_has_ends_no_period(kind, day):
    for rule in (period_before, period_of):
        with pytest.raises(ValueError, match="day is 1 to"):
            rule(kind, day, at=at("2 09:00"))
