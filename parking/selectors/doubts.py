"""Which stays are in question."""

from django.db.models import OuterRef, QuerySet

from parking.models import ReviewItem
from parking.states import ReviewState


def open_doubts() -> QuerySet[ReviewItem]:
    """Open questions whether the plate of a stay, the outer query's, is right."""
    return ReviewItem.objects.filter(
        stay=OuterRef("pk"), state=ReviewState.OPEN, why=ReviewItem.DOUBTED
    )
