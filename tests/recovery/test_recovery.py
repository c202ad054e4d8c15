"""From the bound debts to the fetched lock, and every way down (P1.1 to P1.6)."""

from datetime import timedelta

import pytest

from arrears import services as arrears
from arrears.models import Debt
from core import audit
from core import clock as business_clock
from core.errors import Invalid, Refused
from core.models import AuditEntry
from devices.models import Command, Device, ReleaseCode
from parking.models import Berth, ParkingSession
from payments import selectors as payments
from payments import services as payment_services
from payments.models import Refund
from recovery import selectors, services
from recovery.errors import CodeNotReady, NoPhotograph, NotEligible, WrongState
from recovery.models import LockTerms, MoveInstruction, RecoveryOrder, SettlementOrder
from tests.recovery.conftest import bind, look, make_debt, make_lock, pay, say, told
from tests.street import PLATE, TEST, left_after, new_photograph, new_section

pytestmark = pytest.mark.django_db


def fresh(order: RecoveryOrder) -> RecoveryOrder:
    return RecoveryOrder.objects.get(pk=order.pk)


# ── P1.1, P1.2 ────────────────────────────────────────────────────────────────────────────────
def test_binding_gives_an_order_with_the_vehicle_s_debts(order, debts):  # P1.1, P1.2
    assert (order.state, len(order.code)) == ("bound", 13)
    assert sorted(order.bound.values_list("debt_id", "amount_fen")) == [
        (debt.pk, 1200) for debt in debts
    ]
    assert all(rule["ok"] for rule in order.eligibility)
    assert told(order) == []  # nothing has moved yet


def test_asking_again_gives_the_same_order(order, standing, merchant, lock):  # P1.2
    assert bind(merchant, standing, lock, actor="user:2").pk == order.pk


@pytest.mark.parametrize("typed", ["沪A·12346", "沪B·12345", "12345", "沪A1234"])
def test_a_second_look_that_differs_binds_nothing(standing, merchant, lock, typed):  # P1.1
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, standing, lock, second_look=look(typed))
    assert refusal.value.facts["rules"] == ["second_look"]
    with pytest.raises(Invalid):
        bind(merchant, standing, lock, second_look={"typed": "  ", "sha256": ""})


def test_a_photograph_is_a_second_look_once_its_plate_is_settled(
    standing, merchant, lock, seen, enrolled
):  # P1.1
    from parking import services as parking

    sighting = seen(enrolled("H-1", "handheld", merchant), merchant, berth=standing, seed=3)
    picture = {"sha256": sighting.image_sha}
    with pytest.raises(NotEligible):
        bind(merchant, standing, lock, second_look=picture)
    parking.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test")
    assert bind(merchant, standing, lock, second_look=picture).state == "bound"


def test_no_lock_on_a_public_road(road, city, stay_of, clock):  # P1.1, docs/facts.md 4
    berth = Berth.objects.filter(section=road).first()
    LockTerms.objects.create(merchant=city, floor_fen=1000)
    make_debt(stay_of(berth, minutes=110))
    stay_of(berth)
    with pytest.raises(NotEligible) as refusal:
        bind(city, berth, make_lock(city))
    assert refusal.value.facts["rules"] == ["own_ground"]


def test_no_lock_for_another_merchant_s_debts(debts, other_merchant, stay_of):  # P1.1
    section = new_section(other_merchant, code="J", ground="own")
    berth = section.berths.first()
    stay_of(berth)
    with pytest.raises(NotEligible) as refusal:
        bind(other_merchant, berth, make_lock(other_merchant, "L-9"))
    assert refusal.value.facts["rules"] == ["own_debts", "demand_delivered"]


def test_no_lock_before_a_demand_was_delivered(section, berth, stay_of, merchant, lock):  # P1.1
    make_debt(stay_of(berth, minutes=110), demanded=False)
    stay_of(berth)
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, berth, lock)
    assert refusal.value.facts["rules"] == ["demand_delivered"]


def test_no_lock_while_the_owner_objects(standing, debts, merchant, lock):  # P1.1
    arrears.object(debt_ids=[debts[0].pk], reason="amount", actor="owner")
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, standing, lock)
    assert refusal.value.facts["rules"] == ["undisputed"]


def test_no_lock_for_a_vehicle_that_is_not_there(debts, berth, merchant, lock):  # P1.1
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, berth, lock)
    assert refusal.value.facts["rules"] == ["vehicle_present"]


