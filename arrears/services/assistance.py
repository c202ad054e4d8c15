"""Help to pay: the plan that fits a person, and its contacts (P0.5, P0.6)."""

import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts import selectors as accounts
from accounts import services as account_services
from accounts.rules import contacts as hours
from arrears.models import Contact, OptOut, Plan, Portrait, Scheme, Watch
from arrears.rules import schemes as rules
from arrears.rules.vehicle import subject_of
from arrears.selectors.exempt import is_registered
from arrears.selectors.questions import (
    held_by,
    is_owed,
    may_be_asked_for,
    standing_still,
    under_way,
)
from arrears.services import schemes
from arrears.services.stays import locked_one
from arrears.states import ContactState, PlanState, WatchState
from core import audit, clock, links, live, outages
from core.errors import LinkEnded, Missing
from core.money import format_fen, split_fen
from core.plates import Plate
from core.transition import transition
from core.vehicles import of_vehicle
from parking import selectors as parking

log = logging.getLogger("bowei.arrears")
SYSTEM = "system:arrears.assistance"
BATCH = 100
EXPERIMENT = "assistance-2026"
KEY = "contact:"
WORDINGS: dict[str, str] = {
    Scheme.Tone.PLAIN: "reminder",
    Scheme.Tone.FRIENDLY: "reminder_friendly",
    Scheme.Tone.SUPPORT: "reminder_support",
}
PATIENCE = timedelta(minutes=10)  # until a contact that must wait is looked at again


# ── The plan (P0.5) ──────────────────────────────────────────────────────────────────────────
@transaction.atomic
def assist(*, watch_id: int) -> Plan | None:
    """The predicted payment time has passed unpaid: choose the scheme and make the personal plan.

    What was weighed is stored with it. None where it was paid or is contested meanwhile, or its
    vehicle is exempt.
    """
    watch = Watch.objects.select_related("assessment__portrait").get(pk=watch_id)
    facts = locked_one(watch.stay_id)
    watch.refresh_from_db()
    if watch.state != WatchState.RAN_OUT or not may_be_asked_for(facts):
        return None
    if is_registered(facts.plate):
        return None
    if Plan.objects.filter(watch=watch).exists():
        return None
    user = accounts.holder_of(facts.plate_text, facts.plate_colour)
    subject = subject_of(facts.plate_text, facts.plate_colour, user.pk if user else None)
    portrait = watch.assessment.portrait
    features = portrait.features if isinstance(portrait, Portrait) else {}
    held_out = rules.in_holdout(subject, salt=EXPERIMENT)
    in_use = schemes.in_use()
    reachable = _reachable(user.phone if user else "")
    case = rules.Case(
        amount_fen=facts.due_fen,
        probability=watch.assessment.probability or 0.0,
        late_share=features.get("late_share") or 0.0,
        overdue=features.get("overdue") or 0,
    )
    offers = [schemes.offer(scheme) for scheme in in_use.values()]
    if not any(one.channel in reachable for one in offers):
        log.warning("arrears.no_scheme_reaches watch=%s", watch.pk)
        offers = [schemes.offer(schemes.page_scheme())]
    best, weighed = rules.choose(offers, case, reachable=reachable, holdout=held_out)
    scheme = schemes.by_code(best.code)
    plan = Plan.objects.create(
        watch=watch,
        stay_id=facts.id,
        scheme=scheme,
        subject=subject,
        plate_text=facts.plate_text,
        plate_colour=facts.plate_colour,
        user=user,
        holdout=held_out,
        amount_fen=facts.due_fen,
        parts_fen=split_fen(facts.due_fen, [1] * best.instalments),
        channel=scheme.channel,
        tone=scheme.tone,
        wording="plan" if best.instalments > 1 else WORDINGS[scheme.tone],
        expected_fen=next(one.expected_fen for one in weighed if one.code == best.code),
        weighed=[{"scheme": one.code, "expected_fen": one.expected_fen} for one in weighed],
        made_at=clock.now(),
    )
    due_at = clock.now() + timedelta(hours=scheme.delay_h)
    _plan_contact(plan, 1, due_at)
    return plan


def _reachable(phone: str) -> set[str]:
    """How a person can be reached; the phone is only a proven holder's."""
    return {"page", "sms"} if phone else {"page"}


