"""Two persons for what weighs too much for one (docs/decisions/0070-two-persons-above-a-limit.md).

A service that gives money back, writes it off, moves it, or changes what others rely on says so
where it is written (`by_two`), so every door that calls it, whoever adds it, has the limit. What a
person may not do alone becomes a proposal; another person who holds the act's own right agrees, and
only then it is carried out. Machines and what follows from an agreed act are not weighed again.
"""

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import wraps
from inspect import signature
from typing import Any, TypeGuard, TypeVar, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from accounts import selectors
from accounts.errors import (
    AwaitsSecondPerson,
    OtherProposal,
    OwnProposal,
    ProposalAnswered,
    ProposalGrown,
)
from accounts.models import ActLimit, Membership, Proposal, User
from accounts.rules import may
from accounts.states import ProposalState
from core import audit, clock, live, locks, personal, wiring
from core.calendar import CITY, city_date
from core.errors import BoweiError, Denied, Invalid, Missing
from core.transition import transition

WAITS = timedelta(days=7)  # then a proposal is of no use any more
SYSTEM = "system:accounts.proposals"
BATCH = 100
MOST_NEEDS = 10
APPROVE = "accounts.approve_proposal"
SUPERUSER = "superuser"  # a right that no list holds: only superusers have it

F = TypeVar("F", bound=Callable[..., Any])
_carrying_out: ContextVar[bool] = ContextVar("carrying_out", default=False)


