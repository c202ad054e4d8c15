"""Cameras whose readings turn out wrong too often stop billing by themselves (docs/parking.md).

A reading is judged by whoever says which plate its photograph shows: a person, or two voices that
contradict it. Each night some settled readings are drawn by chance for a person to read again, so
that the figure is not of doubtful ones alone.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from core import clock
from core.errors import Missing
from core.transition import transition
from parking.models import (
    CameraTrust,
    PlateReading,
    ReadingJudgement,
    ReviewItem,
    Section,
    Sighting,
)
from parking.rules import accuracy
from parking.rules.accuracy import Judged
from parking.rules.votes import SURE
from parking.services.reviews import open_review
from parking.states import CameraState, SightingState

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.accuracy"
WINDOW = timedelta(days=30)
SAMPLES_A_NIGHT = 20  # of one merchant, whose people look


def bills(device_id: int | None) -> bool:
    """Whether this device's sure readings settle a plate without a person."""
    stopped = CameraTrust.objects.filter(device=device_id, state=CameraState.STOPPED)
    return device_id is None or not stopped.exists()


def stopped_among(device_ids: set[int]) -> set[int]:
    """Those of these devices that were stopped."""
    rows = CameraTrust.objects.filter(device__in=device_ids, state=CameraState.STOPPED)
    return set(rows.values_list("device_id", flat=True))


def was_sure(reading: PlateReading) -> bool:
    """Whether a reading would settle a plate by itself, if its camera may."""
    return bool(reading.confident and reading.candidates) and (
        reading.candidates[0]["probability"] >= SURE
    )


@transaction.atomic
def judge(reading: PlateReading, *, right: bool, by: str) -> None:
    """This reading turned out right or wrong; a doubtful one says nothing of what bills."""
    sighting = reading.sighting
    if sighting.device_id is None or not was_sure(reading):
        return
    trust = _trust(sighting.device_id)
    drawn = ReviewItem.objects.filter(sighting=sighting, kind=ReviewItem.Kind.SAMPLE).exists()
    ReadingJudgement.objects.update_or_create(
        sighting=sighting,
        defaults={
            "device_id": sighting.device_id,
            "read_at": sighting.occurred_at,
            "right": right,
            "drawn": drawn or trust.state == CameraState.STOPPED,
            "judged_by": by,
            "judged_at": clock.now(),
        },
    )
    _consider(trust)


@transaction.atomic
def forget(sighting: Sighting) -> None:
    """What was said of this photograph was taken back."""
    ReadingJudgement.objects.filter(sighting=sighting).delete()


def known_of(trust: CameraTrust) -> Judged:
    """What is known of a camera's sure readings since it is counted, a month back at most."""
    since = max(trust.counted_from, clock.now() - WINDOW)
    said = ReadingJudgement.objects.filter(device=trust.device_id, read_at__gte=since)
    drawn = said.filter(drawn=True)
    made = PlateReading.objects.filter(
        sighting__device=trust.device_id, sighting__occurred_at__gte=since, confident=True
    )
    return Judged(
        made=made.count(),
        wrong=said.filter(right=False).count(),
        sampled=drawn.count(),
        right=drawn.filter(right=True).count(),
    )


def _trust(device_id: int) -> CameraTrust:
    now = clock.now()
    row, _created = CameraTrust.objects.get_or_create(
        device_id=device_id, defaults={"counted_from": now - WINDOW, "changed_at": now}
    )
    return row


def _consider(trust: CameraTrust) -> None:
    known, bills_now = known_of(trust), trust.state == CameraState.BILLS
    words = _in_words(known)
    if bills_now and accuracy.falls(known, bar=trust.bar):
        _move(trust, CameraState.STOPPED, actor=SYSTEM, reason=words)
        log.warning("parking.camera_stopped device=%s of=%s", trust.device_id, known.made)
    elif not bills_now and accuracy.recovers(known, bar=trust.bar):
        _move(trust, CameraState.BILLS, actor=SYSTEM, reason=words)
        log.info("parking.camera_bills_again device=%s of=%s", trust.device_id, known.made)


def _in_words(known: Judged) -> str:
    return f"made={known.made} wrong={known.wrong} sampled={known.sampled} right={known.right}"


def _move(trust: CameraTrust, target: CameraState, *, actor: str, reason: str) -> bool:
    """What it read before counts no more: what it reads from now on says whether it goes on."""
    now = clock.now()
    moved = transition(
        trust,
        source=[one for one in CameraState if one != target],
        target=target,
        actor=actor,
        reason=reason,
        changed_at=now,
        counted_from=now,
    )
    return bool(moved)


@transaction.atomic
def set_billing(*, trust_id: int, bill: bool, actor: str, reason: str) -> bool:
    """A person lets a camera bill again (it was cleaned), or stops it. Raises Missing."""
    trust = CameraTrust.objects.filter(pk=trust_id).first()
    if trust is None:
        raise Missing()
    target = CameraState.BILLS if bill else CameraState.STOPPED
    return _move(trust, target, actor=actor, reason=reason)


# ── Samples ──────────────────────────────────────────────────────────────────────────────────
def draw_samples() -> int:
    """Once a night: some of the day's readings that settled a plate by themselves, by chance, for a
    person to read again; those cameras first that waited longest. How many were drawn."""
    merchants = Section.objects.order_by("merchant").values_list("merchant_id", flat=True)
    return sum(_draw_of(merchant_id) for merchant_id in merchants.distinct())


@transaction.atomic
def _draw_of(merchant_id: int) -> int:
    settled = _settled_lately(merchant_id)
    device_ids = set(settled.values_list("device_id", flat=True).distinct())
    known = dict(
        CameraTrust.objects.filter(device__in=device_ids).values_list("device_id", "sampled_at")
    )
    never = clock.now() - timedelta(days=36500)
    turn = sorted(device_ids, key=lambda pk: (known.get(pk) or never, pk))
    drawn = 0
    for device_id in turn[:SAMPLES_A_NIGHT]:
        sighting = settled.filter(device=device_id).order_by("?").first()
        if sighting is None:
            continue
        trust = _trust(device_id)
        CameraTrust.objects.filter(pk=trust.pk).update(sampled_at=clock.now())
        open_review(
            kind=ReviewItem.Kind.SAMPLE,
            why="sample",
            merchant_id=merchant_id,
            sighting=sighting,
        )
        drawn += 1
    return drawn


def _settled_lately(merchant_id: int) -> QuerySet[Sighting]:
    rows = Sighting.objects.filter(
        merchant_id=merchant_id,
        occurred_at__gte=clock.now() - timedelta(days=1),
        state=SightingState.SETTLED,
        settled_by="system:parking.reader",
        device__isnull=False,
    )
    return rows.exclude(purpose=Sighting.Purpose.LEAVING)
