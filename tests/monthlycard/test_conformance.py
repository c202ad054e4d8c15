"""Lot systems of different makers pass one suite; one knows the protocol alone (P4.13)."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monthlycard import services
from monthlycard.client import conformance
from monthlycard.client.conformance import Suite, ask_lot, list_lot
from monthlycard.models import Deduction, PassRecord, Statement, StatementItem
from monthlycard.rules import fee_lines
from tests.monthlycard import second_maker
from tests.monthlycard.conftest import PLATE, agreed, grant_card
from tests.monthlycard.rules.test_fees import CARRY, DOWN, HOURLY, PER_ENTRY, SPLIT, at
from tests.monthlycard.second_maker import Beta

MAKERS = pytest.mark.parametrize("make", [list_lot, ask_lot, Beta])


@pytest.fixture
def card(live, clock, world, owner):
    return grant_card(owner, world.plan)


@MAKERS
def test_a_makers_lot_system_passes_the_suite(live, world, card, clock, run_reactions, make):
    """P4.1, P4.4, P4.5, P4.6, P4.7, P4.10, P4.11, P4.13: from the list to the deduction."""
    agreed(world.west, terms=SPLIT.to_json())
    secret = world.secrets["west"]
    maker = make(live.http, "west", secret)
    suite = Suite(live.http, "west", secret, maker, PLATE)

    first = list(suite.run())
    assert [result for result in first if result.outcome == "wrong"] == []
    assert [result.step for result in first if result.outcome == "skipped"] == [
        "statements are checked"
    ]
    assert PassRecord.objects.filter(lot=world.west).count() == 4

    clock.advance(timedelta(days=7))
    assert services.close_due() == 1
    again = {result.step: result for result in Suite(live.http, "west", secret, maker).run()}
    assert again["statements are checked"].outcome == "right", again["statements are checked"].note

    run_reactions()
    assert Statement.objects.get().state == "deducted"
    assert Deduction.objects.get().fee_fen == 1500


@MAKERS
def test_the_suite_finds_a_maker_that_keeps_no_cursor_and_sends_records_anew(
    live, world, card, make
):
    """P4.13: the suite can fail."""
    secret = world.secrets["west"]
    maker = make(live.http, "west", secret)
    maker.sync = lambda: 1
    wrong = [r.step for r in Suite(live.http, "west", secret, maker).run() if r.outcome == "wrong"]
    assert wrong == ["the list is fetched once"]


def test_the_suite_runs_from_the_command_line(live, world, card, capsys):
    """P4.13: what another maker types."""
    agreed(world.east)
    maker = "tests.monthlycard.second_maker:Beta"
    words = [live.http, "east", world.secrets["east"], "--maker", maker, "--vehicle", PLATE[0]]
    assert conformance.main(words) == 0
    assert "right   a vehicle with card passes" in capsys.readouterr().out
    assert conformance.main([live.http, "east", "guessed"]) == 1


@MAKERS
@pytest.mark.parametrize(("when_expired", "stated_fen"), [("split", [1000]), ("temporary", [])])
def test_a_card_that_runs_out_during_a_stay_is_counted_alike_on_both_sides(
    live, world, card, clock, make, when_expired, stated_fen
):
    """P4.8: the platform states the card's part alone, and the lot comes to the same."""
    agreed(world.west, when_expired=when_expired)
    maker = make(live.http, "west", world.secrets["west"])
    maker.agree()
    maker.sync()
    clock.move_to(card.valid_until - timedelta(minutes=30))
    maker.enter(*PLATE)
    clock.advance(timedelta(hours=3))
    gone = maker.leave(*PLATE)
    maker.report()
    assert (gone.flow, gone.reason, gone.card) == ("temporary", "expired", card.number)

    clock.advance(timedelta(days=7))
    for _week in range(6):
        services.close_due()

    assert list(Statement.objects.values_list("total_fen", flat=True)) == stated_fen
    for number in maker.open_statements():
        assert maker.check(number) == {"agreed": True, "differences": []}
        item = StatementItem.objects.get()
        assert item.counted_until == card.valid_until < item.exit_at


def test_the_second_maker_shares_no_code_with_the_platform():
    """P4.13."""
    source = Path(second_maker.__file__).read_text()
    imported = [line for line in source.splitlines() if line.startswith(("import", "from"))]
    assert not [line for line in imported if "monthlycard" in line or "core" in line]


@given(
    start=st.integers(0, 7 * 86400),
    length=st.integers(0, 4 * 86400),
    terms=st.sampled_from([HOURLY, PER_ENTRY, SPLIT, CARRY, DOWN]),
)
def test_both_makers_arithmetic_comes_to_the_same_lines(start, length, terms):
    """P4.9, P4.11: two independent computations, to the fen."""
    entry = at("2 00:00") + timedelta(seconds=start)
    exit = entry + timedelta(seconds=length)
    ours = [(n.quantity, n.unit_price_fen) for n in fee_lines(terms, entry_at=entry, exit_at=exit)]
    assert second_maker.fee(terms.to_json(), entry, exit) == ours