# ── The contacts (P0.6) ──────────────────────────────────────────────────────────────────────
def _plan_contact(plan: Plan, number: int, due_at: datetime) -> Contact:
    contact, _created = Contact.objects.get_or_create(
        plan=plan,
        number=number,
        defaults={"subject": plan.subject, "channel": plan.channel, "due_at": due_at},
    )
    return contact


def carry_out_contacts() -> int:
    """A sweep: contacts whose time has come, each in a transaction of its own."""
    due = Contact.objects.filter(state=ContactState.PLANNED, due_at__lte=clock.now())
    ids = list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:BATCH])
    return sum(carry_out(pk) for pk in ids)


@transaction.atomic
def carry_out(contact_id: int) -> int:
    """Make one contact, or say why not; 1 where its state or time changed.

    Everything is looked at now: paid or contested stops it, an opt-out blocks it, night and caps,
    which texts have from the place where they leave, put it off.
    """
    found = Contact.objects.filter(pk=contact_id).select_related("plan").first()
    if found is None:
        return 0
    facts = locked_one(found.plan.stay_id)
    contact = Contact.objects.select_for_update(no_key=True, of=("self",)).get(pk=contact_id)
    plan = Plan.objects.select_related("user", "scheme").get(pk=contact.plan_id)
    now = clock.now()
    if contact.state != ContactState.PLANNED or contact.due_at > now:
        return 0
    if not is_owed(facts):
        return _end(contact, ContactState.STOPPED, "nothing due")
    if held_by(facts):
        return _end(contact, ContactState.STOPPED, "disputed")
    if is_registered(facts.plate):
        return _end(contact, ContactState.STOPPED, "exempt")
    if opted_out(contact.subject) or (plan.user is not None and plan.user.sms_opted_out):
        return _end(contact, ContactState.BLOCKED, "opted out")
    allowed_at = _time_was_given(contact, plan, facts)
    if allowed_at > now:
        Contact.objects.filter(pk=contact.pk).update(due_at=allowed_at, why="outage or payment")
        return 1
    if contact.channel == "sms" and plan.user is not None and plan.user.phone:
        allowed_at = account_services.text_leaves_at(phone=plan.user.phone, template=plan.wording)
        if allowed_at > now:
            why = "quiet hours" if hours.is_quiet(now) else "limit reached"
            Contact.objects.filter(pk=contact.pk).update(due_at=allowed_at, why=why)
            return 1
    return _make(contact, plan, facts)


def _time_was_given(contact: Contact, plan: Plan, facts: parking.StayFacts) -> datetime:
    """When this contact may be made if outages of ours don't count as the person's time; later
    where one runs, or where a payment may be on its way."""
    now = clock.now()
    if standing_still([facts.section_id]) or under_way([facts.id]):
        return now + PATIENCE
    before = plan.contacts.filter(number=contact.number - 1).first()
    since = before.at if before and before.at else plan.made_at
    gap = timedelta(hours=plan.scheme.gap_h if before else plan.scheme.delay_h)
    gap = min(gap, max(contact.due_at - since, timedelta(0)))  # as far as it was planned so
    return outages.stretched(since, gap, about=facts.section_id)


def _make(contact: Contact, plan: Plan, facts: parking.StayFacts) -> int:
    now = clock.now()
    if contact.channel == "sms":
        phone = plan.user.phone if plan.user else ""
        if not phone:
            return _end(contact, ContactState.FAILED, "no phone")
        account_services.send_sms(
            phone=phone,
            template=plan.wording,
            params={
                "place": facts.section_name,
                "amount": format_fen(facts.due_fen),
                "parts": str(len(plan.parts_fen)),
                "url": settings.PUBLIC_URL + reverse("arrears.dues", args=[contact.token]),
            },
            key=f"{KEY}{contact.pk}",
        )
        moved = transition(
            contact, source=ContactState.PLANNED, target=ContactState.SENDING, actor=SYSTEM, at=now
        )
    else:  # made, and sent once the owner's page has shown it
        moved = transition(
            contact,
            source=ContactState.PLANNED,
            target=ContactState.SENDING,
            actor=SYSTEM,
            at=now,
            why="on the page",
        )
    earlier = plan.contacts.filter(number__lt=contact.number, state=ContactState.SENT, outcome="")
    earlier.update(outcome="nothing")
    live.push(f"merchant:{facts.merchant_id}")
    _go_on(plan, contact)
    return len(moved)