@dataclass(frozen=True, slots=True)
class Weight:
    """Whose money an act decides about, and how much of it, in fen; None needs two at any sum."""

    merchant_id: int | None
    fen: int | None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One act that can need two persons.

    `right` is the desk's, `role` what a merchant's own staff must be able to do ("": only the
    desk); who answers needs the same. `subject` names the argument that says which row it is about,
    `page` the portal's page where that row is seen before somebody agrees.
    """

    name: str
    word: Any
    right: str
    role: str
    subject: str
    page: str
    weigh: Callable[..., Weight]
    carry_out: Callable[..., Any]
    moments: tuple[str, ...]
    secrets: tuple[str, ...]


def by_two(
    name: str,
    *,
    word: Any,
    right: str,
    role: str = "",
    subject: str = "",
    page: str = "",
    weigh: Callable[..., Weight],
    moments: tuple[str, ...] = (),
    secrets: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """For a service whose arguments are keywords and JSON values, beside `moments` (times).
    `secrets` are kept sealed while somebody must agree, and not at all afterwards.

    `weigh` is asked with the same arguments, in the transaction of the act: it locks what it reads.
    The service raises AwaitsSecondPerson, besides its own, for a person above their limit.
    """

    def wrap(function: F) -> F:
        act = Act(name, word, right, role, subject, page, weigh, function, moments, secrets)

        said = signature(function)

        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            given = dict(said.bind(*args, **kwargs).arguments)
            actor = given.pop("actor")
            if _carrying_out.get() or _person(actor) is None:
                return function(actor=actor, **given)
            with transaction.atomic(), _as_one_act():
                proposal = _too_much(act, actor, given)
                if proposal is None:
                    return function(actor=actor, **given)
            raise AwaitsSecondPerson(proposal)

        guarded.act = act  # type: ignore[attr-defined]
        return cast(F, guarded)

    return wrap


@contextmanager
def _as_one_act() -> Iterator[None]:
    token = _carrying_out.set(True)
    try:
        yield
    finally:
        _carrying_out.reset(token)


def _person(actor: str) -> int | None:
    """The number of the person who acts; None where no person does."""
    kind, _colon, number = actor.partition(":")
    return int(number) if kind == "user" and number.isascii() and number.isdigit() else None


def _too_much(act: Act, actor: str, given: dict[str, Any]) -> Proposal | None:
    """The proposal that this becomes; None where this person may do it alone, which is counted.

    Acts of one person come one after another, so that two at once do not both find the day empty.
    """
    locks.one_at_a_time("accounts.acts", _person(actor) or 0)
    weight = act.weigh(actor=actor, **given)
    if weight.fen == 0:
        return None
    facts: dict[str, Any] = {
        "act": act.name,
        "merchant_id": weight.merchant_id,
        "subject_id": given[act.subject] if act.subject else 0,
        "about": weight.about[:200],
        "args": given,
        "amount_fen": weight.fen,
        "reason": _reason(given),
        "asked_by": actor,
        "asked_at": clock.now(),
    }
    if weight.fen is not None and _within_limit(actor, weight.merchant_id, weight.fen):
        _count_alone(act, facts)
        return None
    if weight.fen is None and not _somebody_else(act, actor):
        _count_alone(act, facts | {"answer": "nobody else could agree"})
        return None
    return _propose(act, facts)


def _reason(given: dict[str, Any]) -> str:
    return next(
        (str(given[one])[:300] for one in ("reason", "why", "answer") if given.get(one)), ""
    )


def _count_alone(act: Act, facts: dict[str, Any]) -> None:
    facts = facts | {"args": _without_secrets(act, facts["args"])}
    row = Proposal.objects.create(state=ProposalState.ALONE, expires_at=facts["asked_at"], **facts)
    if row.answer:
        audit.record(
            row, "alone", actor=row.asked_by, reason=row.answer, act=row.act, about=row.about
        )


def limit_of(merchant_id: int | None) -> ActLimit:
    """What one person may decide alone for this merchant: its own newest limit, else everybody's,
    else the usual."""
    rows = ActLimit.objects.filter(Q(merchant=merchant_id) | Q(merchant=None))
    own = rows.filter(merchant=merchant_id).order_by("pk").last() if merchant_id else None
    return own or rows.filter(merchant=None).order_by("pk").last() or ActLimit()


def _within_limit(actor: str, merchant_id: int | None, fen: int) -> bool:
    """Alone up to `each_fen`, and with all that this person did alone today up to `day_fen`."""
    limit = limit_of(merchant_id)
    today = datetime.combine(city_date(clock.now()), time(), CITY)
    done = Proposal.objects.filter(asked_by=actor, asked_at__gte=today, state=ProposalState.ALONE)
    before_fen = done.aggregate(fen=Sum("amount_fen"))["fen"] or 0
    return fen <= limit.each_fen and before_fen + fen <= limit.day_fen


def _somebody_else(act: Act, actor: str) -> bool:
    """Whether anybody but `actor` could agree to an act of the desk."""
    backend = "django.contrib.auth.backends.ModelBackend"
    others = User.objects.with_perm(APPROVE, backend=backend).filter(is_staff=True)
    return any(one.has_perm(act.right) for one in others.exclude(pk=_person(actor)))


def _propose(act: Act, facts: dict[str, Any]) -> Proposal:
    sealed = {name: personal.seal(str(facts["args"][name])) for name in act.secrets}
    facts = facts | {"args": facts["args"] | sealed}
    same = Proposal.objects.filter(act=act.name, state=ProposalState.ASKED)
    same = same.filter(subject_id=facts["subject_id"])
    if not facts["subject_id"]:
        same = same.filter(asked_by=facts["asked_by"])
    for row in same.order_by("pk"):
        if _written(row.args) == _written(facts["args"]):
            return row
        if not facts["subject_id"]:
            continue
        if row.asked_by != facts["asked_by"]:
            raise OtherProposal(row)
        _move(row, ProposalState.WITHDRAWN, actor=row.asked_by, answer="proposed anew")
    row = Proposal.objects.create(expires_at=facts["asked_at"] + WAITS, **facts)
    audit.record(
        row,
        "proposed",
        actor=row.asked_by,
        reason=row.reason,
        act=row.act,
        about=row.about,
        amount_fen=row.amount_fen,
    )
    _tell_pages(row)
    return row


def _written(args: Any) -> Any:
    return json.loads(json.dumps(args, cls=DjangoJSONEncoder))


def _tell_pages(row: Proposal) -> None:
    if row.merchant_id:
        live.push(f"merchant:{row.merchant_id}")


# ── What the other person says ───────────────────────────────────────────────────────────────
def act_of(row: Proposal) -> Act:
    """What is proposed."""
    found: Act = wiring.act(row.act)
    return found


def may_answer(person: User, row: Proposal) -> bool:
    """Whether this person may agree to a proposal or refuse it; never who proposed it."""
    act = act_of(row)
    if person.actor == row.asked_by or not person.is_active:
        return False
    if person.is_staff and person.has_perm(APPROVE) and person.has_perm(act.right):
        return True
    post = selectors.membership_of(person, row.merchant_id) if row.merchant_id else None
    return bool(post and act.role and may(post.role, "approve") and may(post.role, act.role))


@transaction.atomic
def approve_proposal(*, proposal_id: int, person: User) -> Proposal:
    """A second person agrees, and what was proposed is carried out in the same transaction.

    Where it cannot be carried out any more the proposal has failed, and says why. Raises Missing,
    Denied, OwnProposal, ProposalAnswered, ProposalGrown.
    """
    row = _asked(proposal_id, person)
    act = act_of(row)
    args = _readable(act, row.args)
    try:
        with transaction.atomic(), _as_one_act():
            _answer(row, ProposalState.DONE, person)
            now = act.weigh(actor=row.asked_by, **args)
            if row.amount_fen is not None and (now.fen or 0) > row.amount_fen:
                raise ProposalGrown(row.amount_fen, now.fen or 0)
            act.carry_out(actor=row.asked_by, **args)
    except (ProposalAnswered, ProposalGrown):
        raise
    except BoweiError as error:
        row.refresh_from_db()
        _answer(row, ProposalState.FAILED, person, error.message)
    _tell_pages(row)
    return row


@transaction.atomic
def refuse_proposal(*, proposal_id: int, person: User, answer: str) -> Proposal:
    """A second person does not agree, and says why. Raises as `approve_proposal`; Invalid."""
    if not answer.strip():
        raise Invalid(
            "no_reason", _("Say why."), fields={"answer": _("Say why, for who proposed it.")}
        )
    row = _asked(proposal_id, person)
    _answer(row, ProposalState.REFUSED, person, answer.strip())
    _tell_pages(row)
    return row


@transaction.atomic
def withdraw_proposal(*, proposal_id: int, person: User) -> Proposal:
    """Who proposed it takes it back. Raises Missing, ProposalAnswered."""
    row = Proposal.objects.filter(pk=proposal_id, asked_by=person.actor).first()
    if row is None:
        raise Missing()
    if not _move(row, ProposalState.WITHDRAWN, actor=person.actor):
        raise ProposalAnswered()
    _tell_pages(row)
    return row


def _asked(proposal_id: int, person: User) -> Proposal:
    row = Proposal.objects.filter(pk=proposal_id).exclude(state=ProposalState.ALONE).first()
    if row is None:
        raise Missing()
    if row.asked_by == person.actor:
        raise OwnProposal()
    if not may_answer(person, row):
        raise Denied()
    if row.expires_at <= clock.now():
        raise ProposalAnswered()
    return row


def _answer(row: Proposal, target: ProposalState, person: User, answer: str = "") -> None:
    facts: dict[str, Any] = {
        "decided_by": person.actor,
        "decided_at": clock.now(),
        "answer": answer[:300],
    }
    moved = transition(
        row,
        source=ProposalState.ASKED,
        target=target,
        actor=person.actor,
        reason=answer[:300],
        **facts,
    )
    if not moved:
        raise ProposalAnswered()
    _forget_secrets([row.pk])


def _without_secrets(act: Act, args: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name not in act.secrets}


def _forget_secrets(proposal_ids: Collection[int]) -> None:
    """What was decided keeps none of what only carrying it out needed."""
    for row in Proposal.objects.filter(pk__in=proposal_ids):
        if act_of(row).secrets:
            args = _without_secrets(act_of(row), row.args)
            Proposal.objects.filter(pk=row.pk).update(args=args)


def _move(row: Proposal, target: ProposalState, *, actor: str, answer: str = "") -> bool:
    moved = transition(
        row, source=ProposalState.ASKED, target=target, actor=actor, reason=answer, answer=answer
    )
    _forget_secrets(moved)
    return bool(moved)


def _readable(act: Act, args: dict[str, Any]) -> dict[str, Any]:
    """What was stored, with its times as times and its secrets unsealed."""
    told = {
        name: parse_datetime(value) if name in act.moments and value else value
        for name, value in args.items()
    }
    return told | {name: personal.unseal(args[name]) for name in act.secrets}


def expire_proposals() -> int:
    """A sweep: proposals that nobody answered in time are over."""
    with transaction.atomic():
        late = Proposal.objects.filter(state=ProposalState.ASKED, expires_at__lte=clock.now())
        ids = list(late.order_by("expires_at").values_list("pk", flat=True)[:BATCH])
        moved = transition(
            Proposal.objects.filter(pk__in=ids),
            source=ProposalState.ASKED,
            target=ProposalState.EXPIRED,
            actor=SYSTEM,
            decided_at=clock.now(),
        )
        _forget_secrets(moved)
    return len(moved)


# ── Who is shown what ────────────────────────────────────────────────────────────────────────
def proposals_of(merchant_id: int) -> QuerySet[Proposal]:
    """What waits for this merchant's people, and what has become of it, newest first."""
    rows = Proposal.objects.filter(merchant=merchant_id).exclude(state=ProposalState.ALONE)
    return rows.order_by("-pk")


