"""Lists for the merchant's portal and the operator's desk."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from accounts import selectors as people
from core import audit, clock
from parking.models import ParkingSession, Permit, ReviewItem, Section, Sighting, TariffVersion
from parking.rules.tariff import PermitKind
from parking.states import ReviewState


def stays_of_merchant(merchant_id: int) -> QuerySet[ParkingSession]:
    """One merchant's stays, newest first, berth and section with them; one query."""
    rows = ParkingSession.objects.filter(merchant_id=merchant_id)
    return rows.select_related("berth", "section").order_by("-arrived_at", "-pk")


def permits_of_merchant(merchant_id: int) -> QuerySet[Permit]:
    """One merchant's permits with their roads, newest first."""
    rows = Permit.objects.filter(merchant_id=merchant_id).prefetch_related("sections")
    return rows.order_by("-since", "-pk")


def sections_without_permits(merchant_id: int) -> list[str]:
    """The merchant's roads whose prices, as they hold now, give nothing for any permit, by name."""
    held = TariffVersion.objects.filter(tariff=OuterRef("tariff"), valid_from__lte=clock.now())
    newest = held.order_by("-valid_from")
    rows = Section.objects.filter(merchant_id=merchant_id).annotate(
        given=Subquery(newest.values("terms__exempt")[:1])
    )
    return [
        section.name
        for section in rows.order_by("name", "pk")
        if not (section.given or {}).keys() & set(PermitKind)
    ]


DONE = {  # what the audit says of a stay, for people
    "arrived": _("The vehicle came"),
    "arrived and left": _("The vehicle came and left"),
    "opened by hand": _("Begun by a person"),
    "closed by hand": _("Ended by a person"),
    "history imported": _("Taken over from earlier records"),
    "plate settled": _("Plate settled"),
    "plate agreed on": _("Plate settled: two independent voices agree"),
    "plate corrected": _("Plate corrected"),
    "plate doubted": _("Plate doubted"),
    "plate unreadable": _("Nobody can tell which plate it is"),
    "plate verdict undone": _("The decision about the plate was undone"),
    "amended": _("Fee calculated again"),
    "kept": _("A person found the stay right"),
    "flagged": _("Marked for a person to look at"),
}
WHY = {  # reasons that are ours; people's own are shown as they wrote them
    "the departure came late": _("the departure was told late"),
    "the plate became known": _("the plate became known"),
    "the plate was corrected": _("the plate was corrected"),
    "plate unreadable": _("the plate can't be read"),
    "a person has checked the long stay": _("a person has checked the long stay"),
    "no departure": _("no departure was told"),
    "corrected on its page": _("corrected on this page"),
    "an earlier stop became known": _("it continues a stop that became known later"),
}


def why_amended(reason: str) -> str:
    """Why a fee was calculated again, in the reader's words."""
    return str(WHY.get(reason, _("it was calculated again")))


def trail_of(stay: ParkingSession) -> list[dict[str, Any]]:
    """What was done to a stay, by whom and why, in words, oldest first."""
    entries = list(audit.trail(stay))
    ids = [int(e.actor[5:]) for e in entries if e.actor.startswith("user:")]
    names = people.names_of(ids)
    return [
        {
            "at": entry.at,
            "text": DONE.get(entry.action, entry.action),
            "state": entry.to_state,
            "by": _by(entry.actor, names),
            "why": WHY.get(entry.reason, entry.reason),
        }
        for entry in entries
    ]


def _by(actor: str, names: dict[int, str]) -> str:
    kind, _colon, rest = actor.partition(":")
    if kind == "system":
        return str(_("by itself"))
    if kind == "owner" or (kind == "user" and int(rest) not in names):
        return str(_("the owner"))
    return names[int(rest)] if kind == "user" else rest or actor


def doubt_of(stay_id: int) -> ReviewItem | None:
    """The open question whether the plate of this stay is right; it has a photograph or none."""
    return ReviewItem.objects.filter(
        stay_id=stay_id, state=ReviewState.OPEN, why=ReviewItem.DOUBTED
    ).first()


def sightings_of(merchant_id: int | None) -> QuerySet[Sighting]:
    """Photographs of one merchant's, berth included; None: of anybody's."""
    rows = Sighting.objects.select_related("berth")
    return rows.filter(merchant_id=merchant_id) if merchant_id is not None else rows


def reviews_for(merchant_id: int | None) -> QuerySet[ReviewItem]:
    """Questions for a person: of one merchant, or all for the operator (None)."""
    rows = (
        ReviewItem.objects.all()
        if merchant_id is None
        else ReviewItem.objects.filter(merchant_id=merchant_id)
    )
    return rows.select_related(
        "sighting__reading", "sighting__berth", "stay__berth", "berth", "merchant"
    )


def open_reviews(merchant_id: int | None) -> QuerySet[ReviewItem]:
    """Those that wait, oldest first."""
    return reviews_for(merchant_id).filter(state=ReviewState.OPEN).order_by("opened_at", "pk")
