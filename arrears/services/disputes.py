"""Objections: opened by owners, decided by people; all stops meanwhile (docs/rules.md 9)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import selectors as accounts
from accounts import services as account_services
from accounts.rules.contacts import after_quiet
from accounts.services import Weight, by_two
from arrears.errors import DisputeDecided, NothingToObject
from arrears.events import StayDisputed
from arrears.models import Assessment, Debt, Demand, Dispute, PayWindow
from arrears.rules.vehicle import subject_of
from arrears.selectors import dues
from arrears.selectors.questions import said_against
from arrears.services import assistance, debts, holds
from arrears.services.stays import locked
from arrears.states import DebtState, DisputeState, PayWindowState
from core import audit, clock, live, outbox, personal
from core.errors import Invalid
from core.transition import transition
from core.vehicles import of_vehicle
from parking import selectors as parking
from parking import services as parking_services
from parking.selectors import StayFacts
from parking.states import StayState

SYSTEM = "system:arrears.disputes"
ANSWER_WITHIN = timedelta(days=7)
LONGEST_TEXT = 2000
BATCH = 100


@transaction.atomic
def object(
    *,
    stay_ids: Collection[int] = (),
    debt_ids: Collection[int] = (),
    reason: str = "other",
    text: str = "",
    user_id: int | None = None,
    reply_to: str = "",
    actor: str,
) -> list[Dispute]:
    """Object to stays or their debts, all that are named: one dispute a creditor and vehicle.

    What was said before in the same words is that open dispute; other words are one of their own,
    so that nothing is lost. With this commit the debts are held, the vehicle is suspended or off
    the list, contacts and watches stop and notices are withdrawn; `arrears.stay_disputed` lowers a
    lock. Nobody has to pay before being heard. `reply_to` is the phone that the answer goes to;
    without one it is that of `user_id`. Raises Invalid, NothingToObject.
    """
    reply_sealed = _reply(reply_to, user_id)
    if reason not in Dispute.Reason.values:
        raise Invalid(
            "no_reason", _("Choose what is wrong."), fields={"reason": _("Choose what is wrong.")}
        )
    named = Debt.objects.filter(pk__in=list(debt_ids)).values_list("stay_id", flat=True)
    about = sorted({*stay_ids, *named})
    stays = {pk: one for pk, one in locked(about).items() if one.state != StayState.VOID}
    if not stays:
        raise NothingToObject()
    words = text.strip()[:LONGEST_TEXT]
    standing: dict[int, Dispute] = {}
    fresh: dict[tuple[int, str, str], list[int]] = {}
    for pk, facts in sorted(stays.items()):
        said = said_against(facts).filter(reason=reason, text=words).order_by("pk").first()
        if said is not None:
            standing[said.pk] = said
        else:
            vehicle = facts.merchant_id, facts.plate_text, facts.plate_colour
            fresh.setdefault(vehicle, []).append(pk)
    opened = []
    for (merchant_id, plate_text, plate_colour), ids in fresh.items():
        dispute = Dispute.objects.create(
            merchant_id=merchant_id,
            plate_text=plate_text,
            plate_colour=plate_colour,
            user_id=user_id,
            reason=reason,
            text=words,
            reply_sealed=reply_sealed,
            opened_at=clock.now(),
            answer_by=clock.now() + ANSWER_WITHIN,
        )
        dispute.stays.set(ids)
        live.push(f"merchant:{merchant_id}")
        opened.append(dispute)
    new = [pk for ids in fresh.values() for pk in ids]
    if new:
        holds.hold(new, actor=actor, reason=reason)
        outbox.add(*map(StayDisputed, new))
    if reason == Dispute.Reason.DECISION:
        Assessment.objects.filter(stay_id__in=new).update(objected=True)
        for _merchant_id, plate_text, plate_colour in fresh:
            subject = subject_of(plate_text, plate_colour, user_id)
            assistance.refuse_profiling(subject, actor=actor)
    return [*standing.values(), *opened]


def _weight_of_verdict(*, actor: str, dispute_id: int, verdict: str, answer: str) -> Weight:
    """What upholding gives back and writes off; that the fee stands decides about no money."""
    _need_answer(answer)
    dispute = Dispute.objects.get(pk=dispute_id)
    gives = verdict == DisputeState.UPHELD and dispute.reason != Dispute.Reason.DECISION
    if not gives or dispute.state != DisputeState.OPEN:
        return Weight(dispute.merchant_id, 0)
    fen, about = parking_services.void_weight(dispute.stays.values_list("pk", flat=True))
    return Weight(dispute.merchant_id, fen, about)


def _need_answer(answer: str) -> None:
    if not answer.strip():
        raise Invalid(
            "no_answer", _("Answer the owner."), fields={"answer": _("Say why, in a sentence.")}
        )


@by_two(
    "arrears.settle_dispute",
    word=_("Uphold an objection"),
    right="arrears.decide_dispute",
    role="void_stay",
    subject="dispute_id",
    weigh=_weight_of_verdict,
)
@transaction.atomic
def settle_dispute(*, dispute_id: int, verdict: str, answer: str, actor: str) -> Dispute:
    """A person has looked: `upheld` drops the debts and gives back what was paid, `rejected` lets
    them stand. Raises DisputeDecided, Invalid without an answer in words."""
    if verdict not in (DisputeState.UPHELD, DisputeState.REJECTED):
        raise Invalid("bad_verdict", _("The answer is upheld or rejected."))
    _need_answer(answer)
    dispute = Dispute.objects.get(pk=dispute_id)
    stay_ids = _locked_stays(dispute)
    moved = transition(
        dispute,
        source=DisputeState.OPEN,
        target=DisputeState(verdict),
        actor=actor,
        reason=answer[:300],
        answer=answer.strip()[:LONGEST_TEXT],
        decided_at=clock.now(),
        tell_at=_tell_at(dispute),
    )
    if not moved:
        raise DisputeDecided()
    if verdict == "upheld":
        _uphold(dispute, stay_ids, actor=actor)
    else:
        holds.resume(stay_ids, actor=actor)
    return dispute


@transaction.atomic
def withdraw_dispute(*, dispute_id: int, actor: str) -> None:
    """The owner takes the objection back. Raises DisputeDecided."""
    dispute = Dispute.objects.get(pk=dispute_id)
    stay_ids = _locked_stays(dispute)
    if not transition(
        dispute,
        source=DisputeState.OPEN,
        target=DisputeState.WITHDRAWN,
        actor=actor,
        decided_at=clock.now(),
    ):
        raise DisputeDecided()
    holds.resume(stay_ids, actor=actor)


def _locked_stays(dispute: Dispute) -> list[int]:
    """The stays that it names, locked; one may have been answered for itself meanwhile."""
    locked(dispute.stays.values_list("pk", flat=True))
    return sorted(dispute.stays.values_list("pk", flat=True))


def _uphold(dispute: Dispute, stay_ids: list[int], *, actor: str) -> None:
    """The debts go, and stays without one too; what was paid under protest goes back with them.

    An objection to a decision alone is about the decision: the fee stands. Who has sold the vehicle
    holds it no more.
    """
    reason = f"objection {dispute.pk} upheld: {dispute.answer}"[:300]
    live_debts = Debt.objects.filter(stay_id__in=stay_ids, state__in=Debt.LIVE)
    if dispute.reason == Dispute.Reason.DECISION:
        holds.resume(stay_ids, actor=actor)
        return
    if dispute.reason == Dispute.Reason.SOLD:
        _end_sold(dispute, stay_ids, actor=actor)
    dropped = debts.drop(
        list(live_debts.values_list("pk", flat=True)),
        target=DebtState.CANCELLED,
        actor=actor,
        reason=reason,
    )
    if dispute.reason == Dispute.Reason.NOT_MINE:
        for stay_id in stay_ids:
            parking_services.suspect_copy(stay_id=stay_id)
    gone = set(Debt.objects.filter(pk__in=dropped).values_list("stay_id", flat=True))
    for stay_id in stay_ids:
        if stay_id not in gone and parking.stay(stay_id).state in (
            StayState.DUE,
            StayState.SETTLED,
        ):
            parking_services.void_stay(stay_id=stay_id, actor=actor, reason=reason)
            windows = PayWindow.objects.filter(stay_id=stay_id)
            transition(
                windows,
                source=list(PayWindow.LIVE),
                target=PayWindowState.DROPPED,
                actor=actor,
            )


def _end_sold(dispute: Dispute, stay_ids: list[int], *, actor: str) -> None:
    """The vehicle is no longer theirs who said so, and who was asked for these stays.

    Whoever has shown it to be theirs since the objection keeps it: that is the buyer.
    """
    asked = Demand.objects.filter(debts__stay__in=stay_ids).values_list("user_id", flat=True)
    account_services.end_sold(
        plate=dispute.plate,
        user_ids={one for one in (dispute.user_id, *asked) if one is not None},
        before=dispute.opened_at,
        actor=actor,
    )


@transaction.atomic
def end_misread(*, stay_id: int, actor: str) -> None:
    """A person has corrected the plate: what the other vehicle's holder said of it is answered.

    Nothing is asked of them any more, whatever they had objected to; what they paid meanwhile is a
    person's question.
    """
    facts = locked([stay_id])[stay_id]
    if parking.paid_after_leaving(stay_id):
        return
    with translation.override(settings.LANGUAGE_CODE):
        answer = gettext("A person has looked: it was another vehicle. Nothing is asked of you.")
    rows = Dispute.objects.filter(stays=stay_id, state=DisputeState.OPEN).exclude(plate_text="")
    for dispute in rows.exclude(of_vehicle(facts.plate)):
        _answer_for(dispute, stay_id, answer=answer, actor=actor, reason="plate corrected")


@transaction.atomic
def end_voided(*, stay_id: int, actor: str = SYSTEM) -> None:
    """The stay was cancelled: objections to its fee are answered by that.

    One to an automatic decision is not: a person has promised to look at it. Nor is one to a stay
    that turned out to be a part of another: it was not cancelled, and they object to that one.
    """
    whole_id = parking.whole_of(stay_id)
    stays = locked({stay_id, whole_id})
    if parking.whole_of(stay_id) != whole_id:  # joined once more while we waited
        return end_voided(stay_id=stay_id, actor=actor)
    if stays[stay_id].state != StayState.VOID:
        return None
    if stays[whole_id].state != StayState.VOID:
        _follow_whole(stay_id, stays[whole_id], actor=actor)
    with translation.override(settings.LANGUAGE_CODE):
        answer = gettext("The stay was cancelled: nothing is asked of you for it.")
    rows = Dispute.objects.filter(stays=stay_id, state=DisputeState.OPEN)
    for dispute in rows.exclude(reason=Dispute.Reason.DECISION):
        _answer_for(dispute, stay_id, answer=answer, actor=actor, reason="stay voided")
    return None


def _follow_whole(stay_id: int, whole: StayFacts, *, actor: str) -> None:
    """What was said against a part holds the whole, which is the same vehicle's (L1, L3)."""
    rows = Dispute.objects.filter(stays=stay_id, state=DisputeState.OPEN)
    mine = list(rows.filter(of_vehicle(whole.plate) | Q(plate_text="")))
    for dispute in mine:
        dispute.stays.remove(stay_id)
        dispute.stays.add(whole.id)
        audit.record(dispute, "followed", actor=actor, reason="stay joined", stay_id=whole.id)
    if mine:
        holds.hold([whole.id], actor=actor, reason="disputed")
        outbox.add(StayDisputed(whole.id))


