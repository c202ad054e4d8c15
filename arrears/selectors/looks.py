"""What a person must look at before a debt's first demand (docs/rules.md L11)."""

from typing import Any

from django.db.models import QuerySet

from arrears.models import Look
from arrears.states import DebtState, LookState
from core import images, plates
from parking import selectors as parking

BATCH = 6  # pictures that a person can look at in earnest before they answer


def looks_to_take(merchant_id: int | None) -> QuerySet[Look]:
    """Debts whose evidence nobody has seen, those that wait longest first; None: everybody's.

    One that is objected to waits for the answer first.
    """
    rows = Look.objects.filter(state=LookState.WAITING, debt__state=DebtState.OPEN)
    rows = rows if merchant_id is None else rows.filter(merchant_id=merchant_id)
    return rows.select_related("debt").order_by("opened_at", "pk")


def evidence(looks: list[Look], *, person_id: int | None) -> list[dict[str, Any]]:
    """What these debts rest on, each with a key of its own: pictures as they were taken, for this
    person, reading, times, sum."""
    stays = parking.stays([look.debt.stay_id for look in looks])
    rows = []
    for key, look in enumerate(looks, start=1):
        stay = stays[look.debt.stay_id]
        until = stay.left_at or stay.arrived_at
        rows.append(
            {
                "look": look,
                "key": key,
                "stay": stay,
                "plate": plates.chip(stay.plate),
                "amount_fen": look.debt.amount_fen,
                "seconds": int((until - stay.arrived_at).total_seconds()),
                "pictures": [
                    images.original_url(sha, person_id=person_id, why=f"look {look.pk}")
                    for sha in stay.evidence[:2]
                ],
                "by_person": stay.plate_by.startswith("user:"),
                "percent": None
                if stay.plate_confidence is None
                else round(100 * stay.plate_confidence),
            }
        )
    return rows