def _go_on(plan: Plan, contact: Contact) -> None:
    """Plan the next contact of the scheme, or end the plan with its last."""
    if contact.number < plan.scheme.contacts:
        after = clock.now() + timedelta(hours=max(plan.scheme.gap_h, 1))
        _plan_contact(plan, contact.number + 1, hours.after_quiet(after))
    else:
        transition(plan, source=PlanState.RUNNING, target=PlanState.DONE, actor=SYSTEM)


def _end(contact: Contact, target: ContactState, why: str) -> int:
    return len(
        transition(contact, source=ContactState.PLANNED, target=target, actor=SYSTEM, why=why)
    )


@transaction.atomic
def text_delivered(contact_id: int) -> None:
    """The reminder is on the phone."""
    rows = Contact.objects.filter(pk=contact_id)
    transition(rows, source=ContactState.SENDING, target=ContactState.SENT, actor=SYSTEM)


@transaction.atomic
def text_failed(contact_id: int) -> None:
    """The reminder could not be sent; it counts against nobody's budget."""
    rows = Contact.objects.filter(pk=contact_id)
    transition(
        rows,
        source=ContactState.SENDING,
        target=ContactState.FAILED,
        actor=SYSTEM,
        why="not sent",
        at=None,
    )


@transaction.atomic
def call_made(*, contact_id: int, outcome: str, actor: str) -> bool:
    """A person has called; `outcome` as Contact.Outcome. False where it was noted before."""
    rows = Contact.objects.filter(pk=contact_id, channel="call")
    return bool(
        transition(
            rows,
            source=ContactState.SENDING,
            target=ContactState.SENT,
            actor=actor,
            outcome=outcome,
        )
    )


@transaction.atomic
def shown_on_page(stay_ids: Collection[int], *, actor: str) -> int:
    """The owner's page has just shown the reminders that stand there for these stays."""
    rows = Contact.objects.filter(plan__stay_id__in=list(stay_ids), channel="page")
    return len(transition(rows, source=ContactState.SENDING, target=ContactState.SENT, actor=actor))


def stop(stay_ids: Collection[int], *, target: PlanState, why: str, actor: str) -> None:
    """End the plans of these stays with the change that ends them; queued texts are recalled.

    `target` is `paid` or `stopped`. Contacts that were made get their outcome (P0.6).
    """
    if not stay_ids:
        return
    plans = Plan.objects.filter(stay_id__in=list(stay_ids))
    _stop(plans, target=target, why=why, actor=actor)


@transaction.atomic
def leave_former_holder(*, user_id: int) -> None:
    """This person holds a plate no more: what was planned for them about its stays stops."""
    user = accounts.user(user_id)
    plans = Plan.objects.filter(user=user)
    for text, colour in accounts.proven_plates_of(user):
        plans = plans.exclude(of_vehicle(Plate.of(text, colour)))
    _stop(plans, target=PlanState.STOPPED, why="no longer the holder", actor=SYSTEM)


def _stop(plans: QuerySet[Plan], *, target: PlanState, why: str, actor: str) -> None:
    ids = list(plans.values_list("pk", flat=True))
    if not ids:
        return
    transition(
        Plan.objects.filter(pk__in=ids),
        source=[PlanState.RUNNING, PlanState.DONE],
        target=target,
        actor=actor,
        reason=why,
    )
    contacts = Contact.objects.filter(plan_id__in=ids)
    transition(
        contacts, source=ContactState.PLANNED, target=ContactState.STOPPED, actor=actor, why=why
    )
    _recall_texts(contacts, why=why, actor=actor)
    transition(
        contacts.filter(channel__in=["call", "page"]),
        source=ContactState.SENDING,
        target=ContactState.STOPPED,
        actor=actor,
        why=why,
        at=None,
    )
    outcome = {"paid": "paid", "disputed": "disputed"}.get(why)
    if outcome:
        made = contacts.filter(
            state__in=[ContactState.SENT, ContactState.SENDING], outcome__in=["", "opened"]
        )
        made.update(outcome=outcome)