def _answer_for(dispute: Dispute, stay_id: int, *, answer: str, actor: str, reason: str) -> None:
    """Uphold an objection for one of its stays, which is locked; the others stay contested.

    What was said of that stay becomes an objection of its own, with its answer.
    """
    if dispute.stays.exclude(pk=stay_id).exists():
        whole, dispute = (
            dispute,
            Dispute(
                merchant_id=dispute.merchant_id,
                plate_text=dispute.plate_text,
                plate_colour=dispute.plate_colour,
                user_id=dispute.user_id,
                reason=dispute.reason,
                text=dispute.text,
                reply_sealed=dispute.reply_sealed,
                opened_at=dispute.opened_at,
                answer_by=dispute.answer_by,
            ),
        )
        dispute.save()
        dispute.stays.set([stay_id])
        whole.stays.remove(stay_id)
        audit.record(dispute, "parted", actor=actor, reason=reason, of=whole.pk)
    transition(
        dispute,
        source=DisputeState.OPEN,
        target=DisputeState.UPHELD,
        actor=actor,
        reason=reason,
        answer=answer,
        decided_at=clock.now(),
        tell_at=_tell_at(dispute),
    )


# ── The answer goes back ─────────────────────────────────────────────────────────────────────
def _reply(reply_to: str, user_id: int | None) -> str:
    """The sealed phone that the answer goes to: the one that was typed, else the person's own."""
    phone = account_services.clean_phone(reply_to) if reply_to.strip() else ""
    if not phone and user_id is not None:
        phone = accounts.user(user_id).phone
    return personal.seal(phone) if phone else ""


def _tell_at(dispute: Dispute) -> datetime | None:
    """When the answer goes out: by day; None where it stands on the page alone."""
    return after_quiet(clock.now()) if dispute.reply_sealed else None


def tell_answers() -> int:
    """A sweep: answers whose time has come go to the phones that asked for them."""
    due = Dispute.objects.filter(tell_at__lte=clock.now())
    ids = list(due.order_by("tell_at").values_list("pk", flat=True)[:BATCH])
    return sum(_tell_answer(pk) for pk in ids)


@transaction.atomic
def _tell_answer(dispute_id: int) -> int:
    dispute = Dispute.objects.get(pk=dispute_id)
    if not Dispute.objects.filter(pk=dispute_id, tell_at__isnull=False).update(tell_at=None):
        return 0
    stays = list(parking.stays(dispute.stays.values_list("pk", flat=True)).values())
    upheld = dispute.state == DisputeState.UPHELD
    account_services.send_sms(
        phone=personal.unseal(dispute.reply_sealed),
        template="answer_upheld" if upheld else "answer_rejected",
        params={
            "place": stays[0].section_name if stays else "",
            "url": settings.PUBLIC_URL + dues.answer_path(dispute, stays),
        },
        key=f"answer:{dispute.pk}",
    )
    return 1
