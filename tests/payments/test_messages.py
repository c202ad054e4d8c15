"""What a provider's message is kept of, whom it is about, and when it is tried again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from core import clock as business_clock
from payments import selectors, services, tasks
from payments.models import Attempt, Notification, Order, SandboxTrade
from payments.providers.sandbox import client as sandbox
from tests.payments import kiosk
from tests.payments.conftest import begin, books, payer_pays

pytestmark = pytest.mark.django_db
DOOR = "/api/v1/payments/notify/sandbox"
LARGEST = 65_536
HALF_A_MINUTE = timedelta(seconds=30)


def signed(trade: SandboxTrade, *, bytes_long: int = 0) -> tuple[dict[str, str], bytes]:
    """The sandbox's message about this trade, filled up with blanks that JSON does not mind."""
    _url, headers, body = sandbox.notification(trade)
    body = body.ljust(bytes_long)
    stamp, nonce = headers["X-Sandbox-Timestamp"], headers["X-Sandbox-Nonce"]
    return {**headers, "X-Sandbox-Signature": sandbox._signature(stamp, nonce, body)}, body


def forged(trade: SandboxTrade, *, bytes_long: int = 0) -> tuple[dict[str, str], bytes]:
    headers, body = signed(trade, bytes_long=bytes_long)
    return {**headers, "X-Sandbox-Signature": "0" * 64}, body


# ── How much ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("bytes_long", "status"), [(LARGEST, 204), (LARGEST + 1, 500)])
def test_a_message_of_64_kib_is_heard_and_of_a_longer_one_nothing_is_kept(
    order: Order, bytes_long: int, status: int
) -> None:
    headers, body = signed(payer_pays(begin(order)), bytes_long=bytes_long)
    answer = services.receive_notification("sandbox", headers, body)
    assert (answer.status, answer.body) == (status, "" if status == 204 else "too large")
    assert Notification.objects.count() == (status == 204)
    assert bool(books()) == (status == 204)