def _recall_texts(contacts: QuerySet[Contact], *, why: str, actor: str) -> None:
    """Take back texts that the provider does not have yet."""
    for pk in contacts.filter(state=ContactState.SENDING, channel="sms").values_list(
        "pk", flat=True
    ):
        if recall(f"{KEY}{pk}", actor=actor):
            transition(
                Contact.objects.filter(pk=pk),
                source=ContactState.SENDING,
                target=ContactState.STOPPED,
                actor=actor,
                why=why,
                at=None,
            )


def recall(key: str, *, actor: str) -> bool:
    """Take back a text that has not been sent yet."""
    return account_services.recall_sms(key=key, actor=actor)


# ── The person's wish ────────────────────────────────────────────────────────────────────────
def opted_out(subject: str, what: OptOut.What = OptOut.What.REMINDERS) -> bool:
    return OptOut.objects.filter(subject=subject, what=what).exists()


def refuse_profiling(subject: str, *, actor: str) -> None:
    """No machine foresees how this person or vehicle pays, until they take that back."""
    OptOut.objects.get_or_create(
        subject=subject,
        what=OptOut.What.PROFILING,
        defaults={"at": clock.now(), "by": actor},
    )


@transaction.atomic
def allow_profiling(*, subject: str, actor: str) -> None:
    """The person takes back that no machine may foresee how they pay; from the next stay on."""
    for row in OptOut.objects.filter(subject=subject, what=OptOut.What.PROFILING):
        audit.record(row, "taken back", actor=actor)
        row.delete()


@transaction.atomic
def opt_out(*, subject: str, actor: str) -> None:
    """No more reminders to this person or vehicle, from any merchant; what is planned stops."""
    OptOut.objects.get_or_create(
        subject=subject, what=OptOut.What.REMINDERS, defaults={"at": clock.now(), "by": actor}
    )
    _tell_wish(subject, wanted=False)
    contacts = Contact.objects.filter(subject=subject)
    _recall_texts(contacts, why="opted out", actor=actor)
    transition(
        contacts,
        source=ContactState.PLANNED,
        target=ContactState.BLOCKED,
        actor=actor,
        why="opted out",
    )
    made = contacts.filter(state=ContactState.SENT, outcome__in=["", "opened"])
    made.update(outcome="opted_out")


@transaction.atomic
def opt_in(*, subject: str) -> None:
    """Reminders are welcome again."""
    OptOut.objects.filter(subject=subject, what=OptOut.What.REMINDERS).delete()
    _tell_wish(subject, wanted=True)


def _tell_wish(subject: str, *, wanted: bool) -> None:
    """A person's wish holds for every other reminder too."""
    kind, _colon, number = subject.partition(":")
    if kind == "user":
        account_services.want_reminders(user_id=int(number), wanted=wanted)


# ── The link of a contact ────────────────────────────────────────────────────────────────────
@transaction.atomic
def open_contact(*, token: str, browser: str) -> Contact:
    """The contact whose link was opened. Raises Missing for an unknown one, LinkEnded for an
    outdated one.

    It works once: after it has been used to pay, it opens only in the browser that used it. What
    only looks at an address beforehand (a carrier, a phone's preview) uses nothing up.
    """
    contact = Contact.objects.select_related("plan").filter(token=token).first()
    if contact is None or contact.at is None:
        raise Missing("bad_link")
    if clock.now() > contact.at + links.STAYS_OPEN:
        raise LinkEnded
    if contact.used_at is not None and not secrets.compare_digest(contact.opened_by, browser):
        raise Missing("used_link")
    if contact.opened_at is None:
        Contact.objects.filter(pk=contact.pk, opened_at=None).update(opened_at=clock.now())
        Contact.objects.filter(pk=contact.pk, outcome="").update(outcome="opened")
    return contact


@transaction.atomic
def use_contact(*, contact_id: int, browser: str) -> bool:
    """The link is used to pay, in this browser; False where another one has used it."""
    rows = Contact.objects.filter(pk=contact_id)
    if rows.filter(used_at=None).update(used_at=clock.now(), opened_by=browser):
        return True
    return rows.filter(opened_by=browser).exists()
