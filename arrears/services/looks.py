"""Whether a person has seen what a debt rests on (docs/rules.md L11): asked, kept, asked anew."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from accounts import selectors as accounts
from arrears.events import EvidenceSeen
from arrears.models import Debt, Look
from arrears.states import DebtState, LookState
from core import clock, live
from core.transition import transition
from core.vehicles import of_vehicle
from parking import selectors as parking

SYSTEM = "system:arrears.looks"
REST = timedelta(minutes=2)  # a demand waits as long after a look, so that it can be taken back


def want(debt: Debt) -> Look:
    """Somebody shall look at this debt's evidence as it is now; the stay's lock is held.

    Where the owner has confirmed the stay by declaring its plate or by paying for it, nobody has
    to. Who has looked before has seen another evidence: the look begins anew.
    """
    look, created = Look.objects.get_or_create(
        debt=debt, defaults={"merchant_id": debt.merchant_id, "opened_at": clock.now()}
    )
    if not created:
        transition(
            look,
            source=[LookState.AGREED, LookState.CONFIRMED, LookState.DOUBTED, LookState.DROPPED],
            target=LookState.WAITING,
            actor=SYSTEM,
            reason="other evidence",
            opened_at=clock.now(),
            looked_at=None,
            looked_by="",
        )
    if how := parking.confirmed_by_owner(debt.stay_id):
        confirm([debt.pk], how=how, actor=SYSTEM)
    live.push(f"merchant:{debt.merchant_id}")
    return look


def confirm(debt_ids: Collection[int], *, how: str, actor: str) -> list[int]:
    """The owner has confirmed these stays (`how`: declared, paid or proven): nobody has to look."""
    of = dict(Look.objects.filter(debt__in=list(debt_ids)).values_list("pk", "debt_id"))
    return transition(
        Look.objects.filter(pk__in=of),
        source=LookState.WAITING,
        target=LookState.CONFIRMED,
        actor=actor,
        reason=how,
        event=lambda pk: EvidenceSeen(of[pk]),
        looked_at=clock.now(),
        looked_by="owner",
    )


@transaction.atomic
def confirm_proven(*, holding_id: int) -> list[int]:
    """Somebody has shown a vehicle to be theirs while these stays of it were asked about."""
    holding = accounts.holding(holding_id)
    rows = Debt.objects.filter(of_vehicle(holding.plate), state=DebtState.OPEN)
    return confirm(rows.values_list("pk", flat=True), how="proven", actor=SYSTEM)


def again(stay_ids: Collection[int]) -> None:
    """A question about these stays is over: who asks for them again looks again."""
    rows = Look.objects.filter(
        debt__stay_id__in=list(stay_ids), state=LookState.DOUBTED, debt__state=DebtState.OPEN
    )
    for look in rows.select_related("debt").order_by("pk"):
        want(look.debt)


def drop(debt_ids: Collection[int], *, actor: str) -> None:
    """These debts are over: nobody has to look at them any more."""
    transition(
        Look.objects.filter(debt__in=list(debt_ids)),
        source=[LookState.WAITING, LookState.DOUBTED],
        target=LookState.DROPPED,
        actor=actor,
    )


def seen(debt_ids: Collection[int]) -> set[int]:
    """Those of these debts whose evidence was seen or confirmed."""
    rows = Look.objects.filter(debt__in=list(debt_ids), state__in=Look.GOOD)
    return set(rows.values_list("debt_id", flat=True))


def rests_until(debt: Debt) -> datetime:
    """From when on a demand for this debt may go out: shortly after a person's look."""
    looked_at = Look.objects.filter(debt=debt, state=LookState.AGREED).values_list(
        "looked_at", flat=True
    )
    at = looked_at.first()
    return at + REST if at is not None else clock.now()
