"""The operator's front page: the day in figures, and five queues with the age of their oldest."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from arrears.models import Debt, Dispute
from arrears.states import DisputeState
from core import clock
from core.models import OutboxDelivery
from devices.models import Command, Device
from devices.states import CommandState
from monthlycard.models import Statement
from monthlycard.states import StatementState
from parking.models import Berth, ParkingSession, ReviewItem
from parking.states import ReviewState
from payments.models import Attempt, OrderItem, Refund
from payments.states import AttemptState, RefundState
from recovery.models import MoveInstruction, RecoveryOrder
from recovery.states import MoveState

DAYS_SHOWN = 14


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a person: how many, since when, and where they are."""

    title: str
    text: str
    count: int
    oldest_at: datetime | None
    url: str
    real: bool = False  # its times are of the wall clock


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback for the front page."""
    context |= {
        "title": _("Today"),
        "day": clock.now(),
        "figures": _figures(),
        "queues": _queues(),
        "money_days": _money_days(),
        "ages": _ages(),
    }
    return context


def _list(name: str, query: str = "") -> str:
    try:
        return reverse(f"admin:{name}_changelist") + query
    except NoReverseMatch:
        return ""


def _midnight() -> datetime:
    return timezone.make_aware(datetime.combine(timezone.localdate(clock.now()), time()))


def _figures() -> list[dict[str, Any]]:
    from core.templatetags.bowei import money

    today = _midnight()
    here = ParkingSession.objects.filter(state=ParkingSession.State.PARKED).count()
    berths = Berth.objects.count()
    taken = OrderItem.objects.filter(order__paid_at__gte=today)
    debts = Debt.objects.filter(state__in=[Debt.State.OPEN, Debt.State.DISPUTED])
    owed = debts.aggregate(fen=Sum("amount_fen"), n=Count("pk"))
    silent = Device.objects.filter(state=Device.State.ACTIVE, silent=True).count()
    return [
        {
            "label": _("Parked now"),
            "value": f"{here} / {berths}",
            "change": _("vehicles in berths"),
            "url": _list("parking_parkingsession", "?state__exact=parked"),
        },
        {
            "label": _("Taken today"),
            "value": money(taken.aggregate(fen=Sum("taken_fen"))["fen"] or 0),
            "change": _("over all merchants"),
            "url": _list("payments_order", "?state__exact=paid"),
        },
        {
            "label": _("Open debts"),
            "value": money(owed["fen"] or 0),
            "change": _("%(n)d stays") % {"n": owed["n"]},
            "url": _list("arrears_debt", "?state__exact=open"),
        },
        {
            "label": _("Locks up"),
            "value": str(RecoveryOrder.objects.filter(state__in=RecoveryOrder.STANDING).count()),
            "change": _("on merchants' own ground"),
            "url": _list("recovery_recoveryorder"),
        },
        {
            "label": _("Devices"),
            "value": str(Device.objects.filter(state=Device.State.ACTIVE).count()),
            "change": _("%(n)d silent") % {"n": silent},
            "url": _list("devices_device"),
        },
    ]


def _counted(rows: QuerySet[Any], at: str) -> tuple[int, datetime | None]:
    found = rows.aggregate(n=Count("pk"), oldest=Min(at))
    return found["n"], found["oldest"]


def _queues() -> list[Queue]:
    reviews = _counted(ReviewItem.objects.filter(state=ReviewState.OPEN), "opened_at")
    disputes = _counted(Dispute.objects.filter(state=DisputeState.OPEN), "opened_at")
    differences = _counted(Statement.objects.filter(state=StatementState.DISPUTED), "made_at")
    return [
        Queue(
            _("Reviews"),
            _("readings and stays that a machine may not decide"),
            *reviews,
            _list("parking_reviewitem", "?state__exact=open"),
        ),
        Queue(
            _("Disputes"),
            _("owners who object; their debts are held until an answer"),
            *disputes,
            _list("arrears_dispute", "?state__exact=open"),
        ),
        _stuck_money(),
        _alarms(),
        Queue(
            _("Differences"),
            _("statements on which a lot and the platform disagree"),
            *differences,
            _list("monthlycard_statement", "?state__exact=disputed"),
        ),
    ]


def _stuck_money() -> Queue:
    """Outcomes that nobody knows, refunds that failed, reactions that were put aside."""
    parts: list[tuple[int, datetime | None, str]] = [
        (
            *_counted(Attempt.objects.filter(state=AttemptState.UNKNOWN), "created_at"),
            "payments_attempt",
        ),
        (*_counted(Refund.objects.filter(state=RefundState.FAILED), "asked_at"), "payments_refund"),
        (
            *_counted(
                OutboxDelivery.objects.filter(state=OutboxDelivery.State.PARKED),
                "event__occurred_at",
            ),
            "core_outboxdelivery",
        ),
    ]
    text = _("unknown payments, failed refunds, steps put aside")
    return _joined(_("Stuck money"), text, parts)


def _alarms() -> Queue:
    """Devices that fell silent, locks that did not obey today, locks that nobody has fetched."""
    silent = Device.objects.filter(state=Device.State.ACTIVE, silent=True)
    failed = Command.objects.filter(
        Q(action="LowerLock") | Q(action="RaiseLock"),
        state__in=[CommandState.FAILED, CommandState.EXPIRED],
        created_at__gte=clock.real() - timedelta(days=1),
    )
    parts: list[tuple[int, datetime | None, str]] = [
        (*_counted(failed, "created_at"), "devices_command"),
        (*_counted(silent, "last_heard_at"), "devices_device"),
    ]
    forgotten = MoveInstruction.objects.filter(state=MoveState.OPEN, alarm_at__isnull=False).count()
    if forgotten:
        parts.insert(0, (forgotten, None, "recovery_moveinstruction"))
    return _joined(_("Alarms"), _("silent devices, locks that did not obey"), parts, real=True)


def _joined(
    title: str, text: str, parts: list[tuple[int, datetime | None, str]], real: bool = False
) -> Queue:
    times = [oldest for _n, oldest, _name in parts if oldest]
    first = next((name for n, _oldest, name in parts if n), parts[-1][2])
    return Queue(
        title, text, sum(n for n, *_rest in parts), min(times, default=None), _list(first), real
    )


def _bars(rows: list[tuple[str, int]], shown: Callable[[int], str]) -> list[dict[str, Any]]:
    """Rows with the height of their bar in per cent of the greatest."""
    most = max((value for _name, value in rows), default=0) or 1
    return [
        {"name": name, "value": shown(value), "height": round(value * 100 / most)}
        for name, value in rows
    ]


def _money_days() -> list[dict[str, Any]]:
    """Money by day of the last two weeks, in the city's days."""
    from core.templatetags.bowei import day, money

    first = _midnight() - timedelta(days=DAYS_SHOWN - 1)
    rows = (
        OrderItem.objects.filter(order__paid_at__gte=first)
        .values(date=TruncDate("order__paid_at"))
        .annotate(fen=Sum("taken_fen"))
        .order_by()
    )
    sums = {(first + timedelta(days=n)).date(): 0 for n in range(DAYS_SHOWN)}
    sums |= {row["date"]: row["fen"] for row in rows if row["date"] in sums}
    return _bars([(day(date), fen) for date, fen in sums.items()], money)


def _ages() -> list[dict[str, Any]]:
    """Open debts by age."""
    from core.templatetags.bowei import money

    now = clock.now()
    limits = [(7, _("to 7 days")), (30, _("to 30 days")), (90, _("to 90 days"))]
    rows: list[tuple[str, int]] = []
    younger = now + timedelta(days=1)
    open_debts = Debt.objects.filter(state__in=[Debt.State.OPEN, Debt.State.DISPUTED])
    for days, name in limits:
        edge = now - timedelta(days=days)
        part = open_debts.filter(opened_at__gte=edge, opened_at__lt=younger)
        rows.append((name, part.aggregate(fen=Sum("amount_fen"))["fen"] or 0))
        younger = edge
    rest = open_debts.filter(opened_at__lt=younger)
    rows.append((_("older"), rest.aggregate(fen=Sum("amount_fen"))["fen"] or 0))
    return _bars(rows, money)
