"""What assistance really adds: each scheme beside the holdout's plain reminder (P0.5)."""

from dataclasses import dataclass

from django.db.models import Count, Q

from arrears.models import Plan
from arrears.states import PlanState


@dataclass(frozen=True, slots=True)
class Uplift:
    """Plans of one scheme that are over, and how many were paid; None where there are none."""

    scheme: str
    holdout: bool
    plans: int
    paid: int


def uplift() -> list[Uplift]:
    """Plans by scheme and holdout; one query. Contested and stopped ones measure nothing."""
    rows = Plan.objects.exclude(state=PlanState.STOPPED).values("scheme__code", "holdout")
    counted = rows.annotate(plans=Count("pk"), paid=Count("pk", filter=Q(state=PlanState.PAID)))
    return [
        Uplift(row["scheme__code"], row["holdout"], row["plans"], row["paid"])
        for row in counted.order_by("scheme__code", "holdout")
    ]