def test_a_lock_that_holds_another_order_can_not_be_bound(order, section, stay_of, merchant, lock):
    from core import plates

    other = plates.Plate("沪B67890", plates.Colour.blue)
    berth = Berth.objects.get(code="A-003")
    make_debt(stay_of(berth, other, minutes=110))
    stay_of(berth, other)
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, berth, lock, plate_text=other.text, second_look=look(other.text))
    assert refusal.value.facts["rules"] == ["lock_ready"]


# ── P1.3 ──────────────────────────────────────────────────────────────────────────────────────
def test_a_lock_goes_up_with_a_photograph_by_a_person_s_command(order):  # P1.3
    with pytest.raises(WrongState):
        services.raise_lock(order.pk, actor="user:1")
    with pytest.raises(NoPhotograph):
        services.place(order.pk, sha256="0" * 64, actor="user:1")
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    services.raise_lock(order.pk, actor="user:1")
    services.raise_lock(order.pk, actor="user:1")  # pressed twice

    command = Command.objects.get(device_id=order.device_id)
    assert (command.action, command.payload["order_code"]) == ("RaiseLock", order.code)
    assert command.payload["lease_s"] == 1800
    assert fresh(order).state == "raising"
    say(order, "raising")
    say(order, "raised")
    assert fresh(order).state == "raised"
    assert order.berth.__class__.objects.get(pk=order.berth_id).lock_up


def test_payments_are_read_last_before_a_lock_goes_up(order, debts):  # P1.1
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    Debt.objects.update(state="paid")  # somebody paid, and nothing has told the order yet
    with pytest.raises(NotEligible) as refusal:
        services.raise_lock(order.pk, actor="user:1")
    assert "own_debts" in refusal.value.facts["rules"]
    assert told(order) == []


def test_an_obstruction_ends_the_try_and_is_a_state(order):  # P1.3
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    services.raise_lock(order.pk, actor="user:1")
    say(order, "lowering", "obstruction")
    say(order, "lowered", "obstruction")
    assert (fresh(order).state, fresh(order).problem) == ("placed", "obstruction")
    assert list(selectors.alarms(order.merchant_id)) == [order]
    services.raise_lock(order.pk, actor="user:1")  # the way is free again
    say(order, "raised")
    assert (fresh(order).state, fresh(order).problem) == ("raised", "")


def test_a_lock_whose_report_looks_old_is_still_known_to_be_up(order):  # P1.3
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    say(order, "lowered", "report", occurred_at=business_clock.now() + timedelta(seconds=3))
    services.raise_lock(order.pk, actor="user:1")
    say(order, "raised")  # its clock was set back
    assert fresh(order).state == "raising"
    services.command_ended(
        order_code=order.code, action="RaiseLock", outcome="done", details={"position": "raised"}
    )
    assert (fresh(order).state, fresh(order).lock_position) == ("raised", "raised")


def test_a_low_battery_refuses_and_is_a_state(order, run_reactions):  # P1.3
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    services.raise_lock(order.pk, actor="user:1")
    services.command_ended(
        order_code=order.code,
        action="RaiseLock",
        outcome="failed",
        details={"why": "low_battery"},
    )
    assert (fresh(order).state, fresh(order).problem) == ("placed", "low_battery")


# ── P1.4, P1.5 ────────────────────────────────────────────────────────────────────────────────
def test_paying_the_order_settles_the_debts_and_lowers_the_lock(raised, debts):  # P1.4
    payment = pay(("recovery.order", raised.pk))

    order = fresh(raised)
    assert (order.state, order.ended_by) == ("paid", "payment")
    assert told(order) == ["RaiseLock", "LowerLock"]
    lower = Command.objects.get(action="LowerLock")
    assert (lower.priority, lower.payload["order_code"]) == (0, order.code)
    assert Command.objects.get(action="RaiseLock").state == "superseded"
    settlement = SettlementOrder.objects.get(order=order)
    assert (settlement.payment_number, settlement.amount_fen) == (payment.number, 2400)
    assert MoveInstruction.objects.get(order=order).state == "open"
    assert {debt.state for debt in Debt.objects.all()} == {"paid"}
    assert set(ParkingSession.objects.exclude(left_at=None).values_list("state", flat=True)) == {
        "settled"
    }
    say(order, "lowering")
    assert fresh(order).state == "lowering"
    say(order, "lowered")
    assert fresh(order).state == "lowered"
    assert not Berth.objects.get(pk=order.berth_id).lock_up


