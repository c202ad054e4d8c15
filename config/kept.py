"""What is kept for a time: kind, why, by which law, how long, from when, and what holds it longer.

The one table of retention. What has no line stays: the books for the
years that their law says, the audit trail as the proof of everything else.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from accounts.keys import Visit
from accounts.models import DataRequest, LoginCode, PlateHolding, SmsMessage, SmsReceipt, SmsReply
from accounts.own_data import forget_files
from accounts.states import HoldingState, SmsState
from arrears.models import CallNote, Debt, Demand, Dispute
from arrears.states import DisputeState
from core import clock, images
from core.models import IdempotencyKey, OutboxDelivery, OutboxEvent, StoredImage
from core.retention import Kind
from devices.models import DeviceMessage, MessageReceipt
from devices.services.liveness import REMEMBERED
from monthlycard.models import Card, CardObjection, Question
from parking.models import (
    ParkingSession,
    PlateReading,
    Prepayment,
    ReadingJudgement,
    ReviewItem,
    Sighting,
    SignDoubt,
    SignReport,
)
from parking.services.signs import DOUBTS_DAYS
from parking.states import ReviewState, SignReportState, StayState
from payments.models import BillEntry, Introduction, Notification
from payments.tasks import INTRODUCTIONS_DAYS
from recovery.models import EvidencePhoto, RecoveryOrder

PAID_DAYS, NOBODYS_DAYS, SIGHTING_DAYS = 60, 30, 180
LICENCE_DAYS, RECOVERY_DAYS, REPORT_DAYS = 90, 180, 30
PIPL_19 = _("PIPL art. 19: no longer than needed")
EVIDENCE = _("evidence of a fee, for whoever pays and whoever asks (PIPL art. 13 (2))")
BOOKS = _("Accounting Law art. 23: ten years")


# ── What still needs a photograph ─────────────────────────────────────────────────────────────
def _before(days: int) -> Any:
    return clock.now() - timedelta(days=days)


def _held_stays() -> Any:
    """Stays that a debt, an objection, a question or a lock still needs; by their own key."""
    lately = _before(PAID_DAYS)
    debts = Debt.objects.filter(stay=OuterRef("pk"))
    said = Dispute.objects.filter(stays=OuterRef("pk"))
    asked = ReviewItem.objects.filter(stay=OuterRef("pk"), state=ReviewState.OPEN)
    locks = RecoveryOrder.objects.filter(stay=OuterRef("pk"), state__in=RecoveryOrder.OPEN)
    return (
        ~Q(state__in=[StayState.SETTLED, StayState.VOID])
        | Exists(debts.filter(Q(state__in=Debt.LIVE) | Q(ended_at__gte=lately)))
        | Exists(said.filter(Q(state=DisputeState.OPEN) | Q(decided_at__gte=lately)))
        | Exists(asked)
        | Exists(locks)
    )


def _free_stays(days: int) -> QuerySet[ParkingSession]:
    """Stays that were over and settled so many days ago, and that nothing needs any more."""
    over = Greatest("left_at", Coalesce("settled_at", "left_at"))
    return (
        ParkingSession.objects.filter(left_at__lt=_before(days))
        .annotate(over_at=over)
        .filter(over_at__lt=_before(days))
        .exclude(_held_stays())
    )


def _free_sightings(of_stays: int, nobodys: int) -> Any:
    """Sightings whose stay is free, or that are nobody's, after so many days, and unquestioned."""
    asked = ReviewItem.objects.filter(sighting=OuterRef("pk"), state=ReviewState.OPEN)
    free = Q(stay__in=_free_stays(of_stays)) | Q(stay=None, received_at__lt=_before(nobodys))
    return free & ~Exists(asked)


def _held_reports() -> Any:
    """Reports of codes that nobody has dealt with, or so lately that the police may ask."""
    return Q(state=SignReportState.OPEN) | Q(done_at__gte=_before(REPORT_DAYS))


