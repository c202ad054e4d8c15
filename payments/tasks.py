"""Celery tasks that ask providers, and the sweeps that find what is to be asked."""

from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet

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
M = TypeVar("M", bound=Model)


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
    rows = _claimed(Attempt.objects.filter(state__in=Attempt.LIVE), "next_look_at")
    for row in rows:
        row.next_look_at = clock.real() + max(CLAIM, timedelta(seconds=next_look_s(row.looks)))
        row.looks = min(row.looks + 1, 10_000)
        row.save(update_fields=["next_look_at", "looks"])
        transaction.on_commit(lambda pk=row.pk: query_attempt.delay(pk))  # type: ignore[misc]
    return len(rows)


def look_at_refunds() -> int:
    """Refunds that are promised and not back yet are asked for."""
    rows = Refund.objects.filter(state__in=[RefundState.ASKED, RefundState.SENT])
    return _hand_out(rows, "next_look_at", carry_out_refund)


def look_at_bills() -> int:
    """Bills that should be there are fetched."""
    rows = BillDay.objects.filter(state=BillDayState.AWAITED)
    return _hand_out(rows, "next_look_at", fetch_bill, every=BILLS_EVERY)


def look_at_invoices() -> int:
    """Invoices and red letters that are asked for and not there yet are asked about."""
    return _hand_out(Invoice.objects.all(), "next_look_at", carry_out_invoice)


def look_at_notifications() -> int:
    """Genuine messages that could not be acted upon are tried again."""
    rows = Notification.objects.filter(verified=True, processed_at=None)
    return _hand_out(rows, "next_try_at", process_notification)


def look_at_sandbox() -> int:
    """The sandbox's own patience: it tells again of what was not heard."""
    rows = SandboxTrade.objects.filter(notified_at=None)
    return _hand_out(rows, "next_notify_at", tell_of_sandbox_trade)


def _claimed(rows: QuerySet[M], due_at: str) -> list[M]:
    """Those of these rows that are due, locked; what another worker has is left to it."""
    due = rows.filter(**{f"{due_at}__lte": clock.real()}).order_by(due_at)
    return list(due.select_for_update(no_key=True, skip_locked=True, of=("self",))[:BATCH])


@transaction.atomic
def _hand_out(rows: QuerySet[M], due_at: str, task: Any, *, every: timedelta = CLAIM) -> int:
    """Those of these rows that are due go to the workers, and are due again after `every`; how
    many."""
    claimed = _claimed(rows, due_at)
    for row in claimed:
        setattr(row, due_at, clock.real() + every)
        row.save(update_fields=[due_at])
        transaction.on_commit(partial(task.delay, row.pk))
    return len(claimed)


def match_again() -> int:
    """Nightly: the days of the last weeks are matched anew, as they are known now; how many."""
    since = city_date(clock.real()) - MATCHED_AGAIN
    rows = BillDay.objects.exclude(state=BillDayState.AWAITED).filter(day__gte=since)
    days = list(rows.order_by("day").values_list("pk", flat=True))
    for day in days:
        match_bill.delay(day)
    return len(days)


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