def test_paying_the_stays_elsewhere_lowers_the_lock_too(raised, debts):  # P1.4
    pay(("parking.stay", debts[0].stay_id))
    assert fresh(raised).state == "raised"  # one debt is still open
    payment = pay(("parking.stay", debts[1].stay_id))
    order = fresh(raised)
    assert (order.state, order.ended_by) == ("paid", "payment")
    assert told(order) == ["RaiseLock", "LowerLock"]
    assert order.settlement.payment_number == payment.number


def test_paying_both_stays_in_one_go_makes_one_settlement_order(raised, debts):  # P1.4
    pay(*[("parking.stay", debt.stay_id) for debt in debts])
    assert fresh(raised).settlement.amount_fen == 2400
    assert told(raised) == ["RaiseLock", "LowerLock"]


def test_an_order_asks_what_is_due_now(raised, debts):  # P1.4, docs/features.md 57
    assert services.quote_order(raised.pk).amount_fen == 2400
    pay(("parking.stay", debts[0].stay_id))
    quote = services.quote_order(raised.pk)
    assert (quote.amount_fen, len(quote.lines)) == (1200, 1)


def test_a_paid_order_can_not_be_paid_again_and_a_late_payment_goes_back(raised):  # P1.4
    payment = payment_services.open_order(items=[("recovery.order", raised.pk)], actor=TEST)
    attempt = payment_services.begin_attempt(
        order_id=payment.pk, provider="sandbox", return_url="/", actor="owner"
    )
    pay(("recovery.order", raised.pk))
    with pytest.raises(Refused, match="nothing_due"):
        services.quote_order(raised.pk)
    payment_services.take_payment(
        attempt.pk, provider_no="1", paid_at=business_clock.real(), actor="provider:sandbox"
    )
    assert Refund.objects.get().amount_fen == 2400
    assert told(raised) == ["RaiseLock", "LowerLock"]


def test_a_waiver_lowers_without_a_settlement_order(raised, debts, run_reactions):  # P1.4
    for debt in debts:
        arrears.waive_debt(debt_id=debt.pk, actor=TEST, reason="goodwill")
        run_reactions()
    order = fresh(raised)
    assert (order.state, order.ended_by) == ("lowering", "dropped")
    assert not SettlementOrder.objects.exists()
    assert told(order)[-1] == "LowerLock"
    assert MoveInstruction.objects.filter(order=order).exists()


def test_an_objection_lowers_at_once(raised, debts, run_reactions):  # docs/rules.md 8
    arrears.object(debt_ids=[debts[0].pk], reason="not_mine", actor="owner")
    run_reactions()
    order = fresh(raised)
    assert (order.state, order.ended_by) == ("lowering", "dispute")
    assert told(order) == ["RaiseLock", "LowerLock"]
    assert not SettlementOrder.objects.exists()


def test_a_fee_that_rises_lowers_the_lock_until_it_was_demanded(
    raised, debts, standing, merchant, lock, run_reactions
):  # P1.1, P1.4
    left_after(debts[0].stay, 150)
    run_reactions()
    order = fresh(raised)
    assert (order.state, order.ended_by) == ("lowering", "repriced")
    assert told(order) == ["RaiseLock", "LowerLock"]
    assert not SettlementOrder.objects.exists()
    debts[0].refresh_from_db()
    assert (debts[0].amount_fen, debts[0].demanded_at) == (1800, None)


def test_after_an_objection_a_payment_still_makes_a_settlement_order(raised, debts, run_reactions):
    arrears.object(debt_ids=[debts[0].pk], reason="amount", actor="owner")
    run_reactions()
    pay(*[("parking.stay", debt.stay_id) for debt in debts])
    assert (fresh(raised).state, fresh(raised).ended_by) == ("lowering", "dispute")
    assert fresh(raised).settlement.amount_fen == 2400


def test_an_emergency_lowers_first_and_says_who_and_why(raised, operator):
    # P1.5, docs/features.md 62
    with pytest.raises(Invalid):
        services.emergency_lower(raised.pk, actor=operator.actor, reason=" ")
    services.emergency_lower(raised.pk, actor=operator.actor, reason="a child in the car")
    assert (fresh(raised).state, fresh(raised).ended_by) == ("lowering", "emergency")
    entry = AuditEntry.objects.get(action="emergency_lower")
    assert (entry.actor, entry.reason) == (operator.actor, "a child in the car")
    assert {debt.state for debt in Debt.objects.all()} == {"open"}  # money later


