"""What waits for the operator: each queue of the front page in one declaration.

A part names rows by the conditions with which its list in the desk is opened, so that what is
counted is what the list shows (tests/pages/test_desk_queues.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Model, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Proposal
from arrears.models import Debt, Dispute, ExemptVehicle, Look
from core import clock
from core.models import AuditEntry, Outage, OutboxDelivery
from devices.models import Command, Device
from monthlycard.models import CardObjection, Statement
from parking.models import (
    CameraTrust,
    CloneCase,
    ParkingSession,
    Permit,
    ReviewItem,
    SignReport,
)
from payments import selectors as payments
from payments.models import BillDay, BillDifference, Invoice, Payout
from recovery.models import MoveInstruction, RecoveryOrder

LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QueuePart:
    """Rows of one model that wait for a person."""

    model: type[Model]
    where: Mapping[str, Any]
    since: str = ""  # the column that says since when; "": nobody is told
    lately: str = ""  # a column of real time: rows of the last day alone

    def conditions(self) -> dict[str, Any]:
        """Which rows wait, at this moment."""
        lately = {f"{self.lately}__gte": clock.real() - LATELY} if self.lately else {}
        return {**self.where, **lately}

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.filter(**self.conditions())

    @property
    def url(self) -> str:
        """The list of these rows in the desk; "" where the desk has none of the model."""
        try:
            place = reverse(f"admin:{self.model._meta.label_lower.replace('.', '_')}_changelist")
        except NoReverseMatch:
            return ""
        query = {name: _in_address(value) for name, value in self.conditions().items()}
        return f"{place}?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue as it stands: how many wait, since when, and where to begin."""

    title: str
    text: str
    count: int
    oldest_at: datetime | None
    url: str
    real: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a person; its link leads to the first part with rows that has a list."""

    title: Any  # lazily translated, as `text`
    text: Any
    parts: list[QueuePart] = field(default_factory=list)
    real: bool = False  # its times are of the wall clock

    def now(self) -> Waiting:
        """Counted at this moment; a query a part."""
        counts: list[int] = []
        times: list[datetime] = []
        for part in self.parts:
            found = part.rows().aggregate(
                n=Count("pk"), oldest=Min(part.since) if part.since else Count("pk")
            )
            counts.append(found["n"])
            if part.since and found["oldest"]:
                times.append(found["oldest"])
        urls = [part.url for part, n in zip(self.parts, counts, strict=True) if n and part.url]
        return Waiting(
            title=str(self.title),
            text=str(self.text),
            count=sum(counts),
            oldest_at=min(times, default=None),
            url=urls[0] if urls else self.parts[-1].url,
            real=self.real,
        )


def _in_address(value: Any) -> str:
    """A value as the desk's lists read it from their address."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list):
        return ",".join(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


QUEUES = [
    Queue(
        _("Reviews"),
        _("readings and stays that a machine may not decide"),
        [QueuePart(ReviewItem, {"state": ReviewItem.State.OPEN}, since="opened_at")],
    ),
    Queue(
        _("Copied plates"),
        _("plates that two vehicles seem to carry; every stay of theirs waits"),
        [QueuePart(CloneCase, {"state": list(CloneCase.LIVE)}, since="opened_at")],
    ),
    Queue(
        _("Before a demand"),
        _("debts whose picture and times nobody has seen; nobody is asked before"),
        [
            QueuePart(
                Look,
                {"state": Look.State.WAITING, "debt__state": Debt.State.OPEN},
                since="opened_at",
            )
        ],
    ),
    Queue(
        _("Disputes"),
        _("owners who object; their debts are held until an answer"),
        [
            QueuePart(Dispute, {"state": Dispute.State.OPEN}, since="opened_at"),
            QueuePart(CardObjection, {"state": CardObjection.State.OPEN}, since="opened_at"),
        ],
    ),
    Queue(
        _("Second person"),
        _("acts that one person has proposed and another must agree to"),
        [
            QueuePart(Proposal, {"state__exact": Proposal.State.ASKED}, since="asked_at"),
            QueuePart(ExemptVehicle, {"state__exact": ExemptVehicle.State.ASKED}, since="asked_at"),
            QueuePart(Permit, {"state__exact": Permit.State.ASKED}, since="asked_at"),
        ],
    ),
    Queue(
        _("Stuck money"),
        _("payments and refunds that go no further by themselves, steps put aside"),
        [
            *(
                QueuePart(model, where, since="person_since")
                for model, where in payments.OPERATORS.items()
            ),
            QueuePart(Invoice, {"next_look_at__isnull": False, "looks__gte": 12}, since="asked_at"),
            QueuePart(
                OutboxDelivery, {"state": OutboxDelivery.State.PARKED}, since="event__occurred_at"
            ),
        ],
    ),
    Queue(
        _("Bills of providers"),
        _("bills that are missing, and what in them differs from our books"),
        [
            QueuePart(BillDay, {"person_since__isnull": False}, since="person_since"),
            QueuePart(
                BillDifference, {"state__exact": BillDifference.State.OPEN}, since="found_at"
            ),
        ],
    ),
    Queue(
        _("Payouts"),
        _("payouts that wait to be approved or sent, or that failed or came back"),
        [
            QueuePart(Payout, {"state__exact": state}, since="drawn_at")
            for state in (
                Payout.State.DRAWN,
                Payout.State.APPROVED,
                Payout.State.FAILED,
                Payout.State.RETURNED,
            )
        ],
    ),
    Queue(
        _("Strange codes"),
        _("codes on the street that somebody should look at; drivers may pay a forger by them"),
        [QueuePart(SignReport, {"state": SignReport.State.OPEN}, since="told_at")],
    ),
    Queue(
        _("Alarms"),
        _("outages, silent devices, cameras that misread, locks that did not obey"),
        [
            QueuePart(Outage, {"ended_at__isnull": True}),  # business time, as of the next
            # Locks that nobody has fetched: business time, which has no age beside real times.
            QueuePart(
                MoveInstruction,
                {"state": MoveInstruction.State.OPEN, "alarm_at__isnull": False},
            ),
            # Locks that are up where they should not be, or do not obey: business time as well.
            QueuePart(
                RecoveryOrder,
                {
                    "problem__in": ["late", "left", "another_vehicle", "up_again", "jammed"],
                    "state__in": [*RecoveryOrder.ENDING, RecoveryOrder.State.LOWERED],
                },
            ),
            # Cameras that read too many plates wrong: business time as well.
            QueuePart(CameraTrust, {"state": CameraTrust.State.STOPPED}),
            QueuePart(
                Command,
                {
                    "action__in": ["LowerLock", "RaiseLock"],
                    "state__in": [Command.State.FAILED, Command.State.EXPIRED],
                },
                since="created_at",
                lately="created_at",
            ),
            QueuePart(
                Device, {"state": Device.State.ACTIVE, "silent": True}, since="last_heard_at"
            ),
        ],
        real=True,
    ),
    Queue(
        _("Differences"),
        _("statements on which a lot and the platform disagree"),
        [QueuePart(Statement, {"state": Statement.State.DISPUTED}, since="made_at")],
    ),
    Queue(
        _("Vehicles without a price"),
        _("stand on sections whose tariff has no version; they are free until it has one"),
        [
            QueuePart(
                ParkingSession,
                {"state__exact": ParkingSession.State.PARKED, "tariff_version__isnull": True},
                since="arrived_at",
            )
        ],
    ),
    Queue(
        _("Log-ins refused"),
        _("in the last day; many of one network or name are somebody guessing"),
        [QueuePart(AuditEntry, {"action__exact": "log-in refused"}, lately="recorded_at")],
        real=True,
    ),
]
