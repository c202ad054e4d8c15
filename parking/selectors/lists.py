"""Lists for the merchant's portal and the operator's desk."""

from django.db.models import QuerySet

from core import audit
from core.models import AuditEntry
from parking.models import ParkingSession, ReviewItem, Sighting


def sessions_of(merchant_id: int) -> QuerySet[ParkingSession]:
    """One merchant's stays, newest first, berth and section with them; one query."""
    rows = ParkingSession.objects.filter(merchant_id=merchant_id)
    return rows.select_related("berth", "section").order_by("-arrived_at", "-pk")


def trail_of(stay: ParkingSession) -> list[AuditEntry]:
    """What was done to a stay, by whom and why, oldest first."""
    return list(audit.trail(stay))


def may_see_sighting(sighting_id: int, merchant_id: int | None) -> bool:
    """Whether this photograph is one of the merchant's; None: of anybody's."""
    rows = Sighting.objects.filter(pk=sighting_id)
    return (rows.filter(merchant_id=merchant_id) if merchant_id is not None else rows).exists()


def reviews_for(merchant_id: int | None) -> QuerySet[ReviewItem]:
    """Questions for a person: of one merchant, or all for the operator (None)."""
    rows = ReviewItem.objects.all() if merchant_id is None else ReviewItem.objects.filter(
        merchant_id=merchant_id
    )  # fmt: skip
    return rows.select_related("sighting__reading", "sighting__berth", "session__berth")


def open_reviews(merchant_id: int | None) -> QuerySet[ReviewItem]:
    """Those that wait, oldest first."""
    return reviews_for(merchant_id).filter(state="open").order_by("opened_at", "pk")