def test_an_emergency_orders_a_lock_down_again_that_should_be_down(raised, operator):
    pay(("recovery.order", raised.pk))
    services.emergency_lower(raised.pk, actor=operator.actor, reason="still up")
    assert told(raised) == ["RaiseLock", "LowerLock", "LowerLock"]


def test_a_lock_that_loses_contact_lowers_itself_and_is_fetched(raised):  # docs/rules.md 8
    say(raised, "lowering", "lease")
    say(raised, "lowered", "lease")
    order = fresh(raised)
    assert (order.state, order.ended_by) == ("lowered", "lease")
    assert MoveInstruction.objects.get(order=order).state == "open"
    assert {debt.state for debt in Debt.objects.all()} == {"open"}


def test_a_report_that_comes_twice_or_late_changes_nothing(raised):
    at = business_clock.now()
    pay(("recovery.order", raised.pk))
    for _time in range(2):
        say(raised, "lowered", occurred_at=at + timedelta(seconds=9))
    say(raised, "raised", occurred_at=at)  # sent before, heard after
    assert fresh(raised).state == "lowered"
    assert told(raised) == ["RaiseLock", "LowerLock"]
    moved = AuditEntry.objects.filter(subject="recovery.recoveryorder", to_state="lowered")
    assert moved.count() == 1


def test_a_lock_that_is_up_although_it_was_paid_is_ordered_down_again(raised):
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    say(raised, "raised", "tamper")
    assert told(raised) == ["RaiseLock", "LowerLock", "LowerLock"]
    assert fresh(raised).problem == "up_again"


def test_a_payment_lowers_a_lock_that_was_never_up(order):  # P1.4
    pay(("recovery.order", order.pk))
    services.command_ended(
        order_code=order.code,
        action="LowerLock",
        outcome="done",
        details={"position": "lowered"},
    )
    assert fresh(order).state == "lowered"


def test_a_jammed_lock_is_an_alarm_and_fetched_by_hand(raised):  # P1.6
    pay(("recovery.order", raised.pk))
    services.command_ended(
        order_code=raised.code, action="LowerLock", outcome="failed", details={"why": "jam"}
    )
    assert (fresh(raised).state, fresh(raised).problem) == ("paid", "jammed")
    assert list(selectors.alarms(raised.merchant_id)) == [raised]
    assert services.confirm_move(raised.pk, actor="user:1", sha256=new_photograph())
    assert fresh(raised).state == "moved"


def test_a_silent_lock_s_owner_gets_the_release_code(raised, live_credential):  # P1.5
    with pytest.raises(CodeNotReady):  # not before it is paid
        services.show_release_code(fresh(raised), actor="owner")
    pay(("recovery.order", raised.pk))
    Device.objects.filter(pk=raised.device_id).update(online=False)
    order = selectors.order_by_token(raised.token)
    code = services.show_release_code(order, actor="owner")
    assert len(code) == 8
    services.take_release_code_used(
        device_id=raised.device_id, order_code=raised.code, actor="device:L-1"
    )
    assert fresh(raised).state == "lowering"
    say(raised, "lowered", "release_code")
    assert fresh(raised).state == "lowered"
    assert not selectors.release_code_ready(fresh(raised))


def showings(order):
    """How often the trail says that the order's code was shown, and since when the row does."""
    hold = ReleaseCode.objects.get(device_id=order.device_id, order_code=order.code)
    return audit.trail(hold).filter(action="shown").count(), hold.shown_at


def test_the_release_code_is_shown_when_asked_for_and_audited_each_time(  # P1.5
    raised, live_credential, anonymous
):
    page, address = f"/r/{raised.token}/", f"/api/v1/recovery/owner/{raised.token}/"
    pay(("recovery.order", raised.pk))
    Device.objects.filter(pk=raised.device_id).update(online=False)
    for _ in range(3):  # looking, which the page does by itself
        assert 'name="code"' in anonymous.get(page).content.decode()
        assert anonymous.get(address).json()["release_code_ready"]
    assert showings(raised) == (0, None)
    asked = anonymous.post(page, {"code": "1"}).content.decode()
    code = anonymous.post(f"{address}code/").json()["release_code"]
    assert f"{code[:4]} {code[4:]}" in asked
    assert showings(raised)[0] == 2


