"""The arithmetic of money, by properties and at its boundaries."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.rules import (
    Entry,
    ItemSettling,
    ItemShare,
    allocate,
    attempt_number,
    is_number,
    next_look_s,
    order_number,
    refund_number,
    settle_in_order,
    unbalanced_fen,
)

FEN = st.integers(min_value=0, max_value=10**9)
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(paid=FEN, wanted=st.lists(FEN, max_size=20))
def test_no_fen_is_made_or_lost(paid, wanted):
    parts, rest = allocate(paid, [ItemShare(n, fen) for n, fen in enumerate(wanted)])
    assert sum(part.amount_fen for part in parts) + rest == paid
    assert all(0 <= part.amount_fen <= want for part, want in zip(parts, wanted, strict=True))
    assert rest == max(0, paid - sum(wanted))


def test_money_reaches_the_first_items_first():
    parts, rest = allocate(700, [ItemShare(1, 600), ItemShare(2, 400), ItemShare(3, 50)])
    assert [part.amount_fen for part in parts] == [600, 100, 0]
    assert rest == 0


def test_all_items_meet_the_first_function_before_any_meets_the_second():
    seen = []

    def settle(item_id, left_fen):
        seen.append(("settle", item_id, left_fen))
        return 300 if item_id == 1 else 0

    def clear(item_id, left_fen):
        seen.append(("clear", item_id, left_fen))
        return 0

    ended = settle_in_order([ItemSettling(1, 300), ItemSettling(2, 200)], [settle, clear])
    assert seen == [("settle", 1, 300), ("settle", 2, 200), ("clear", 1, 0), ("clear", 2, 200)]
    assert [(step.taken_fen, step.left_fen) for step in ended] == [(300, 0), (0, 200)]


@pytest.mark.parametrize("greedy", [301, -1])
def test_a_function_that_takes_what_is_not_there_is_refused(greedy):
    with pytest.raises(ValueError, match="took"):
        settle_in_order([ItemSettling(1, 300)], [lambda item_id, left_fen: greedy])


@patient
@given(chance=st.integers(min_value=0, max_value=2**64))
def test_numbers_are_what_every_provider_takes(chance):
    order = order_number(date(2026, 3, 2), chance)
    for number in (order, attempt_number(order, chance), refund_number(order, chance)):
        assert is_number(number)
        assert 6 <= len(number) <= 32
    assert order.startswith("P260302")


@pytest.mark.parametrize("text", ["", "P1234", "P" * 33, "P26-0302", "P260302 ", "Ｐ260302"])
def test_what_a_provider_would_refuse_is_no_number(text):
    assert not is_number(text)


def test_entries_balance_or_say_by_how_much_not():
    assert unbalanced_fen([Entry("a", 5), Entry("b", -5)]) == 0
    assert unbalanced_fen([Entry("a", 5), Entry("b", -4)]) == 1


def test_a_provider_is_asked_quickly_at_first_and_hourly_at_last():
    quickly = [5, 10, 20, 30, 60, 60, 120, 300, 600, 1800]
    assert [next_look_s(looks) for looks in range(13)] == [*quickly, 3600, 3600, 3600]
