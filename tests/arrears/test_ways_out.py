"""Every way out of a debt: what is true of it, its window, its look and its list afterwards, and
that nobody else's debt is touched."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.models import BlacklistEntry, Debt, Look, PayWindow
from arrears.services import debts
from arrears.services.stays import locked
from core import clock as business_clock
from parking import services as parking
from parking.models import Berth, ParkingSession
from parking.services import money
from payments import services as payments
from payments.rules import Receipt
from tests.street import OTHER_PLATE, PLATE, TEST, left_after
from tests.trail import events, moves

WHO = "user:7"


@dataclass
class Two:
    """A debt of PLATE, and one of another vehicle on the same street; nobody has looked."""

    mine: Debt
    other: Debt

    def state_of(self, debt: Debt) -> tuple[Any, ...]:
        debt.refresh_from_db()
        stay = ParkingSession.objects.get(pk=debt.stay_id)
        window = PayWindow.objects.get(stay=debt.stay_id)
        look = Look.objects.get(debt=debt)
        listed = selectors.listing_of(debt.plate) is not None
        return debt.state, debt.amount_fen, stay.state, window.state, look.state, listed


@pytest.fixture
def two(section: Any, stay_of: Any, pass_time: Any) -> Two:
    pass_time.people_look = False
    first, second = Berth.objects.filter(section=section).order_by("position")[:2]
    stays = [stay_of(first, PLATE, minutes=90), stay_of(second, OTHER_PLATE, minutes=90)]
    pass_time(hours=73)
    found = Two(*(Debt.objects.get(stay=one) for one in stays))
    for debt in (found.mine, found.other):
        assert found.state_of(debt) == ("open", 1200, "due", "ended", "waiting", True)
    return found


def receipt(two: Two, paid_at: Any) -> Receipt:
    return Receipt(
        order_number="1",
        item_id=1,
        payable="parking.stay",
        subject_id=two.mine.stay_id,
        actor=WHO,
        paid_at=paid_at,
        provider="counter",
        is_part=False,
    )


def settled(two: Two) -> None:
    """The stay alone is settled."""
    with transaction.atomic():
        row = ParkingSession.objects.get(pk=two.mine.stay_id)
        money.write_off(row, actor=WHO, reason="x")


@transaction.atomic
def paid(two: Two) -> None:
    settled(two)
    debts.clear_debts(receipt(two, two.mine.opened_at), 0)


@transaction.atomic
def paid_before_it_was_opened(two: Two) -> None:
    settled(two)
    debts.clear_debts(receipt(two, two.mine.opened_at - timedelta(seconds=1)), 0)


@transaction.atomic
def found_settled(two: Two) -> None:
    settled(two)
    debts.follow_stay(stay_id=two.mine.stay_id, actor=WHO)


def waived(two: Two) -> None:
    services.waive_debt(debt_id=two.mine.pk, actor=WHO, reason="storm")


@transaction.atomic
def upheld(two: Two) -> None:
    locked([two.mine.stay_id])
    debts.drop([two.mine.pk], target=debts.DebtState.CANCELLED, actor=WHO, reason="not mine")


def voided(two: Two) -> None:
    parking.void_stay(stay_id=two.mine.stay_id, actor=TEST, reason="x")
    debts.forget_stay(stay_id=two.mine.stay_id, actor=WHO)


@transaction.atomic
def unsaid(two: Two) -> None:
    locked([two.mine.stay_id])
    debts.unsay(two.mine, actor=WHO, reason="too early")


Way = tuple[Callable[[Two], None], tuple[str, str, str], str, str]
NEVER_WAS = "paid in time, told later"
WAYS: dict[str, Way] = {
    "paid": (paid, ("paid", "settled", "paid"), "", ""),
    "paid before it was opened": (
        paid_before_it_was_opened,
        ("cancelled", "settled", "paid"),
        NEVER_WAS,
        "paid_in_time",
    ),
    "found settled": (found_settled, ("paid", "settled", "paid"), "", ""),
    "waived": (waived, ("waived", "void", "dropped"), "storm", "waived"),
    "upheld": (upheld, ("cancelled", "void", "dropped"), "not mine", "upheld"),
    "voided": (voided, ("cancelled", "void", "dropped"), "stay voided", "upheld"),
    "unsaid": (unsaid, ("cancelled", "due", "ended"), "too early", "corrected"),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_way_out_ends_all_that_hangs_on_this_debt_and_nothing_else(two: Two, name: str) -> None:
    way, (debt, stay, window), why, told = WAYS[name]
    way(two)
    assert two.state_of(two.mine) == (debt, 1200, stay, window, "dropped", False)
    assert two.mine.ended_at == business_clock.now()
    assert moves(two.mine) == [("open", debt, WHO, why)]
    mine = {"debt_id": two.mine.pk}
    assert events("arrears.debt_paid") == ([] if told else [mine])
    assert events("arrears.debt_dropped") == ([mine | {"reason": told}] if told else [])
    assert two.state_of(two.other) == ("open", 1200, "due", "ended", "waiting", True)
    assert two.other.ended_at is None


def test_a_part_of_the_fee_leaves_the_debt_at_the_rest_and_is_the_owners_word(two: Two) -> None:
    order = payments.open_order(
        items=[("parking.stay", two.mine.stay_id)], actor="owner", amount_fen=500
    )
    payments.pay_at_counter(order.pk, "owner")
    assert two.state_of(two.mine) == ("open", 700, "due", "ended", "confirmed", True)
    assert moves(two.mine) == []
    assert BlacklistEntry.objects.get(plate_text=PLATE.text).amount_fen == 700
    assert two.state_of(two.other) == ("open", 1200, "due", "ended", "waiting", True)


def test_a_stay_that_goes_on_owes_nothing_any_more(two: Two) -> None:
    stay = two.mine.stay
    berth = stay.berth
    parking.open_stay(
        berth_id=berth.pk, occurred_at=stay.left_at + timedelta(seconds=1), said_by=TEST
    )
    debts.forget_stay(stay_id=stay.pk, actor=WHO)
    debt, amount_fen, state, window, look, listed = two.state_of(two.mine)
    assert (debt, amount_fen, state, window) == ("cancelled", 1200, "parked", "dropped")
    assert (look, listed) == ("dropped", False)
    assert moves(two.mine) == [("open", "cancelled", WHO, "the stay goes on")]


def test_a_stay_that_is_due_is_not_forgotten(two: Two) -> None:
    debts.forget_stay(stay_id=two.mine.stay_id, actor=WHO)
    assert two.state_of(two.mine) == ("open", 1200, "due", "ended", "waiting", True)


def test_a_stay_that_is_due_again_is_the_same_debt_with_nothing_left_of_before(
    two: Two, run_reactions: Any
) -> None:
    paid(two)
    Debt.objects.filter(pk=two.mine.pk).update(
        raised_from_fen=900, raised_why="x", demanded_at=business_clock.now(), demanded_fen=1200
    )
    ParkingSession.objects.filter(pk=two.mine.stay_id).update(state="due", due_fen=1500)
    PayWindow.objects.filter(stay=two.mine.stay_id).update(state="ended")
    business_clock.advance(timedelta(hours=1))
    found = services.open_debt(stay_id=two.mine.stay_id, actor=WHO)
    assert found == two.mine
    assert two.state_of(two.mine) == ("open", 1500, "due", "ended", "waiting", True)
    assert (two.mine.opened_at, two.mine.ended_at) == (business_clock.now(), None)
    assert (two.mine.demanded_at, two.mine.demanded_fen) == (None, None)
    assert (two.mine.raised_from_fen, two.mine.raised_why) == (None, "")
    assert moves(two.mine)[-1] == ("paid", "open", WHO, "due again")
    assert events("arrears.debt_opened")[-1] == {"debt_id": two.mine.pk}


@pytest.mark.parametrize("state", ["open", "disputed", "waived"])
def test_a_debt_that_is_there_or_was_waived_is_not_opened_again(two: Two, state: str) -> None:
    Debt.objects.filter(pk=two.mine.pk).update(state=state)
    before = events("arrears.debt_opened")
    assert services.open_debt(stay_id=two.mine.stay_id) is None
    assert events("arrears.debt_opened") == before
    two.mine.refresh_from_db()
    assert two.mine.state == state


def test_a_lower_fee_lowers_the_debt_in_silence_and_an_equal_one_changes_nothing(two: Two) -> None:
    for minutes, fen in ((89, 1200), (30, 600)):
        left_after(two.mine.stay, minutes)
        debts.follow_stay(stay_id=two.mine.stay_id, actor=WHO)
        assert two.state_of(two.mine) == ("open", fen, "due", "ended", "waiting", True)
        assert BlacklistEntry.objects.get(plate_text=PLATE.text).amount_fen == fen
    assert moves(two.mine) == []
    assert events("arrears.debt_raised") == []
    assert SmsMessage.objects.count() == 0


def test_a_higher_fee_is_looked_at_anew_and_told_with_its_reason(two: Two) -> None:
    services.agree([two.mine.look.pk], actor="user:1")
    left_after(two.mine.stay, 150)
    why = "w" * 100
    debts.follow_stay(stay_id=two.mine.stay_id, actor=WHO, why=why, raised=True)
    assert two.state_of(two.mine) == ("open", 1800, "due", "ended", "waiting", True)
    assert (two.mine.raised_from_fen, two.mine.raised_why) == (1200, why[:80])
    assert moves(two.mine) == [("open", "open", WHO, why)]
    assert events("arrears.debt_raised") == [{"debt_id": two.mine.pk}]


def test_what_was_paid_or_is_another_vehicles_is_not_found_as_missed(two: Two) -> None:
    """Both stays lost their debts; one is looked for by its plate."""
    Look.objects.all().delete()
    Debt.objects.all().delete()
    assert [Debt.objects.get(pk=pk).stay_id for pk in services.find_debts_of(PLATE.text)] == [
        two.mine.stay_id
    ]
    assert services.find_debts_of(PLATE.text) == []
    assert Debt.objects.count() == 1


@pytest.mark.parametrize("early_s", [1, 0])
def test_a_missed_debt_is_opened_when_its_window_would_be_over(
    section: Any, stay_of: Any, clock: Any, early_s: int
) -> None:
    stay = stay_of(Berth.objects.filter(section=section)[0], PLATE, minutes=90)
    clock.move_to(stay.left_at + timedelta(hours=72) - timedelta(seconds=early_s))
    assert len(services.find_debts_of(PLATE.text)) == (not early_s)


@pytest.mark.parametrize("state", ["held", "paid", "dropped"])
def test_a_window_that_stands_still_or_is_over_makes_no_missed_debt(two: Two, state: str) -> None:
    Look.objects.all().delete()
    Debt.objects.all().delete()
    PayWindow.objects.update(state=state)
    assert services.find_debts_of(PLATE.text) == []


@pytest.mark.parametrize("early_s", [1, 0])
def test_the_end_of_a_window_is_said_again_an_hour_after_it(
    two: Two, clock: Any, early_s: int
) -> None:
    """Of the two only the one without a debt."""
    Look.objects.filter(debt=two.mine).delete()
    Debt.objects.filter(pk=two.mine.pk).delete()
    window = PayWindow.objects.get(stay=two.mine.stay_id)
    before = events("arrears.pay_window_ended")
    clock.move_to(window.due_at + timedelta(hours=1) - timedelta(seconds=early_s))
    assert services.find_debts_of_city() == (not early_s)
    again = events("arrears.pay_window_ended")[len(before) :]
    assert again == [{"window_id": window.pk, "stay_id": two.mine.stay_id}] * (not early_s)
