"""Hands for tests without sockets: agreements signed, visits reported, statements agreed."""

from datetime import datetime, timedelta
from typing import Any

from core import personal
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


def report(lot: LotSystem, card: Card, number: int, at: datetime, hours: float) -> list[Any]:
    """A visit of the card's vehicle, both its records; what became of each."""
    passes = [("entry", at), ("exit", at + timedelta(hours=hours))]
    return services.take_passes(
        lot=lot,
        reports=[
            Report(
                record_id=f"{direction}-{number}",
                direction=direction,
                flow="card",
                reason="valid",
                plate_text=card.plate_text,
                plate_colour=card.plate_colour,
                etc_plate_text="",
                card_number=card.number,
                passed_at=passed_at,
                count_today=1,
            )
            for direction, passed_at in passes
        ],
    )


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
