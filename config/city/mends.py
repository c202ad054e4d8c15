"""Mends that a run can lack, to see that the laws notice. Flags of the simulation alone.

Each takes one thing out of the house by a patch, and names the law that must break without it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.test import override_settings

import arrears.reactions
import arrears.services.holds
import arrears.services.looks
import core.outages
import monthlycard.services
import monthlycard.services.cards
import monthlycard.services.corrections
import monthlycard.services.objections
import parking.rules.votes
import parking.selectors
import parking.selectors.facts
import parking.services
import parking.services.accuracy
import parking.services.money
import parking.services.prices
import parking.services.retelling
import payments.selectors
import recovery.services.raising
import recovery.services.standing
from monthlycard.models import Plan, PlanVersion
from parking.models import ReviewItem, TariffVersion
from parking.rules.timeline import stays_of

TakeOut = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mend:
    """Without it this law breaks."""

    law: str
    says: str
    take_out: TakeOut


def _nothing(*values: Any, **more: Any) -> None:
    """What a function does that is not there."""


def _gone(place: Any, *names: str) -> TakeOut:
    """These functions do nothing."""

    @contextmanager
    def take_out() -> Iterator[None]:
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(patch.object(place, name, _nothing))
            yield

    return take_out


@contextmanager
def _no_questions() -> Iterator[None]:
    with (
        patch.object(parking.selectors.facts, "questions_of", lambda told: ()),
        patch.object(parking.selectors, "open_questions", lambda stay: ReviewItem.objects.none()),
    ):
        yield


def _as_said(said: Any, **more: Any) -> Any:
    return stays_of(said)


def _newest_version(tariff_id: int, at: Any) -> TariffVersion:
    return TariffVersion.objects.filter(tariff_id=tariff_id).order_by("-valid_from")[0]


_version_of = monthlycard.services.cards.version_of


def _first_version(plan: Plan) -> PlanVersion:
    return plan.versions.order_by("number").first() or _version_of(plan)


def _unmoved(*values: Any, **more: Any) -> list[int]:
    return []


def _no_fen(*values: Any, **more: Any) -> int:
    return 0


MENDS: dict[str, Mend] = {
    "gate": Mend(
        "L1",
        "nothing is asked while a question is open",
        _no_questions,
    ),
    "voices": Mend(
        "L1",
        "two voices settle a plate only where they are sure together",
        lambda: patch.object(parking.rules.votes, "SURE", 0.6),
    ),
    "camera": Mend(
        "L1",
        "a camera that may not bill asks a person",
        lambda: patch.object(parking.services.accuracy, "bills", lambda device_id: True),
    ),
    "hold": Mend("L1", "an objection holds the debt", _gone(arrears.services.holds, "hold")),
    "gaps": Mend(
        "L2",
        "the time in which a sensor was silent is not billed",
        _gone(parking.services, "open_gaps"),
    ),
    "once": Mend(
        "L3",
        "a sensor that loses its vehicle for seconds makes no second stay",
        lambda: patch.object(parking.services.retelling, "stays_of", _as_said),
    ),
    "give_back": Mend(
        "L4", "what a stay did not need goes back", _gone(parking.services.money, "promise_back")
    ),
    "clear": Mend(
        "L5",
        "what is settled is asked for no more",
        _gone(arrears.reactions, "settled", "voided"),
    ),
    "lower": Mend(
        "L6",
        "a lock goes down when what it stands on ends",
        lambda: patch.object(recovery.services.standing, "ask", lambda orders, *, actor: 0),
    ),
    "unclear": Mend(
        "L6",
        "a lock goes down while nobody knows how a payment ended",
        lambda: patch.object(payments.selectors, "unclear", lambda things: set()),
    ),
    "asked_at_raising": Mend(
        "L6",
        "every rule is asked again when a lock is raised",
        lambda: patch.object(recovery.services.raising, "rules_for", lambda order: []),
    ),
    "money_follows": Mend(
        "L4",
        "a corrected plate gives back what was paid for another vehicle",
        lambda: patch.object(parking.services.money, "leave_former_payers", _nothing),
    ),
    "outages": Mend(
        "L7",
        "the register of outages stretches windows and graces",
        lambda: patch.object(core.outages, "_add", _nothing),
    ),
    "version": Mend(
        "L9",
        "a stay keeps the prices of its beginning",
        lambda: patch.object(parking.services.prices, "version_at", _newest_version),
    ),
    "card_held": Mend(
        "L1",
        "an objection to a deduction holds it",
        lambda: patch.object(monthlycard.services.objections, "transition", _unmoved),
    ),
    "card_given_back": Mend(
        "L4",
        "a visit that leaves its statement is undone where it was taken",
        lambda: patch.object(monthlycard.services.corrections, "_give_back", _no_fen),
    ),
    "card_terms": Mend(
        "L9",
        "a card is sold by the plan as it is offered then",
        lambda: patch.object(monthlycard.services.cards, "version_of", _first_version),
    ),
    "card_of_former_holder": Mend(
        "L9",
        "a card ends with the holding that it hung on",
        _gone(monthlycard.services, "end_cards_of_former_holder"),
    ),
    "seen": Mend(
        "L11",
        "a person looks before anybody is asked",
        lambda: patch.object(arrears.services.looks, "seen", set),
    ),
    "own_debts": Mend(
        "L10",
        "a terminal is told of its own merchant's debts",
        lambda: override_settings(BOWEI_SHARE_LISTINGS=True),
    ),
}


@contextmanager
def without(mends: Sequence[str]) -> Iterator[None]:
    """The house as it would be without these."""
    with ExitStack() as stack:
        for name in mends:
            stack.enter_context(MENDS[name].take_out())
        yield
