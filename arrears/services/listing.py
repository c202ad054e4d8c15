"""The list of vehicles with unpaid debts, recomputed where a debt changes (P3.2)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Q
from django.utils.translation import gettext_lazy as _

from accounts import selectors as accounts
from accounts.services import Weight, by_two
from arrears.models import BlacklistEntry, Debt, ListingRule
from arrears.rules import listing as rules
from arrears.selectors.exempt import is_exempt
from arrears.selectors.questions import standing_still, under_way, with_held
from arrears.services import notices
from arrears.states import ListingState
from core import audit, clock, live, locks, outages
from core.plates import Plate, colours_of_one
from core.transition import transition
from core.vehicles import of_outer_vehicle

SYSTEM = "system:arrears.listing"
PATIENCE = timedelta(minutes=10)  # until a vehicle that must wait is looked at again


def grace() -> timedelta:
    """The time between the delivery of a demand and an active listing."""
    return timedelta(hours=settings.BOWEI_GRACE_H)


def relist(plate_text: str, plate_colour: str, *, actor: str = SYSTEM, reason: str = "") -> str:
    """Bring this vehicle's entry in line with its debts, in the open transaction; its new state.

    A plate whose colour nobody read joins the one vehicle that is known with its text. The entry's
    row is locked before the debts are read, so of two payments at once the second sees what the
    first did. Notices that no longer hold are withdrawn here. An exempt vehicle is never
    listed: its debts exist, its entry does not.
    """
    plate = Plate.of(plate_text, plate_colour)
    now = clock.now()
    _one_at_a_time(plate_text)
    rows = BlacklistEntry.objects.filter(plate_text=plate_text).exclude(state=ListingState.GONE)
    entries = locks.lock(rows)
    debts = with_held(Debt.objects.filter(plate_text=plate_text, state__in=Debt.LIVE))
    owed = [] if is_exempt(plate) else list(debts.order_by("opened_at", "pk"))
    colours = colours_of_one(plate, [one.plate_colour for one in (*entries, *owed)])
    entries = [one for one in entries if one.plate_colour in colours]
    owed = [one for one in owed if one.plate_colour in colours]
    if not entries and not owed:
        return ListingState.GONE
    read = sorted({one.plate_colour for one in (*entries, *owed) if one.plate_colour})
    colour = read[0] if read else plate_colour
    if not entries:
        entries = [
            BlacklistEntry.objects.create(plate_text=plate_text, plate_colour=colour, since=now)
        ]
    entry, *doubles = sorted(entries, key=lambda one: not one.plate_colour)
    for double in doubles:  # written before the colour was read: one vehicle has one entry
        _move(double, ListingState.GONE, {"amount_fen": 0}, actor=actor, reason="one vehicle")
        notices.withdraw_stale(entry_id=double.pk, listed=False, actor=actor)
    register = outages.known(min((one.opened_at for one in owed), default=now))
    rule_of = rules_of({one.merchant_id for one in owed})
    place = rules.place(
        [
            rules.Owed(
                one.amount_fen,
                _counts_from(one, register),
                opened_at=_aged_from(one, rule_of[one.merchant_id], register),
                held=one.held,
                rule=rule_of[one.merchant_id],
            )
            for one in owed
        ],
        now=now,
        grace=grace(),
    )
    if place.state == ListingState.ACTIVE != entry.state and must_wait(owed):
        place = replace(place, state=ListingState.PENDING, due_at=now + PATIENCE)
    facts: dict[str, Any] = {
        "plate_colour": entry.plate_colour or colour,
        "amount_fen": place.amount_fen,
        "due_at": place.due_at,
        "why": _why(owed, place),
        "judge_at": None,
    }
    if place.state == entry.state:
        BlacklistEntry.objects.filter(pk=entry.pk).update(**facts)
    else:
        _move(entry, place.state, facts, actor=actor, reason=reason)
    notices.withdraw_stale(
        entry_id=entry.pk, listed=place.state == ListingState.ACTIVE, actor=actor
    )
    for merchant_id in {one.merchant_id for one in owed}:
        live.push(f"merchant:{merchant_id}")
    return place.state


def _one_at_a_time(plate_text: str) -> None:
    """Until the transaction ends nobody else begins an entry for this text, in whatever colour."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 32))", [plate_text])


