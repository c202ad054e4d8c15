"""Who hears of a lock, in which words, and what a late one costs (P1.4 to P1.6)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage, User
from config.admin_day import _figures
from core import clock as business_clock
from core import outbox, personal
from core.errors import Refused
from devices.models import Command, Device
from parking import services as parking
from parking.models import Berth, HandheldPost, StayPayment
from parking.selectors import berth_path
from payments import services as payments
from payments.models import OrderItem, Refund
from recovery import selectors, services
from recovery.models import RecoveryOrder
from tests.people import logged_in
from tests.recovery.conftest import pay, say, told
from tests.street import OTHER_PLATE, TEST, new_photograph

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
PHONE = "13800000001"


def fresh(order: RecoveryOrder) -> RecoveryOrder:
    return RecoveryOrder.objects.get(pk=order.pk)


def with_phone(user: User) -> User:
    user.phone_sealed, user.phone_digest = personal.seal(PHONE), personal.digest(PHONE)
    user.save(update_fields=["phone_sealed", "phone_digest"])
    return user


@pytest.fixture
def follow(run_reactions: Any) -> Any:
    def all_of_it() -> None:
        for _round in range(3):
            outbox.sweep_once()
            run_reactions()

    return all_of_it


@pytest.fixture
def handheld(raised: RecoveryOrder, enrolled: Any, attendant: User) -> int:
    """The terminal of the section's attendant, who has a phone, too."""
    with_phone(attendant)
    device_id: int = enrolled("H-9", "handheld", raised.merchant)
    HandheldPost.objects.create(device_id=device_id, section_id=raised.section_id)
    return device_id


def tasks(device_id: int) -> list[dict[str, Any]]:
    rows = Command.objects.filter(device_id=device_id, action="ShowTask").order_by("pk")
    return [row.payload for row in rows]


def texts() -> int:
    return SmsMessage.objects.filter(template="lock").count()


def page(client: Any, order: RecoveryOrder) -> str:
    text: str = client.get(f"/r/{order.token}/", headers=ENGLISH).content.decode()
    return text


# ── Words ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("queued", "has not been reached yet"),
        ("sent", "is being told; it has not answered yet"),
        ("acknowledged", "has been told to go down"),
        ("failed", "did not go down when it was told"),
        ("expired", "did not go down when it was told"),
    ],
)
def test_the_owner_reads_what_the_command_s_row_says(raised, anonymous, state, words):
    pay(("recovery.order", raised.pk))
    Command.objects.filter(action="LowerLock").update(state=state)
    read = page(anonymous, raised)
    assert words in read
    assert ("has been told" in read) == (state == "acknowledged")
    say(raised, "lowering")
    assert "The lock is going down." in page(anonymous, raised)
    say(raised, "lowered")
    assert "The lock is down. Drive off slowly." in page(anonymous, raised)


def test_the_owner_s_page_says_why_the_lock_went_down(raised, anonymous, follow):
    parking.doubt_plate(stay_id=raised.stay_id, actor="owner")
    follow()
    assert "A question about the stay is open" in page(anonymous, raised)


# ── In time ───────────────────────────────────────────────────────────────────────────────────
def test_a_lock_that_is_not_down_after_two_minutes_is_an_alarm_and_the_fee_goes_back(
    raised, follow, handheld, anonymous
):
    payment = pay(("recovery.order", raised.pk))
    Device.objects.filter(pk=raised.device_id).update(online=False)
    business_clock.advance(timedelta(seconds=119))
    follow()
    assert (fresh(raised).problem, Refund.objects.count()) == ("", 0)
    business_clock.advance(timedelta(seconds=1))
    follow()
    order = fresh(raised)
    assert (order.problem, order.late_at) == ("late", business_clock.now())
    assert list(selectors.alarms(raised.merchant_id)) == [raised]
    refund = Refund.objects.get()
    assert (refund.amount_fen, refund.attempt.order_id) == (2400, payment.pk)
    assert [task["alarm"] for task in tasks(handheld)] == [False, True]
    assert texts() == 2
    assert told(raised) == ["RaiseLock", "LowerLock", "LowerLock"]
    assert "What you paid goes back to you." in page(anonymous, raised)
    business_clock.advance(timedelta(hours=1))
    follow()
    assert Refund.objects.count() == 1


def test_only_the_items_that_paid_for_the_lock_go_back(raised, follow):
    pay(*[("parking.stay", debt.stay_id) for debt in raised.bound.all()])
    business_clock.advance(timedelta(minutes=3))
    follow()
    assert sorted(Refund.objects.values_list("amount_fen", flat=True)) == [1200, 1200]


