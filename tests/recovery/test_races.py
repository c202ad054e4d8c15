"""Two hands at once, on real connections: a lock is never left up for money that has come."""

import pytest

from arrears import services as arrears
from arrears.models import Debt
from core import clock as business_clock
from core import outbox
from core.models import AuditEntry
from devices.models import Command
from parking import services as parking
from payments.models import Attempt, Refund
from payments.services import begin_attempt, open_order, take_payment
from recovery import services
from recovery.errors import NotEligible, WrongState
from recovery.models import LockTerms, MoveInstruction, RecoveryOrder, SettlementOrder
from tests.payments.threads import at_once
from tests.people import staff
from tests.recovery.conftest import bind, make_lock, say, told
from tests.street import TEST, new_photograph

pytestmark = pytest.mark.django_db(transaction=True)


def attempt_for(*things: tuple[str, int]) -> Attempt:
    payment = open_order(items=list(things), actor=TEST)
    return begin_attempt(order_id=payment.pk, provider="sandbox", return_url="/", actor="owner")


def arrive(attempt: Attempt) -> bool:
    """The provider's word about this attempt is acted upon."""
    return take_payment(
        attempt.pk, provider_no="1", paid_at=business_clock.real(), actor="provider:sandbox"
    )


def is_down_or_told_so(order: RecoveryOrder) -> bool:
    """Nothing stands that could leave the lock up."""
    raises = Command.objects.filter(device_id=order.device_id, action="RaiseLock")
    waiting = raises.filter(state__in=Command.OPEN)
    last = Command.objects.filter(device_id=order.device_id).order_by("-pk").first()
    return not waiting.exists() and last is not None and last.action == "LowerLock"


def test_two_people_bind_at_once_and_get_one_order(standing, merchant, lock):  # P1.2
    second = staff(merchant, "manager")
    orders = at_once(
        lambda: bind(merchant, standing, lock, actor="user:1"),
        lambda: bind(merchant, standing, lock, actor=second.actor),
    )
    assert len({order.pk for order in orders}) == 1
    assert RecoveryOrder.objects.get().bound.count() == 2


def test_two_people_bind_two_locks_at_once_and_get_one_order(standing, merchant, lock):  # P1.2
    other = make_lock(merchant, "L-2")
    orders = at_once(
        lambda: bind(merchant, standing, lock), lambda: bind(merchant, standing, other)
    )
    assert len({order.pk for order in orders}) == 1


def test_a_payment_while_the_lock_is_raised_lowers_it(order, debts):  # P1.4
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    attempt = attempt_for(("recovery.order", order.pk))

    _paid, raised = at_once(
        lambda: arrive(attempt), lambda: services.raise_lock(order.pk, actor="user:1")
    )

    assert isinstance(raised, RecoveryOrder | NotEligible | WrongState)
    order.refresh_from_db()
    assert (order.state, order.ended_by) == ("paid", "payment")
    assert is_down_or_told_so(order)
    assert SettlementOrder.objects.get().amount_fen == 2400
    with pytest.raises(WrongState):
        services.raise_lock(order.pk, actor="user:1")


def test_an_objection_while_the_lock_is_raised_lowers_it(order, debts):  # docs/rules.md 8
    services.place(order.pk, sha256=new_photograph(), actor="user:1")

    at_once(
        lambda: arrears.object(debt_ids=[debts[0].pk], reason="not_mine", actor="owner"),
        lambda: services.raise_lock(order.pk, actor="user:1"),
    )
    outbox.run_pending(raise_errors=True)

    order.refresh_from_db()
    assert (order.state, order.ended_by) == ("lowering", "dispute")
    assert is_down_or_told_so(order)
    assert not SettlementOrder.objects.exists()


@pytest.mark.parametrize("what", ["question", "part payment"])
def test_what_ends_its_ground_while_the_lock_is_raised_lowers_it(
    order, debts, what
):  # docs/rules.md L6
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    LockTerms.objects.update(floor_fen=2000)
    attempt = attempt_for(("parking.stay", debts[0].stay_id))

    def happens() -> None:
        if what == "question":
            parking.doubt_plate(stay_id=order.stay_id, actor="owner")
        else:
            arrive(attempt)

    Attempt.objects.filter(pk=attempt.pk).update(state="closed")  # not at the cashier any more
    _done, raised = at_once(happens, lambda: services.raise_lock(order.pk, actor="user:1"))
    assert isinstance(raised, RecoveryOrder | NotEligible)
    outbox.run_pending(raise_errors=True)

    order.refresh_from_db()
    assert order.state not in ("raising", "raised")
    assert not Command.objects.filter(action="RaiseLock", state__in=Command.OPEN).exists()


def test_the_lock_s_report_heard_on_two_connections_counts_once(raised):
    arrive(attempt_for(("recovery.order", raised.pk)))
    at_once(lambda: say(raised, "lowered"), lambda: say(raised, "lowered"))
    moved = AuditEntry.objects.filter(subject="recovery.recoveryorder", to_state="lowered")
    assert moved.count() == 1


def test_the_order_and_its_stays_paid_at_once_settle_once_and_return_the_rest(raised, debts):
    attempts = [
        attempt_for(("recovery.order", raised.pk)),
        attempt_for(*[("parking.stay", debt.stay_id) for debt in debts]),
        attempt_for(("parking.stay", debts[0].stay_id)),
    ]

    results = at_once(*[lambda a=attempt: arrive(a) for attempt in attempts])

    assert results == [True, True, True]
    assert {debt.state for debt in Debt.objects.all()} == {"paid"}
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 2400 + 1200
    raised.refresh_from_db()
    assert raised.state == "paid"
    assert SettlementOrder.objects.count() == MoveInstruction.objects.count() == 1
    assert told(raised) == ["RaiseLock", "LowerLock"]


def test_an_emergency_and_a_payment_at_once_lower_the_lock(raised):  # P1.5
    attempt = attempt_for(("recovery.order", raised.pk))
    at_once(
        lambda: arrive(attempt),
        lambda: services.emergency_lower(raised.pk, actor="user:9", reason="fire"),
    )
    raised.refresh_from_db()
    assert raised.state in ("paid", "lowering")
    assert is_down_or_told_so(raised)
    assert SettlementOrder.objects.count() == 1


def test_two_people_fetch_the_lock_at_once_and_one_is_noted(raised):  # P1.6
    arrive(attempt_for(("recovery.order", raised.pk)))
    say(raised, "lowered")
    sha256 = new_photograph()
    noted = at_once(
        *[
            lambda who=who: services.confirm_move(raised.pk, actor=who, sha256=sha256)
            for who in ("user:1", "user:2")
        ]
    )
    assert sorted(noted) == [False, True]


def test_a_death_in_the_middle_of_a_payment_leaves_nothing_half_done(raised, monkeypatch):
    """All or nothing: debts, settlement order, command and move instruction stand together."""
    attempt = attempt_for(("recovery.order", raised.pk))
    from recovery.services import ending

    def die(order: RecoveryOrder) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ending, "instruct_move", die)
        with pytest.raises(KeyboardInterrupt):
            arrive(attempt)
    assert {debt.state for debt in Debt.objects.all()} == {"open"}
    assert told(raised) == ["RaiseLock"]
    assert not SettlementOrder.objects.exists()

    assert arrive(attempt)
    assert told(raised) == ["RaiseLock", "LowerLock"]
    assert SettlementOrder.objects.get().order_id == raised.pk