@pytest.mark.parametrize(("bytes_long", "status"), [(LARGEST, 204), (LARGEST + 1, 413)])
def test_the_door_takes_what_the_service_takes(
    order: Order, anonymous: Any, bytes_long: int, status: int
) -> None:
    headers, body = signed(payer_pays(begin(order)), bytes_long=bytes_long)
    answer = anonymous.post(DOOR, body, content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert Notification.objects.count() == (status == 204)


def test_of_a_forged_message_the_beginning_is_kept_and_of_a_genuine_one_all(order: Order) -> None:
    trade = payer_pays(begin(order))
    for message in (forged(trade, bytes_long=5000), signed(trade, bytes_long=5000)):
        services.receive_notification("sandbox", *message)
    rows = Notification.objects.order_by("pk")
    assert [(row.verified, len(bytes(row.raw))) for row in rows] == [(False, 4096), (True, 5000)]


def test_of_forged_messages_thirty_a_minute_are_kept(order: Order) -> None:
    from django.core.cache import cache

    trade = payer_pays(begin(order))
    for _again in range(3):  # until a minute of the clock did not end meanwhile
        cache.clear()
        before, minute = Notification.objects.count(), _minute()
        for _time in range(32):
            assert services.receive_notification("sandbox", *forged(trade)).status == 401
        if _minute() == minute:
            break
    assert Notification.objects.count() - before == 30


def _minute() -> int:
    return int(business_clock.real().timestamp()) // 60


# ── When ────────────────────────────────────────────────────────────────────────────────────────
def nobodys(order: Order) -> Notification:
    """A genuine message about a number that we never gave."""
    trade = payer_pays(begin(order))
    trade.out_trade_no = "P000000NOBODY"
    assert services.receive_notification("sandbox", *signed(trade)).body == "unknown order number"
    return Notification.objects.get()


def soon(moment: datetime | None, began: datetime) -> bool:
    """Half a minute after something that happened since `began`."""
    assert moment is not None
    return began + HALF_A_MINUTE <= moment <= business_clock.real() + HALF_A_MINUTE


def test_what_could_not_be_acted_upon_is_tried_again_after_half_a_minute(order: Order) -> None:
    began = business_clock.real()
    notice = nobodys(order)
    assert soon(notice.next_try_at, began)
    assert tasks.look_at_notifications() == 0
    Notification.objects.update(next_try_at=business_clock.real())
    assert tasks.look_at_notifications() == 1

    began = business_clock.real()
    services.process_notification(notice.pk)
    notice.refresh_from_db()
    assert soon(notice.next_try_at, began)


@pytest.mark.parametrize(("old", "waits"), [(timedelta(seconds=290), 0), (timedelta(minutes=5), 1)])
def test_what_nobody_could_act_upon_for_five_minutes_waits_for_a_person(
    order: Order, clock: Any, old: timedelta, waits: int
) -> None:
    notice = nobodys(order)
    assert selectors.waiting() == []
    Notification.objects.update(received_at=business_clock.real() - old)
    since = clock.now()
    for _time in range(2):
        assert services.process_notification(notice.pk) == "unknown order number"
        clock.advance(timedelta(hours=1))
    assert [one.since for one in selectors.waiting()] == [since] * waits


def test_another_amount_waits_as_one_thing_however_old_its_message(order: Order) -> None:
    attempt = begin(order)
    trade = payer_pays(attempt)
    trade.amount_fen = 599
    services.receive_notification("sandbox", *signed(trade))
    Notification.objects.update(received_at=business_clock.real() - timedelta(hours=1))
    assert services.process_notification(Notification.objects.get().pk) == "amount differs"
    assert [one.number for one in selectors.waiting()] == [attempt.out_trade_no]


def test_what_was_acted_upon_is_done_for_good_and_waits_for_nobody(order: Order) -> None:
    notice = nobodys(order)
    hour_ago = business_clock.real() - timedelta(hours=1)
    Notification.objects.update(received_at=hour_ago)
    services.process_notification(notice.pk)
    assert len(selectors.waiting()) == 1
    Attempt.objects.update(out_trade_no="P000000NOBODY")  # now we know it
    assert services.process_notification(notice.pk) == ""
    notice.refresh_from_db()
    assert (notice.problem, notice.next_try_at, selectors.waiting()) == ("", None, [])
    Attempt.objects.update(out_trade_no="another")
    assert services.process_notification(notice.pk) == ""  # it is not read again


@pytest.mark.parametrize(
    ("stumbles", "status"),
    [
        ([OperationalError("deadlock")] * 2, 204),
        ([OperationalError("deadlock")] * 3, 500),
        ([RuntimeError("a bug")], 500),
    ],
)
def test_what_stood_in_each_other_s_way_is_tried_thrice_and_an_error_once(
    order: Order, stumbles: list[Exception], status: int
) -> None:
    order.items.update(payable="kiosk.stumbling")
    attempt = begin(order)
    kiosk.STUMBLES[:] = stumbles
    assert services.receive_notification("sandbox", *signed(payer_pays(attempt))).status == status
    assert kiosk.STUMBLES == []
    notice = Notification.objects.get()
    why = f"{type(stumbles[0]).__name__}: {stumbles[0]}"
    assert notice.problem == ("" if status == 204 else why)
    assert bool(books()) == (status == 204)
    assert services.process_notification(notice.pk) == ""
    assert books()["provider:sandbox"] == 600


def test_why_it_could_not_be_acted_upon_is_kept_as_far_as_there_is_room(order: Order) -> None:
    order.items.update(payable="kiosk.stumbling")
    attempt = begin(order)
    kiosk.STUMBLES[:] = [RuntimeError("x" * 300)]
    services.receive_notification("sandbox", *signed(payer_pays(attempt)))
    assert Notification.objects.get().problem == ("RuntimeError: " + "x" * 300)[:300]
