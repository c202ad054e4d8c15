"""Which visits are the card's: by what held at the entry and at the exit (P4.7, P4.8)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monthlycard.rules import CardRecord, Visit, card_visits
from tests.monthlycard.rules.test_fees import at
from tests.monthlycard.rules.test_statement import CARD, passed

BOUGHT = replace(CARD, card_number="C5", valid_until=at("10 00:00"))


def then(when: str, **changed: object) -> CardRecord:
    """A later version of the card, made at that moment."""
    return replace(BOUGHT, version=int(when.split()[0]), made_at=at(when), **changed)


def visit(entry: str, leaving: str) -> Visit:
    return Visit(entry=passed("e1", "entry", entry), exit=passed("x1", "exit", leaving))


def counted(stay: Visit, *records: CardRecord, lot: str = "west", when_expired="split") -> str:
    """Until when the visit is the card's: `exit`, a day and time, or `never`."""
    kept = card_visits([stay], [*records][::-1], lot=lot, when_expired=when_expired)
    if not kept:
        return "never"
    cut = kept[0].card_until
    return f"{cut.astimezone(at('1 00:00').tzinfo):%-d %H:%M}" if cut else "exit"


@pytest.mark.parametrize(
    ("records", "until"),
    [
        ([BOUGHT], "exit"),
        ([], "never"),
        ([replace(BOUGHT, lots=("east",))], "never"),
        ([BOUGHT, then("2 09:30", lots=("east",))], "never"),  # taken off during the visit
        ([replace(BOUGHT, lots=()), then("2 09:30")], "never"),  # put on during the visit
        ([BOUGHT, then("2 11:01", lots=("east",))], "exit"),  # what came later changes nothing
        ([replace(BOUGHT, state="suspended"), then("2 09:30")], "never"),
        ([BOUGHT, then("2 09:30", state="suspended")], "never"),
        ([BOUGHT, then("2 11:01", state="suspended")], "exit"),
        ([BOUGHT, then("2 10:00", state="ended", valid_until=at("2 10:00"))], "2 10:00"),
        ([replace(BOUGHT, plate_text="沪A54321"), then("2 09:30")], "never"),
        ([BOUGHT, then("2 09:30", plate_text="沪A54321")], "never"),
    ],
)
def test_a_visit_is_the_cards_where_it_held_at_entry_and_at_exit(records, until):
    assert counted(visit("2 09:00", "2 11:00"), *records) == until


def test_a_lot_that_stands_in_no_record_of_the_card_counts_nothing():
    stay = visit("2 09:00", "2 11:00")
    assert counted(stay, BOUGHT, lot="west") == "exit"
    assert counted(stay, BOUGHT, lot="north") == "never"


def test_a_renewal_in_time_goes_on_and_one_after_a_lapse_does_not_bridge_it():
    renewed = {"valid_until": at("31 00:00")}
    stay = visit("9 20:00", "12 08:00")
    assert counted(stay, BOUGHT, then("9 23:59", **renewed)) == "exit"
    assert counted(stay, BOUGHT, then("11 12:00", **renewed)) == "10 00:00"
    assert counted(stay, BOUGHT, then("11 12:00", **renewed), when_expired="temporary") == "never"


def test_who_entered_while_the_card_had_lapsed_is_not_let_in_by_a_later_renewal():
    stay = visit("10 12:00", "12 08:00")
    assert counted(stay, BOUGHT, then("11 12:00", valid_until=at("31 00:00"))) == "never"


@pytest.mark.parametrize("side", ["entry", "exit"])
def test_a_visit_with_an_odd_record_is_nobodys_money(side):
    stay = visit("2 09:00", "2 11:00")
    odd = replace(stay, **{side: replace(getattr(stay, side), odd=True)})
    assert [counted(stay, BOUGHT), counted(odd, BOUGHT)] == ["exit", "never"]


def test_a_visit_of_more_than_sixty_days_is_none():
    forever = replace(BOUGHT, valid_until=at("1 00:00") + timedelta(days=365))
    stay = visit("2 09:00", "2 11:00")
    for late, until in ((timedelta(0), "exit"), (timedelta(seconds=1), "never")):
        leaving = stay.entry.at + timedelta(days=60) + late
        assert counted(replace(stay, exit=replace(stay.exit, at=leaving)), forever) == until
