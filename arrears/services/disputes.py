"""The owner objects: everything stops until a person has looked (DESIGN 4.9)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arrears.errors import DisputeDecided, NothingToObject
from arrears.models import Assessment, Debt, Dispute, PayWindow
from arrears.services import debts, holds
from arrears.services.stays import locked
from core import clock, live, outbox
from core.errors import Invalid
from core.transition import transition
from parking import selectors as parking
from parking import services as parking_services

ANSWER_WITHIN = timedelta(days=7)
LONGEST_TEXT = 2000


@transaction.atomic
def object(
    *,
    session_ids: Collection[int] = (),
    debt_ids: Collection[int] = (),
    reason: str = "other",
    text: str = "",
    user_id: int | None = None,
    actor: str,
) -> Dispute:
    """Object to stays or their debts; the same ones objected to again are the open dispute.

    With this commit the debts are held, the vehicle is suspended or off the list, contacts and
    watches stop and notices are withdrawn; `arrears.debt_disputed` lowers a lock. Nobody has to pay
    before being heard. Raises Invalid, NothingToObject.
    """
    if reason not in Dispute.Reason.values:
        raise Invalid(
            "no_reason", _("Choose what is wrong."), fields={"reason": _("Choose what is wrong.")}
        )
    named = Debt.objects.filter(pk__in=list(debt_ids)).values_list("stay_id", flat=True)
    sessions = sorted({*session_ids, *named})
    stays = {pk: one for pk, one in locked(sessions).items() if one.state != "void"}
    if not stays:
        raise NothingToObject()
    standing = Dispute.objects.filter(state="open", stay_id__in=stays).first()
    if standing is not None and len(stays) == 1:
        return standing
    first = stays[min(stays)]
    dispute = Dispute.objects.create(
        stay_id=first.id,
        merchant_id=first.merchant_id,
        user_id=user_id,
        reason=reason,
        text=text.strip()[:LONGEST_TEXT],
        opened_at=clock.now(),
        answer_by=clock.now() + ANSWER_WITHIN,
    )
    dispute.debts.set(Debt.objects.filter(stay_id__in=stays).exclude(state="waived"))
    holds.hold(list(stays), actor=actor, reason=reason, data={"dispute_id": dispute.pk})
    if reason == Dispute.Reason.DECISION:
        Assessment.objects.filter(stay_id__in=stays).update(objected=True)
    outbox.add("arrears.dispute_opened", dispute_id=dispute.pk)
    for merchant_id in {one.merchant_id for one in stays.values()}:
        live.push(f"merchant:{merchant_id}")
    return dispute


@transaction.atomic
def settle_dispute(*, dispute_id: int, verdict: str, answer: str, actor: str) -> Dispute:
    """A person has looked: `upheld` drops the debts and gives back what was paid, `rejected` lets
    them stand. Raises DisputeDecided, Invalid without an answer in words."""
    if verdict not in ("upheld", "rejected"):
        raise Invalid("bad_verdict", _("The answer is upheld or rejected."))
    if not answer.strip():
        raise Invalid(
            "no_answer", _("Answer the owner."), fields={"answer": _("Say why, in a sentence.")}
        )
    dispute = Dispute.objects.get(pk=dispute_id)
    sessions = _sessions(dispute)
    locked(sessions)
    moved = transition(
        dispute, source="open", target=verdict, actor=actor, reason=answer[:300],
        answer=answer.strip()[:LONGEST_TEXT], decided_at=clock.now(),
        event="arrears.dispute_settled", data={"verdict": verdict},
    )  # fmt: skip
    if not moved:
        raise DisputeDecided()
    if verdict == "upheld":
        _uphold(dispute, sessions, actor=actor)
    else:
        holds.resume(sessions, actor=actor)
    return dispute


@transaction.atomic
def withdraw_dispute(*, dispute_id: int, actor: str) -> None:
    """The owner takes the objection back. Raises DisputeDecided."""
    dispute = Dispute.objects.get(pk=dispute_id)
    sessions = _sessions(dispute)
    locked(sessions)
    if not transition(
        dispute, source="open", target="withdrawn", actor=actor, decided_at=clock.now()
    ):
        raise DisputeDecided()
    holds.resume(sessions, actor=actor)


def _sessions(dispute: Dispute) -> list[int]:
    ids = set(dispute.debts.values_list("stay_id", flat=True))
    return sorted(ids | ({dispute.stay_id} if dispute.stay_id else set()))


def _uphold(dispute: Dispute, sessions: list[int], *, actor: str) -> None:
    """The debts go, and stays without one too; what was paid under protest goes back with them.

    An objection to a decision alone is about the decision: the fee stands.
    """
    reason = f"objection {dispute.pk} upheld: {dispute.answer}"[:300]
    live_debts = dispute.debts.filter(state__in=Debt.LIVE)
    if dispute.reason == Dispute.Reason.DECISION:
        holds.resume(sessions, actor=actor)
        return
    dropped = debts.drop(
        list(live_debts.values_list("pk", flat=True)), target="cancelled", actor=actor,
        reason=reason,
    )  # fmt: skip
    gone = set(Debt.objects.filter(pk__in=dropped).values_list("stay_id", flat=True))
    for session_id in sessions:
        if session_id not in gone and parking.stay(session_id).state in ("due", "settled"):
            parking_services.void_stay(session_id=session_id, actor=actor, reason=reason)
            windows = PayWindow.objects.filter(stay_id=session_id)
            transition(windows, source=["open", "ended"], target="dropped", actor=actor)


@transaction.atomic
def end_misread(*, session_id: int, said_before: datetime, actor: str) -> None:
    """A person has corrected the plate: who said that it was not their vehicle was right.

    Only what was said before the correction is answered by it; the other stays of an objection
    stay contested. What else was objected to remains a person's question.
    """
    locked([session_id])
    about = Q(stay_id=session_id) | Q(debts__stay_id=session_id)
    rows = Dispute.objects.filter(
        about, state="open", opened_at__lte=said_before,
        reason__in=[Dispute.Reason.NOT_MINE, Dispute.Reason.SOLD],
    )  # fmt: skip
    with translation.override(settings.LANGUAGE_CODE):
        answer = gettext("A person has looked: it was another vehicle. Nothing is asked of you.")
    for dispute in rows.distinct():
        others = dispute.debts.exclude(stay_id=session_id).order_by("pk")
        other_id = others.values_list("stay_id", flat=True).first()
        if other_id is None:
            transition(
                dispute, source="open", target="upheld", actor=actor, reason="plate corrected",
                answer=answer, decided_at=clock.now(), event="arrears.dispute_settled",
                data={"verdict": "upheld"},
            )  # fmt: skip
            continue
        dispute.debts.remove(*dispute.debts.filter(stay_id=session_id))
        Dispute.objects.filter(pk=dispute.pk, stay_id=session_id).update(stay_id=other_id)
