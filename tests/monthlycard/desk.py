"""Hands for tests without sockets: agreements signed, visits reported, statements agreed."""

from datetime import datetime, timedelta
from typing import Any

from core import clock, personal
from monthlycard import services
from monthlycard.models import Agreement, Card, Deduction, LotSystem, Statement
from monthlycard.rules import signing
from monthlycard.services.lots import Report
from monthlycard.services.statements import agree
from tests.monthlycard.conftest import agreed
from tests.people import TEST


def signed(lot: LotSystem, **terms: Any) -> Agreement:
    """An agreement that both sides have signed."""
    agreement = agreed(lot, **terms)
    secret = personal.unseal(lot.secret_sealed)
    signature = signing.sign_agreement(secret, agreement.terms_hash)
    services.sign_by_lot(agreement=agreement, signature=signature, actor=TEST)
    return agreement


def pass_of(card: Card, direction: str, number: object, at: datetime) -> Report:
    """What a lot reports of the card's vehicle at its barrier."""
    return Report(
        record_id=f"{direction}-{number}",
        direction=direction,
        flow="card",
        reason="valid",
        plate_text=card.plate_text,
        plate_colour=card.plate_colour,
        etc_plate_text="",
        card_number=card.number,
        passed_at=at.replace(microsecond=0),
        count_today=1,
    )


def report(lot: LotSystem, card: Card, number: object, at: datetime, hours: float) -> list[Any]:
    """A visit of the card's vehicle, both its records reported at its exit; what became of each.

    Business time stands afterwards where it stood before.
    """
    left = at + timedelta(hours=hours)
    passes = [pass_of(card, "entry", number, at), pass_of(card, "exit", number, left)]
    now = clock.now()
    clock.move_to(left)
    outcomes = services.take_passes(lot=lot, reports=passes)
    clock.move_to(now)
    return outcomes


def statement_agreed() -> Statement:
    """The newest statement, agreed on and not yet deducted."""
    from django.db import transaction

    statement = Statement.objects.order_by("-pk")[0]
    with transaction.atomic():
        agree(statement, actor=TEST)
    return statement


def deducted(statement: Statement) -> Deduction:
    services.deduct(statement_id=statement.pk, actor=TEST)
    return statement.deductions.get()
