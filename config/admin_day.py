"""The operator's front page: the day in figures, and what waits for a person."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Sum
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.guards import tell_answers
from arrears.models import Debt
from config.desk_queues import QUEUES, Waiting
from core import clock
from devices.models import Device
from parking import services as parking
from parking.models import Berth, ParkingSession
from payments import selectors as payments
from recovery.models import RecoveryOrder

DAYS_SHOWN = 14
LOCKS_UP = {"lock_position__exact": "raised"}  # as the locks themselves have said it last


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback for the front page."""
    tell_answers(request)
    context |= {
        "title": _("Today"),
        "day": clock.now(),
        "figures": _figures(),
        "queues": [*(queue.now() for queue in QUEUES), *_days_to_enter()],
        "money_days": _money_days(),
        "ages": _ages(),
    }
    return context


def _days_to_enter() -> list[Waiting]:
    """The year whose holidays nobody has entered, in good time before it begins."""
    year = parking.unknown_soon()
    if year is None:
        return []
    return [
        Waiting(
            title=_("Holidays of %(year)s") % {"year": year},
            text=_("nobody has entered them; days that the law does not fix are guessed"),
            count=1,
            oldest_at=None,
            url=reverse("admin:parking_holidayyear_add"),
            real=False,
        )
    ]


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
            "label": _("Earned today"),
            "value": money(payments.earned_fen(None, since=today, until=today + timedelta(days=1))),
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
            "value": str(RecoveryOrder.objects.filter(**LOCKS_UP).count()),
            "change": _("on merchants' own ground"),
            "url": _list("recovery_recoveryorder", f"?{urlencode(LOCKS_UP)}"),
        },
        {
            "label": _("Devices"),
            "value": str(Device.objects.filter(state=Device.State.ACTIVE).count()),
            "change": _("%(n)d silent") % {"n": silent},
            "url": _list("devices_device"),
        },
    ]


def _bars(rows: list[tuple[str, int]], shown: Callable[[int], str]) -> list[dict[str, Any]]:
    """Rows with the height of their bar in per cent of the greatest."""
    most = max((value for _name, value in rows), default=0) or 1
    return [
        {"name": name, "value": shown(value), "height": round(value * 100 / most)}
        for name, value in rows
    ]


def _money_days() -> list[dict[str, Any]]:
    """What was earned on each day of the last two weeks, in the city's days."""
    from core.templatetags.bowei import day, money

    first = _midnight() - timedelta(days=DAYS_SHOWN - 1)
    rows = payments.earned_by_day(since=first, until=first + timedelta(days=DAYS_SHOWN))
    sums = {(first + timedelta(days=n)).date(): 0 for n in range(DAYS_SHOWN)}
    sums |= {date: fen for date, fen in rows.items() if date in sums}
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