def _unneeded_pictures(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Photographs that nothing needs which refers to them, whatever else does."""
    here = OuterRef("pk")
    seen = Sighting.objects.filter(image_sha=here)
    claims = PlateHolding.objects.filter(evidence=here)
    cards = Card.objects.filter(evidence_sha=here)
    steps = EvidencePhoto.objects.filter(sha256=here)
    demands = Demand.objects.filter(evidence=here)
    reports = SignReport.objects.filter(image_sha=here)
    licence, lock = _before(LICENCE_DAYS), _before(RECOVERY_DAYS)
    needs = (
        seen.exclude(_free_sightings(PAID_DAYS, NOBODYS_DAYS)),
        claims.filter(Q(state=HoldingState.CLAIMED) | Q(claimed_at__gte=licence)),
        cards.filter(Q(state=Card.State.APPLIED) | Q(applied_at__gte=licence)),
        steps.filter(Q(order__state__in=RecoveryOrder.OPEN) | Q(order__ended_at__gte=lock)),
        steps.filter(order__ended_at=None),
        demands.filter(Q(debts__state__in=Debt.LIVE) | Q(debts__ended_at__gte=_before(PAID_DAYS))),
        reports.filter(_held_reports()),
    )
    for need in needs:
        rows = rows.exclude(Exists(need))
    return rows


def _pictures(rows: QuerySet[Any]) -> Callable[[], QuerySet[StoredImage]]:
    return lambda: StoredImage.objects.filter(Exists(rows))


def _erase_sightings(keys: list[int]) -> None:
    """With what was read in them and asked about them."""
    ReadingJudgement.objects.filter(sighting__in=keys).delete()
    PlateReading.objects.filter(sighting__in=keys).delete()
    ReviewItem.objects.filter(sighting__in=keys).delete()
    Sighting.objects.filter(pk__in=keys).delete()


def _without_places(keys: list[int]) -> None:
    Prepayment.objects.filter(pk__in=keys).update(latitude=None, longitude=None)


def _erase_pictures_of_reports(keys: list[str]) -> None:
    """No report names a photograph that is gone."""
    images.forget(keys)
    SignReport.objects.filter(image_sha__in=keys).update(image_sha="")


def _reports_from_somewhere() -> QuerySet[SignReport]:
    return SignReport.objects.exclude(latitude=None, longitude=None, network="")


def _reports_from_nowhere(keys: list[int]) -> None:
    SignReport.objects.filter(pk__in=keys).update(latitude=None, longitude=None, network="")


def _finished_events() -> QuerySet[OutboxEvent]:
    waiting = OutboxDelivery.objects.filter(event=OuterRef("pk"))
    return OutboxEvent.objects.filter(~Exists(waiting))


HERE = OuterRef("pk")
KINDS: list[Kind] = [
    Kind(
        name="photographs",
        what=_("photographs of vehicles at berths, and their covered copies"),
        why=EVIDENCE,
        basis=PIPL_19,
        since=_("from when they came; a stay's: 60 days after it was paid and all questions over"),
        days=NOBODYS_DAYS,
        moment="created_at",
        rows=_pictures(Sighting.objects.filter(image_sha=HERE)),
        unneeded=_unneeded_pictures,
        erase=images.forget,
        real=True,
    ),
    Kind(
        name="licences",
        what=_("photographs of vehicle licences"),
        why=_("to show that a plate is somebody's"),
        basis=PIPL_19,
        since=_("from the claim; longer while it waits for a person"),
        days=LICENCE_DAYS,
        moment="created_at",
        rows=lambda: StoredImage.objects.filter(
            Exists(PlateHolding.objects.filter(evidence=HERE))
            | Exists(Card.objects.filter(evidence_sha=HERE))
        ),
        unneeded=_unneeded_pictures,
        erase=images.forget,
        real=True,
    ),
    Kind(
        name="recovery photographs",
        what=_("photographs of a lock's steps and of paper notices"),
        why=EVIDENCE,
        basis=PIPL_19,
        since=_("from when they came; longer until the lock's order has been over as long"),
        days=RECOVERY_DAYS,
        moment="created_at",
        rows=lambda: StoredImage.objects.filter(
            Exists(EvidencePhoto.objects.filter(sha256=HERE))
            | Exists(Demand.objects.filter(evidence=HERE))
        ),
        unneeded=_unneeded_pictures,
        erase=images.forget,
        real=True,
    ),
    Kind(
        name="photographs of codes",
        what=_("photographs of codes that look strange"),
        why=_("to find a forged code, and to show it to the police"),
        basis=PIPL_19,
        since=_("from when they came; longer until the report has been dealt with as long"),
        days=REPORT_DAYS,
        moment="created_at",
        rows=_pictures(SignReport.objects.filter(image_sha=HERE)),
        unneeded=_unneeded_pictures,
        erase=_erase_pictures_of_reports,
        real=True,
    ),
    Kind(
        name="sightings",
        what=_("which vehicle was photographed where and when, and what was read"),
        why=EVIDENCE,
        basis=_("PIPL art. 19 and 28: whereabouts are sensitive"),
        since=_("from the photograph; longer while the stay is unpaid or in question"),
        days=SIGHTING_DAYS,
        moment="received_at",
        rows=Sighting.objects.all,
        unneeded=lambda rows: rows.filter(_free_sightings(SIGHTING_DAYS, SIGHTING_DAYS)),
        erase=_erase_sightings,
    ),
    Kind(
        name="places of telephones",
        what=_("where a telephone was when its owner paid ahead"),
        why=_("to offer the berths nearby"),
        basis=_("consent of who sent it (PIPL art. 29)"),
        since=_("from paying ahead"),
        days=7,
        moment="created_at",
        rows=lambda: Prepayment.objects.exclude(latitude=None),
        erase=_without_places,
    ),
    Kind(
        name="places of reports",
        what=_("where a telephone was when its owner told of a code, and from which network"),
        why=_("to find a forged code, and to show it to the police"),
        basis=_("consent of who sent it (PIPL art. 29)"),
        since=_("from the report; longer until it has been dealt with as long"),
        days=REPORT_DAYS,
        moment="told_at",
        rows=_reports_from_somewhere,
        unneeded=lambda rows: rows.exclude(_held_reports()),
        erase=_reports_from_nowhere,
    ),
    Kind(
        name="doubts of codes",
        what=_("which networks said that another vehicle stands at a code"),
        why=_("to notice a code that hangs in two places"),
        basis=PIPL_19,
        since=_("from when it was said"),
        days=DOUBTS_DAYS,
        moment="at",
        rows=SignDoubt.objects.all,
        real=True,
    ),
    Kind(
        name="texts",
        what=_("text messages: to whom, what they said, what came back"),
        why=_("to show that somebody was told"),
        basis=PIPL_19,
        since=_("from the message"),
        days=settings.BOWEI_KEEP_TEXTS_DAYS,
        moment="created_at",
        rows=lambda: SmsMessage.objects.exclude(state=SmsState.QUEUED),
    ),
    Kind(
        name="receipts of texts",
        what=_("receipts of text messages"),
        why=_("to show that somebody was told"),
        basis=PIPL_19,
        since=_("from the receipt"),
        days=settings.BOWEI_KEEP_TEXTS_DAYS,
        moment="at",
        rows=SmsReceipt.objects.all,
        real=True,
    ),
    Kind(
        name="replies",
        what=_("what people answered to texts"),
        why=_("to obey it"),
        basis=PIPL_19,
        since=_("from the answer"),
        days=settings.BOWEI_KEEP_TEXTS_DAYS,
        moment="received_at",
        rows=SmsReply.objects.all,
    ),
    Kind(
        name="words of callers",
        what=_("what people said on the phone about a stay or a payment"),
        why=_("so that they need not say it twice"),
        basis=PIPL_19,
        since=_("from the call; longer while the stay is unpaid or in question"),
        days=SIGHTING_DAYS,
        moment="taken_at",
        rows=CallNote.objects.all,
        unneeded=lambda rows: rows.exclude(
            stay__in=ParkingSession.objects.filter(_held_stays(), pk=OuterRef("stay"))
        ),
    ),
    Kind(
        name="codes",
        what=_("codes to log in with"),
        why=_("to know who logs in"),
        basis=PIPL_19,
        since=_("from when they stop to count"),
        days=1,
        moment="expires_at",
        rows=LoginCode.objects.all,
        real=True,
    ),
    Kind(
        name="sessions",
        what=_("log-ins of browsers"),
        why=_("to stay logged in"),
        basis=PIPL_19,
        since=_("from when they end"),
        days=1,
        moment="expire_date",
        rows=Visit.objects.all,
        real=True,
    ),
    Kind(
        name="questions of lots",
        what=_("which vehicle asked to pass a gate, and when"),
        why=_("to settle what a card pays"),
        basis=_("PIPL art. 19 and 28: whereabouts are sensitive"),
        since=_("from the question"),
        days=PAID_DAYS + NOBODYS_DAYS,
        moment="asked_at",
        rows=Question.objects.all,
        unneeded=lambda rows: rows.exclude(
            Exists(
                CardObjection.objects.filter(card=OuterRef("card"), state=CardObjection.State.OPEN)
            )
        ),
    ),
    Kind(
        name="events",
        what=_("what happened, once everything has followed from it"),
        why=_("so that nothing is done twice or lost"),
        basis=PIPL_19,
        since=_("from the event"),
        days=settings.BOWEI_KEEP_EVENTS_DAYS,
        moment="created_at",
        rows=_finished_events,
        real=True,
    ),
    Kind(
        name="messages of devices",
        what=_("raw messages of sensors, cameras, handhelds and locks"),
        why=_("to find out why a stay was told so"),
        basis=PIPL_19,
        since=_("from the message"),
        days=settings.BOWEI_KEEP_MESSAGES_DAYS,
        moment="received_real_at",
        rows=DeviceMessage.objects.all,
        real=True,
    ),
    Kind(
        name="receipts of devices",
        what=_("which messages of devices were answered, and how"),
        why=_("so that a message that comes twice counts once"),
        basis=PIPL_19,
        since=_("from the message"),
        days=REMEMBERED.days,
        moment="at",
        rows=MessageReceipt.objects.all,
        real=True,
    ),
    Kind(
        name="files of own data",
        what=_("files of everything about a person, until they fetch it"),
        why=_("to give it to them"),
        basis=_("PIPL art. 45"),
        since=_("from when it can't be fetched any more"),
        days=1,
        moment="file_until",
        rows=lambda: DataRequest.objects.exclude(file_key=""),
        erase=forget_files,
        real=True,
    ),
    Kind(
        name="answers",
        what=_("answers to requests that may come twice"),
        why=_("so that they count once"),
        basis=PIPL_19,
        since=_("from the answer"),
        days=30,
        moment="created_at",
        rows=IdempotencyKey.objects.all,
        real=True,
    ),
    Kind(
        name="introductions",
        what=_("that an app was asked whom it pays for, for which order and browser"),
        why=_("so that nobody goes on with the payment of another"),
        basis=PIPL_19,
        since=_("from the question"),
        days=INTRODUCTIONS_DAYS,
        moment="asked_at",
        rows=Introduction.objects.all,
        real=True,
    ),
    Kind(
        name="notifications",
        what=_("payment providers' raw messages"),
        why=_("vouchers of the books"),
        basis=BOOKS,
        since=_("from the message"),
        days=settings.BOWEI_KEEP_NOTIFICATIONS_DAYS,
        moment="received_at",
        rows=Notification.objects.all,
        real=True,
    ),
    Kind(
        name="bills",
        what=_("rows of payment providers' bills, without what they say of payers"),
        why=_("vouchers of the books"),
        basis=BOOKS,
        since=_("from the payment"),
        days=settings.BOWEI_KEEP_NOTIFICATIONS_DAYS,
        moment="at",
        rows=BillEntry.objects.all,
        real=True,
    ),
]