def _counts_from(debt: Debt, register: outages.Register) -> datetime | None:
    """From when on a debt's grace runs: as much later than its demand as our outages took of it."""
    if debt.demanded_at is None:
        return None
    return register.stretched(debt.demanded_at, grace(), about=debt.section_id) - grace()


def _aged_from(debt: Debt, rule: rules.Rule, register: outages.Register) -> datetime:
    """From when on a debt's age counts: in the time that our outages took nobody could pay it."""
    return register.stretched(debt.opened_at, rule.age, about=debt.section_id) - rule.age


def must_wait(owed: Collection[Debt]) -> bool:
    """Whether a vehicle with these debts is not listed just now: an outage of ours runs, or a
    payment of one of them may be on its way."""
    still = standing_still([one.section_id for one in owed])
    return still or bool(under_way([one.stay_id for one in owed]))


def _why(owed: list[Debt], place: rules.ListPosition) -> dict[str, Any]:
    """What the entry follows from, as it was then: its debts, and the rule they were held to."""
    rule = place.rule
    return {
        "debts": [one.pk for one in owed],
        "count": len(owed),
        "oldest": owed[0].opened_at.isoformat() if owed else None,
        "rule": None
        if rule is None
        else {
            "version": rule.version,
            "amount_fen": rule.amount_fen,
            "count": rule.count,
            "age_days": rule.age.days,
            "met": place.state == ListingState.ACTIVE or place.due_at is not None,
        },
    }


def rules_of(merchant_ids: Collection[int]) -> dict[int, rules.Rule]:
    """The rule under which each of these creditors' debts list: their own, else the city's."""
    rows = ListingRule.objects.filter(Q(merchant=None) | Q(merchant__in=merchant_ids))
    newest = {row.merchant_id: row for row in rows.order_by("pk")}
    said = {
        of: rules.Rule(
            amount_fen=row.amount_fen,
            count=row.count,
            age=timedelta(days=row.age_days),
            version=row.pk,
        )
        for of, row in newest.items()
    }
    return {one: said.get(one) or said.get(None) or rules.Rule() for one in merchant_ids}


def _weight_of_rule(*, actor: str, merchant_id: int | None, **_said: Any) -> Weight:
    """When vehicles are listed is never one person's word."""
    whose = accounts.merchant(merchant_id).name if merchant_id else str(_("all merchants"))
    return Weight(merchant_id=None, fen=None, about=whose)


@by_two(
    "arrears.say_rule",
    word=_("Change when debts list a vehicle"),
    right="arrears.add_listingrule",
    weigh=_weight_of_rule,
)
@transaction.atomic
def say_rule(
    *,
    merchant_id: int | None,
    amount_fen: int,
    count: int,
    age_days: int,
    why: str,
    actor: str,
) -> ListingRule:
    """A person says from when on debts list a vehicle; always by two."""
    rule = ListingRule(
        merchant_id=merchant_id, amount_fen=amount_fen, count=count, age_days=age_days, why=why
    )
    return set_rule(rule, actor=actor)


@transaction.atomic
def set_rule(rule: ListingRule, *, actor: str) -> ListingRule:
    """A new version of a listing rule; whom it concerns is judged anew by the next sweeps."""
    rule.valid_from, rule.said_by = clock.now(), actor
    rule.save(force_insert=True)
    audit.record(rule, "said", actor=actor, reason=rule.why)
    live_debts = Debt.objects.filter(of_outer_vehicle(), state__in=Debt.LIVE)
    if rule.merchant_id is not None:
        live_debts = live_debts.filter(merchant=rule.merchant_id)
    entries = BlacklistEntry.objects.filter(Exists(live_debts), state__in=BlacklistEntry.LIVE)
    entries.update(judge_at=clock.now())
    return rule


def _move(
    entry: BlacklistEntry, target: ListingState, facts: dict[str, Any], *, actor: str, reason: str
) -> None:
    source = ListingState(entry.state)
    if target == ListingState.ACTIVE:
        facts["active_at"] = clock.now()
    if target == ListingState.GONE:
        facts["gone_at"] = clock.now()
    transition(entry, source=source, target=target, actor=actor, reason=reason, **facts)
