"""Celery tasks that ask providers, and the sweeps that find what is to be asked."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import transaction

from core import clock, retention
from core.calendar import city_date
from core.tasks import AGAIN_WITHOUT_DATABASE
from payments import services
from payments.models import (
    Attempt,
    BillDay,
    Introduction,
    Invoice,
    Notification,
    Order,
    Refund,
    SandboxTrade,
)
from payments.providers.sandbox.client import tell
from payments.rules import next_look_s
from payments.states import BillDayState, RefundState

BATCH = 200
CLAIM = timedelta(seconds=60)  # a worker that dies leaves its row to the next claim after this
SYSTEM = "system:payments.sweep"
INTRODUCTIONS_DAYS = 1
BILLS_EVERY = timedelta(minutes=10)
MATCHED_AGAIN = timedelta(days=35)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def query_attempt(attempt_id: int) -> None:
    """Ask the provider how an attempt stands."""
    services.query_attempt(attempt_id)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def carry_out_refund(refund_id: int) -> None:
    """Ask the provider for a refund, or how it stands."""
    services.carry_out_refund(refund_id)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def fetch_bill(bill_day_id: int) -> None:
    """Ask the provider for the bill of a day, and match it."""
    services.fetch_bill(bill_day_id)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def match_bill(bill_day_id: int) -> None:
    """Match a day with its provider's bill anew."""
    services.match_bill(bill_day_id)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def carry_out_invoice(invoice_id: int) -> None:
    """Ask for a tax invoice or its red letter, or how they stand."""
    services.carry_out_invoice(invoice_id)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def process_notification(notice_id: int) -> None:
    """Try again to act on a genuine message that could not be acted upon."""
    services.process_notification(notice_id)


@shared_task(**AGAIN_WITHOUT_DATABASE)
def tell_of_sandbox_trade(trade_id: int) -> None:
    """The sandbox tells again of a trade that was not heard of."""
    trade = SandboxTrade.objects.get(pk=trade_id)
    if trade.notified_at is None:
        tell(trade)


def close_outdated_orders() -> int:
    """Orders whose time ran out are closed; what is due stays due, and is asked for anew."""
    outdated = Order.objects.filter(state=Order.State.OPEN, expires_at__lte=clock.now())
    closed = 0
    for order in outdated.order_by("pk")[:BATCH]:
        closed += services.close_order(order, actor=SYSTEM, reason="its time ran out")
    return closed


@transaction.atomic
def look_at_attempts() -> int:
    """Attempts without a known outcome are asked about: quick at first, then hourly."""
    due = Attempt.objects.filter(state__in=Attempt.LIVE, next_look_at__lte=clock.real())
    rows = list(
        due.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("next_look_at")[
            :BATCH
        ]
    )
    for row in rows:
        row.next_look_at = clock.real() + max(CLAIM, timedelta(seconds=next_look_s(row.looks)))
        row.looks = min(row.looks + 1, 10_000)
        row.save(update_fields=["next_look_at", "looks"])
        transaction.on_commit(lambda pk=row.pk: query_attempt.delay(pk))  # type: ignore[misc]
    return len(rows)


@transaction.atomic
def look_at_refunds() -> int:
    """Refunds that are promised and not back yet are asked for."""
    due = Refund.objects.filter(
        state__in=[RefundState.ASKED, RefundState.SENT], next_look_at__lte=clock.real()
    )
    rows = list(
        due.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("next_look_at")[
            :BATCH
        ]
    )
    for row in rows:
        row.next_look_at = clock.real() + CLAIM
        row.save(update_fields=["next_look_at"])
        transaction.on_commit(lambda pk=row.pk: carry_out_refund.delay(pk))  # type: ignore[misc]
    return len(rows)


@transaction.atomic
def look_at_bills() -> int:
    """Bills that should be there are fetched."""
    due = BillDay.objects.filter(state=BillDayState.AWAITED, next_look_at__lte=clock.real())
    rows = list(
        due.select_for_update(no_key=True, skip_locked=True).order_by("next_look_at")[:BATCH]
    )
    for row in rows:
        row.next_look_at = clock.real() + BILLS_EVERY
        row.save(update_fields=["next_look_at"])
        transaction.on_commit(lambda pk=row.pk: fetch_bill.delay(pk))  # type: ignore[misc]
    return len(rows)


def match_again() -> int:
    """Nightly: the days of the last weeks are matched anew, as they are known now; how many."""
    since = city_date(clock.real()) - MATCHED_AGAIN
    rows = BillDay.objects.exclude(state=BillDayState.AWAITED).filter(day__gte=since)
    days = list(rows.order_by("day").values_list("pk", flat=True))
    for day in days:
        match_bill.delay(day)
    return len(days)


@transaction.atomic
def look_at_invoices() -> int:
    """Invoices and red letters that are asked for and not there yet are asked about."""
    due = Invoice.objects.filter(next_look_at__lte=clock.real())
    rows = list(
        due.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("next_look_at")[
            :BATCH
        ]
    )
    for row in rows:
        row.next_look_at = clock.real() + CLAIM
        row.save(update_fields=["next_look_at"])
        transaction.on_commit(lambda pk=row.pk: carry_out_invoice.delay(pk))  # type: ignore[misc]
    return len(rows)


@transaction.atomic
def look_at_notifications() -> int:
    """Genuine messages that could not be acted upon are tried again."""
    due = Notification.objects.filter(
        verified=True, processed_at=None, next_try_at__lte=clock.real()
    )
    rows = list(
        due.select_for_update(no_key=True, skip_locked=True).order_by("next_try_at")[:BATCH]
    )
    for row in rows:
        row.next_try_at = clock.real() + CLAIM
        row.save(update_fields=["next_try_at"])
        transaction.on_commit(lambda pk=row.pk: process_notification.delay(pk))  # type: ignore[misc]
    return len(rows)


@transaction.atomic
def look_at_sandbox() -> int:
    """The sandbox's own patience: it tells again of what was not heard."""
    due = SandboxTrade.objects.filter(notified_at=None, next_notify_at__lte=clock.real())
    rows = list(
        due.select_for_update(no_key=True, skip_locked=True).order_by("next_notify_at")[:BATCH]
    )
    for row in rows:
        row.next_notify_at = clock.real() + CLAIM
        row.save(update_fields=["next_notify_at"])
        transaction.on_commit(lambda pk=row.pk: tell_of_sandbox_trade.delay(pk))  # type: ignore[misc]
    return len(rows)


def forget_introductions() -> int:
    """A sweep: what apps were asked a day ago; how many."""
    return retention.forget(
        Introduction.objects.all(), moment="asked_at", keep_days=INTRODUCTIONS_DAYS
    )


def forget_old_notifications() -> int:
    """A sweep: providers' raw messages whose books nobody may open any more; how many."""
    return retention.forget(
        Notification.objects.all(),
        moment="received_at",
        keep_days=settings.BOWEI_KEEP_NOTIFICATIONS_DAYS,
    )