def proposals_for(person: User) -> QuerySet[Proposal]:
    """What this person has proposed, or may see to answer: of the merchant whose managers they are,
    or, on the desk, of all."""
    rows = Proposal.objects.exclude(state=ProposalState.ALONE).order_by("-pk")
    own = Q(asked_by=person.actor)
    if person.is_active and person.is_staff and person.has_perm(APPROVE):
        return rows
    post = selectors.membership_of(person)
    return rows.filter(own | Q(merchant=post.merchant_id)) if _answers(post) else rows.filter(own)


def _answers(post: Membership | None) -> TypeGuard[Membership]:
    return post is not None and may(post.role, "approve")


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """What waits for a second person of this merchant, for the queue on the street's page."""
    rows = Proposal.objects.filter(merchant=merchant_id, state=ProposalState.ASKED)
    return [
        {
            "since": row.asked_at,
            "plate": None,
            "title": act_of(row).word,
            "text": row.about,
            "subject": "proposal",
            "state": row.state,
            "due_at": row.expires_at,
            "owner": selectors.name_of(row.asked_by),
            "url": reverse("accounts.proposals"),
        }
        for row in rows.order_by("pk")[:MOST_NEEDS]
    ]


def tell_answers_to(person: User) -> list[Proposal]:
    """The answers to this person's proposals that they have not been shown yet; shown by this."""
    untold = Proposal.objects.filter(asked_by=person.actor, told_at=None, decided_at__isnull=False)
    return [
        row
        for row in untold.order_by("pk")
        if Proposal.objects.filter(pk=row.pk, told_at=None).update(told_at=clock.now())
    ]


# ── The limits themselves ────────────────────────────────────────────────────────────────────
def _always(*, actor: str, **given: Any) -> Weight:
    return Weight(merchant_id=None, fen=None, about=_whose(given.get("merchant_id")))


def _whose(merchant_id: int | None) -> str:
    return selectors.merchant(merchant_id).name if merchant_id else str(_("all merchants"))


@by_two(
    "accounts.set_limit",
    word=_("Change a limit for one person"),
    right="accounts.add_actlimit",
    weigh=_always,
)
@transaction.atomic
def set_limit(
    *, merchant_id: int | None, each_fen: int, day_fen: int, why: str, actor: str
) -> ActLimit:
    """A new version of what one person may decide alone; always by two."""
    row = ActLimit.objects.create(
        merchant_id=merchant_id,
        each_fen=each_fen,
        day_fen=day_fen,
        why=why,
        valid_from=clock.now(),
        said_by=actor,
    )
    audit.record(row, "said", actor=actor, reason=why, each_fen=each_fen, day_fen=day_fen)
    return row