def test_what_went_back_for_a_late_lock_goes_back_once_and_nowhere_else(raised, follow):
    stay = raised.bound.order_by("pk").first().stay
    pay(*[("parking.stay", debt.stay_id) for debt in raised.bound.all()])
    business_clock.advance(timedelta(minutes=3))
    follow()
    stay.refresh_from_db()
    payment = StayPayment.objects.get(stay=stay)
    assert (stay.state, payment.kept_fen, payment.returnable_fen) == ("settled", 1200, 0)
    with pytest.raises(Refused):
        parking.move_payment(payment_id=payment.pk, to_stay_id=None, actor="user:7", reason="no")

    parking.correct_plate(
        stay_id=stay.pk, plate_text="粤B24680", plate_colour="blue", actor="user:7", why="misread"
    )
    follow()
    stay.refresh_from_db()
    payment.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("due", 1200)  # of whoever it was
    assert (payment.kept_fen, payment.refunded_fen, payment.forgone_fen) == (0, 1200, 0)
    assert sorted(Refund.objects.values_list("amount_fen", flat=True)) == [1200, 1200]


def test_what_has_moved_to_another_stay_does_not_go_back_for_a_late_lock(
    raised, follow, stay_of, berth
):
    pay(*[("parking.stay", debt.stay_id) for debt in raised.bound.all()])
    item = OrderItem.objects.order_by("pk")[0]
    elsewhere = stay_of(Berth.objects.exclude(pk=raised.stay.berth_id)[0], OTHER_PLATE, minutes=60)
    payments.move(
        item_id=item.pk,
        amount_fen=500,
        payable="parking.stay",
        subject_id=elsewhere.pk,
        merchant_id=item.merchant_id,
        title="x",
        actor=TEST,
        reason="meant for it",
    )
    business_clock.advance(timedelta(minutes=3))
    follow()
    assert sorted(Refund.objects.values_list("amount_fen", flat=True)) == [700, 1200]


def test_a_lock_that_goes_down_in_time_costs_nothing_back(raised, follow):
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    business_clock.advance(timedelta(minutes=3))
    follow()
    assert fresh(raised).late_at is None
    assert not Refund.objects.exists()


def test_a_lock_that_was_never_sent_up_is_never_late(order, follow):
    pay(("recovery.order", order.pk))
    business_clock.advance(timedelta(minutes=3))
    follow()
    assert fresh(order).late_at is None


# ── The vehicle leaves a lock that is up ──────────────────────────────────────────────────────
def test_a_vehicle_that_leaves_a_lock_that_is_up_is_an_alarm_and_the_next_driver_reads_why(
    raised, follow, handheld, stay_of, anonymous
):
    business_clock.advance(timedelta(minutes=20))
    parking.close_stay(berth_id=raised.berth_id, occurred_at=business_clock.now(), said_by=TEST)
    follow()
    assert (fresh(raised).state, fresh(raised).ended_by) == ("lowering", "left")
    assert list(selectors.alarms(raised.merchant_id)) == [raised]
    assert told(raised) == ["RaiseLock", "LowerLock"]
    assert any(task["alarm"] for task in tasks(handheld))
    raised.merchant.help_phone = "021-5555"
    raised.merchant.save(update_fields=["help_phone"])
    business_clock.advance(timedelta(minutes=5))
    stay_of(Berth.objects.get(pk=raised.berth_id), OTHER_PLATE)
    follow()
    assert fresh(raised).problem == "another_vehicle"
    read = anonymous.get(berth_path(raised.berth.code), headers=ENGLISH).content.decode()
    assert "was meant for a vehicle before yours" in read
    assert "021-5555" in read
    assert raised.token not in read
    say(raised, "lowered")
    read = anonymous.get(berth_path(raised.berth.code), headers=ENGLISH).content.decode()
    assert "was meant for a vehicle before yours" not in read


# ── Who hears ─────────────────────────────────────────────────────────────────────────────────
def test_the_instruction_to_fetch_and_its_reminders_reach_terminal_and_phone(
    raised, follow, handheld
):
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    follow()
    assert (len(tasks(handheld)), texts()) == (1, 1)
    assert tasks(handheld)[0]["berth_code"] == raised.berth.code
    for minutes in (31, 61):
        business_clock.advance(timedelta(minutes=minutes))
        follow()
    assert [task["alarm"] for task in tasks(handheld)] == [False, False, True]
    assert texts() == 3


def test_a_jammed_lock_is_told_of_once(raised, follow, handheld):
    pay(("recovery.order", raised.pk))
    for _time in range(2):
        say(raised, "jammed", "jam")
        follow()
    assert [task["alarm"] for task in tasks(handheld)] == [False, True]


# ── The desk ──────────────────────────────────────────────────────────────────────────────────
def locks_up() -> dict[str, Any]:
    [figure] = [one for one in _figures() if "lock" in str(one["url"] + one["label"]).lower()]
    return figure


def test_locks_up_counts_the_locks_that_are_up_and_opens_to_them(order, operator, settings):
    from django.utils import translation

    desk = logged_in(operator)
    with translation.override("en"):
        assert locks_up()["value"] == "0"
        services.place(order.pk, sha256=new_photograph(), actor="user:1")
        services.raise_lock(order.pk, actor="user:1")
        say(order, "raised")
        figure = locks_up()
    assert figure["value"] == "1"
    assert order.code in desk.get(figure["url"]).content.decode()
    say(order, "lowered", "lease")
    with translation.override("en"):
        assert locks_up()["value"] == "0"
    assert order.code not in desk.get(figure["url"]).content.decode()