def test_why_no_release_code_is_shown_is_said(raised, live_credential, anonymous):  # P1.5
    refused = anonymous.post(f"/r/{raised.token}/", {"code": "1"})
    assert refused.status_code == 409
    assert "现在没有可显示的释放码" in refused.content.decode()
    told = anonymous.post(f"/api/v1/recovery/owner/{raised.token}/code/")
    assert (told.status_code, told.json()["code"]) == (409, "release_code_not_ready")
    assert showings(raised) == (0, None)


@pytest.fixture
def live_credential(raised):
    """The raise was delivered, so its code was made from the lock's key."""
    from devices.models import Credential, ReleaseCode

    key = Credential.objects.get(device_id=raised.device_id)
    ReleaseCode.objects.filter(device_id=raised.device_id).update(credential=key)


def test_the_settlement_order_is_seen_at_the_owner_s_end(raised, anonymous):  # P1.5
    pay(("recovery.order", raised.pk))
    assert fresh(raised).settlement.seen_at is None
    page = anonymous.get(f"/r/{raised.token}/").content.decode()
    assert raised.settlement.payment_number in page
    assert fresh(raised).settlement.seen_at == business_clock.now()


# ── P1.6 ──────────────────────────────────────────────────────────────────────────────────────
def test_the_merchant_fetches_the_lock_and_shows_it(raised):  # P1.6
    with pytest.raises(WrongState):
        services.confirm_move(raised.pk, actor="user:1", sha256=new_photograph())
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    with pytest.raises(NoPhotograph):
        services.confirm_move(raised.pk, actor="user:1")
    picture = new_photograph()
    assert services.confirm_move(raised.pk, actor="user:1", sha256=picture)
    assert not services.confirm_move(raised.pk, actor="user:1", sha256=picture)
    assert fresh(raised).state == "moved"
    assert fresh(raised).move.evidence["sha256"] == picture


def test_a_lock_that_nobody_fetches_becomes_an_alarm(raised):  # P1.6
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    assert services.remind_of_moves() == 0
    business_clock.advance(timedelta(minutes=31))
    assert services.remind_of_moves() == 1
    assert services.remind_of_moves() == 0
    assert not selectors.alarms(raised.merchant_id)
    business_clock.advance(timedelta(minutes=61))
    assert services.remind_of_moves() == 1
    assert list(selectors.alarms(raised.merchant_id)) == [raised]
    assert fresh(raised).move.reminders == 2


def test_a_reminder_orders_a_lock_down_again_that_is_still_up(raised):  # P1.6
    pay(("recovery.order", raised.pk))
    business_clock.advance(timedelta(minutes=31))
    services.remind_of_moves()
    assert told(raised) == ["RaiseLock", "LowerLock", "LowerLock"]


def test_the_lock_is_free_again_once_it_was_fetched(raised, standing, merchant, lock, stay_of):
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    services.confirm_move(raised.pk, actor="user:1", sha256=new_photograph())
    assert selectors.locks_of(merchant.pk)[0]["busy"] is False


def test_an_order_given_up_never_raises_its_lock(order):
    assert services.cancel(order.pk, actor="user:1", reason="left")
    assert not services.cancel(order.pk, actor="user:1")
    with pytest.raises(WrongState):
        services.raise_lock(order.pk, actor="user:1")
    assert selectors.locks_of(order.merchant_id)[0]["busy"] is False


def test_what_was_paid_for_an_order_is_in_the_books_of_the_merchant(raised, merchant):
    pay(("recovery.order", raised.pk))
    assert payments.balance_fen(f"merchant:{merchant.pk}") == -2400


def test_an_order_ends_when_its_vehicle_leaves_before_the_lock_was_up(order, run_reactions):
    from parking import services as parking

    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    business_clock.advance(timedelta(hours=1))
    parking.close_stay(berth_id=order.berth_id, occurred_at=business_clock.now(), said_by=TEST)
    run_reactions()
    assert fresh(order).state == "cancelled"
    assert fresh(order).move.state == "open"  # it lies there still
    assert services.confirm_move(order.pk, actor="user:1", sha256=new_photograph())


def test_no_lock_stands_before_a_vehicle_whose_plate_was_misread(raised, run_reactions):
    from parking import services as parking

    parking.correct_plate(
        stay_id=raised.stay_id,
        plate_text="沪B67890",
        plate_colour="blue",
        actor=TEST,
        why="misread",
    )
    run_reactions()
    assert (fresh(raised).state, fresh(raised).ended_by) == ("lowering", "misread")
    assert told(raised)[-1] == "LowerLock"
