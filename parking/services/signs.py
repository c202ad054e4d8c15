"""The codes on the street: printed, and noticed where one hangs that should not.

A forged code leads elsewhere and is never seen by us, but by people, who can say so. One of ours
that was copied to another berth is seen: who scans it finds a stranger's vehicle and says that it
is not theirs, or stands, by the position that they chose to give, far from where it belongs.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import selectors as people
from core import audit, clock, images, limits, paper, personal, retention
from core.errors import Invalid
from core.transition import transition
from parking.errors import NoBerth
from parking.links import berth_url
from parking.models import Berth, SignDoubt, SignReport
from parking.rules.candidates import distance_m
from parking.states import SignReportState

FAR_M = 300  # positions of phones are that wrong between high houses
VOICES, WITHIN = 2, timedelta(hours=24)  # networks that doubt one code
DOUBTS_DAYS = 7


def print_signs(berths: Sequence[Berth], *, actor: str) -> bytes:
    """The sheets of these berths' codes, as they are now; who printed them stands in the trail.

    Raises Invalid for none or too many at once, NoFont.
    """
    if not berths:
        raise Invalid("no_berths", _("Choose at least one berth."))
    if len(berths) > paper.MOST:
        raise Invalid(
            "too_many_berths",
            _("Choose at most %(most)s berths at a time.") % {"most": paper.MOST},
        )
    printed = paper.sheets([_sign(berth) for berth in berths])
    with transaction.atomic():
        for section in {berth.section_id: berth.section for berth in berths}.values():
            mine = [berth.pk for berth in berths if berth.section_id == section.pk]
            audit.record(section, "signs_printed", actor=actor, berths=mine)
    return printed


def print_counter_sign(*, merchant_id: int) -> bytes:
    """A sheet for the merchant's counter: its code opens the page on which anybody finds a stay by
    berth and plate. It gives nothing away, so it needs no signature. Raises NoFont."""
    merchant = people.merchant(merchant_id)
    sign = paper.Sign(
        address=settings.PUBLIC_URL + reverse("parking.left"),
        title=merchant.name,
        large="停车缴费",
        code="",
        chinese="用泊位号和车牌查费、付费",
        english="Find and pay your parking",
        phone=merchant.help_phone,
    )
    return paper.sheets([sign] * (paper.COLUMNS * paper.ROWS))


def _sign(berth: Berth) -> paper.Sign:
    return paper.Sign(
        address=berth_url(berth.code, berth.address_version),
        title=berth.section.name,
        large=berth.number,
        code=berth.code,
        chinese="扫码付停车费",
        english="Scan to pay for parking",
        phone=berth.section.merchant.help_phone,
    )


def berths_to_print(section_ids: Collection[int], *, merchant_id: int) -> list[Berth]:
    """The berths of these sections of a merchant, in street order."""
    rows = Berth.objects.filter(section_id__in=list(section_ids), section__merchant=merchant_id)
    rows = rows.filter(in_service=True).select_related("section__merchant")
    return list(rows.order_by("section__name", "section_id", "position"))


@transaction.atomic
def report_sign(
    *,
    berth_code: str = "",
    place: str = "",
    text: str = "",
    position: tuple[float, float] | None = None,
    photograph: bytes = b"",
) -> SignReport:
    """Somebody says that a code looks strange. `position` only where they chose to give it.

    Raises Invalid where nothing is said, NoBerth for a code that is none, and for a photograph
    that is none what core.images raises.
    """
    if not (place or text or berth_code or photograph):
        raise Invalid("nothing_said", _("Say where it is, or what is strange about it."))
    berth = Berth.objects.filter(code=berth_code).first() if berth_code else None
    if berth_code and berth is None:
        raise NoBerth(berth_code)
    away_m = _away_m(berth, position) if berth and position else None
    far = away_m is not None and away_m > FAR_M
    report = SignReport.objects.create(
        kind=SignReport.Kind.AWAY if far else SignReport.Kind.SAID,
        berth=berth,
        place=place[:200],
        text=text[:500],
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        away_m=away_m,
        image_sha=images.take(photograph, by="owner") if photograph else "",
        network=_network(),
        told_at=clock.now(),
    )
    audit.record(report, "told", actor="owner", kind=report.kind)
    return report


def _away_m(berth: Berth, here: tuple[float, float]) -> int | None:
    """How far this is from the berth, or from where else its code was said to hang; None where
    neither is known."""
    places = [(berth.latitude, berth.longitude)]
    if None in places[0]:
        told = SignReport.objects.filter(berth=berth, latitude__isnull=False)
        places = list(told.values_list("latitude", "longitude"))
    far = [round(distance_m(here, (a, b))) for a, b in places if a is not None and b is not None]
    return max(far, default=None)


@transaction.atomic
def doubt_sign(berth_id: int) -> None:
    """Who came by this berth's code says that what stands there is not theirs. From several
    networks within a day it is a report: the code may hang elsewhere, too."""
    network = _network()
    since = clock.real() - WITHIN
    known = SignDoubt.objects.filter(berth_id=berth_id, at__gte=since)
    if not network or known.filter(network=network).exists():
        return
    SignDoubt.objects.create(berth_id=berth_id, network=network, at=clock.real())
    if known.values("network").distinct().count() < VOICES:
        return
    twice = {"berth_id": berth_id, "kind": SignReport.Kind.TWICE, "state": SignReportState.OPEN}
    report, is_new = SignReport.objects.get_or_create(**twice, defaults={"told_at": clock.now()})
    if is_new:
        audit.record(report, "told", actor="system:parking.signs", kind=report.kind)


def _network() -> str:
    who = limits.asker()
    return personal.digest(who.network) if who and who.network else ""


@transaction.atomic
def settle_sign_report(report_id: int, *, actor: str) -> bool:
    """Somebody was there: the code is as it should be, or gone; whether this call said so."""
    moved = transition(
        SignReport.objects.filter(pk=report_id),
        source=SignReportState.OPEN,
        target=SignReportState.DONE,
        actor=actor,
        done_at=clock.now(),
    )
    return bool(moved)


def forget_doubts() -> int:
    """A sweep: what was said of codes a week ago; how many."""
    return retention.forget(SignDoubt.objects.all(), moment="at", keep_days=DOUBTS_DAYS)
