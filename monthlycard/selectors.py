"""Questions about cards, lots and statements."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.urls import reverse
from django.utils.translation import gettext as _

from core import clock
from core.money import format_fen
from core.plates import Plate
from core.templatetags.bowei import when
from core.vehicles import of_vehicle
from monthlycard.models import (
    Agreement,
    Card,
    CardObjection,
    CardVehicle,
    Deduction,
    LotSystem,
    PassRecord,
    Plan,
    Statement,
    StatementItem,
)
from monthlycard.rules import CardRecord, Pass, StatementLine
from monthlycard.states import AgreementState, CardState, DeductionState, StatementState
from payments import selectors as payments


def passed_a_gate(plate: Plate, since: datetime, until: datetime, section_id: int) -> bool:
    """Whether a lot that is not this section let this vehicle in or out in this time."""
    rows = PassRecord.objects.filter(of_vehicle(plate), passed_at__gt=since, passed_at__lt=until)
    return rows.exclude(lot__section=section_id).exclude(oddity__in=["future"]).exists()


def lot_by_code(code: str) -> LotSystem | None:
    return LotSystem.objects.filter(code=code).select_related("section").first()


def agreement_in_force(lot: LotSystem, *, before: datetime | None = None) -> Agreement | None:
    """The newest version that both sides have signed and that holds now, or held before `before`.

    A period goes by the agreement that held when it ended, however late it is closed.
    """
    rows = lot.agreements.filter(state=AgreementState.SIGNED)
    if before is None:
        rows = rows.filter(valid_from__lte=clock.now())
    else:
        rows = rows.filter(valid_from__lt=before)
    return rows.order_by("-version").first()


def records_of(plate_text: str) -> list[CardRecord]:
    """The newest record of each card that this plate has; one indexed query."""
    return [as_record(row) for row in newest_records(plate_text)]


def newest_records(plate_text: str) -> QuerySet[CardVehicle]:
    """This plate's records that no later version of the same card replaces."""
    later = CardVehicle.objects.filter(card=OuterRef("card"), version__gt=OuterRef("version"))
    rows = CardVehicle.objects.filter(~Exists(later), plate_text=plate_text)
    return rows.select_related("card")


def records_since(lot: LotSystem, cursor: int, limit: int = 1000) -> list[CardVehicle]:
    """The records after `cursor` that concern this lot, revocations included (P4.4).

    A card that was taken off this lot shows here once more, without it: that is how the lot learns
    that it is gone. Cards of other lots are none of its business.
    """
    rows = CardVehicle.objects.filter(cursor__gt=cursor, told__contains=[lot.code])
    rows = rows.select_related("card")
    return list(rows.order_by("cursor")[:limit])


def as_record(row: CardVehicle) -> CardRecord:
    return CardRecord(
        card_number=row.card.number,
        version=row.version,
        plate_text=row.plate_text,
        plate_colour=row.plate_colour,
        lots=tuple(row.lots),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        state=row.state,  # type: ignore[arg-type]
        made_at=row.made_at,
    )


def history_of(lot: LotSystem, card_ids: Iterable[int]) -> list[CardRecord]:
    """All versions of these cards' records that this lot was told, as it counts by them too."""
    rows = CardVehicle.objects.filter(card__in=set(card_ids), told__contains=[lot.code])
    return [as_record(row) for row in rows.select_related("card").order_by("version")]


def cards_of(user_id: int) -> QuerySet[Card]:
    """A person's cards, those in force or under way first, then the newest; with their terms."""
    rows = Card.objects.filter(user_id=user_id).select_related("plan", "terms", "user")
    over = Q(state__in=[CardState.EXPIRED, CardState.ENDED, CardState.REFUSED])
    over |= Q(expires_at__lte=clock.now())
    return rows.order_by(Case(When(over, then=1), default=0), "-pk")


def plans_on_sale() -> QuerySet[Plan]:
    return Plan.objects.filter(on_sale=True).prefetch_related("lots__section").order_by("pk")


def passes_of(card_ids: Iterable[int]) -> QuerySet[PassRecord]:
    """Where cards were used, newest first, the lot's section included; not by other vehicles."""
    rows = PassRecord.objects.filter(card__in=list(card_ids)).exclude(oddity="other_vehicle")
    return rows.select_related("lot__section", "card").order_by("-passed_at", "-pk")


def deductions_of(card_ids: Iterable[int]) -> QuerySet[Deduction]:
    """What was taken from cards, newest first, statement and lot included."""
    rows = Deduction.objects.filter(card__in=list(card_ids))
    return rows.select_related("statement__lot__section", "card").order_by("-deducted_at", "-pk")


def objections_of(card_ids: Iterable[int]) -> QuerySet[CardObjection]:
    """What was said about these cards before anything was deducted, newest first; lot included."""
    rows = CardObjection.objects.filter(card__in=list(card_ids), deduction=None)
    return rows.select_related("lot__section", "card").order_by("-pk")


def visits_of(deduction: Deduction) -> list[dict[str, Any]]:
    """The visits that a deduction was made for: when, for how much, whether they still stand."""
    gone = visits_out(deduction.statement)
    found: dict[str, dict[str, Any]] = {}
    for item in deduction.statement.items.filter(card=deduction.card).order_by("pk"):
        one = found.setdefault(
            item.visit,
            {
                "key": item.visit,
                "entry_at": item.entry_at,
                "exit_at": item.exit_at,
                "fee_fen": 0,
                "out": item.visit in gone,
            },
        )
        one["fee_fen"] += item.fee_fen
    return list(found.values())


def lots_of(merchant_id: int) -> QuerySet[LotSystem]:
    rows = LotSystem.objects.filter(merchant_id=merchant_id)
    return rows.select_related("section").order_by("pk")


def statements_of(merchant_id: int) -> QuerySet[Statement]:
    """A merchant's statements, newest first, lot and agreement included."""
    rows = Statement.objects.filter(lot__merchant_id=merchant_id)
    return rows.select_related("lot__section", "agreement").order_by("-made_at", "-pk")


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """Statements that a person of this merchant should look at, newest first (P4.10, P4.11)."""
    missed = Q(state=StatementState.SENT, fetched_at=None, missed_at__isnull=False)
    return [
        {
            "since": row.answered_at or row.missed_at,
            "plate": None,
            "title": row.lot.section.name,
            "text": _("The lot counts otherwise.")
            if row.state == StatementState.DISPUTED
            else _("The lot has not fetched its statement."),
            "subject": "statement",
            "state": row.state,
            "url": reverse("monthlycard.lots"),
        }
        for row in statements_of(merchant_id).filter(missed | Q(state=StatementState.DISPUTED))[:20]
    ]


def unstated_passes(lot: LotSystem) -> QuerySet[PassRecord]:
    """Card vehicles' passes that no statement has yet; with them the exits of cards that ran out.

    What of such a stay is the card's says `rules.card_visits` (P4.8).
    """
    ran_out = Q(flow=PassRecord.Flow.TEMPORARY, direction="exit", reason="expired")
    rows = PassRecord.objects.filter(lot=lot, statement=None, card__isnull=False)
    return rows.filter(Q(flow=PassRecord.Flow.CARD) | ran_out).select_related("card")


def odd_passes_of(merchant_id: int) -> QuerySet[PassRecord]:
    """A merchant's pass records with something odd about them, newest first (P4.7)."""
    rows = PassRecord.objects.filter(lot__merchant_id=merchant_id).exclude(oddity="")
    return rows.select_related("lot__section").order_by("-received_at", "-pk")


def waiting_for(lot: LotSystem) -> list[str]:
    """The numbers of the statements that this lot has not checked yet, oldest first."""
    rows = lot.statements.filter(state__in=[StatementState.SENT, StatementState.DISPUTED]).order_by(
        "pk"
    )
    return list(rows.values_list("number", flat=True))


def as_pass(row: PassRecord) -> Pass:
    assert row.card is not None
    return Pass(
        record_id=row.record_id,
        direction=row.direction,  # type: ignore[arg-type]
        plate_text=row.plate_text,
        plate_colour=row.plate_colour,
        card_number=row.card.number,
        at=row.passed_at,
        odd=row.oddity not in PassRecord.BILLED,
    )


def visits_out(statement: Statement) -> set[str]:
    """The visits whose newest correcting line has taken them out of this statement."""
    rows = statement.corrections.order_by("pk").values_list("visit", "out")
    return {visit for visit, out in dict(rows).items() if out}


def standing_items(statement: Statement) -> QuerySet[StatementItem]:
    """The lines of visits that stand in a statement, in its own order; card included."""
    rows = statement.items.exclude(visit__in=visits_out(statement))
    return rows.select_related("card").order_by("pk")


def items_of(deduction: Deduction) -> QuerySet[StatementItem]:
    """The lines that a deduction is about, as far as they stand."""
    return standing_items(deduction.statement).filter(card=deduction.card)


def lines_of(statement: Statement) -> list[StatementLine]:
    """What a statement says now: the lines of the visits that stand in it, in its own order."""
    return [_as_line(row) for row in standing_items(statement)]


def all_lines(statement: Statement) -> list[tuple[StatementLine, bool]]:
    """A statement's lines, then its correcting lines in their order; whether it corrects.

    A visit that is taken out repeats its lines with quantity and fee below 0; one that comes back
    repeats them as they were. The sum of all is the statement's total.
    """
    items = list(statement.items.select_related("card").order_by("pk"))
    lines = [(_as_line(row), row.correction) for row in items]
    for correction in statement.corrections.order_by("pk"):
        sign = -1 if correction.out else 1
        lines += [(_as_line(row, sign), True) for row in items if row.visit == correction.visit]
    return lines


def _as_line(row: StatementItem, sign: int = 1) -> StatementLine:
    return StatementLine(
        visit=row.visit,
        card_number=row.card.number,
        plate_text=row.plate_text,
        plate_colour=row.plate_colour,
        entry_at=row.entry_at,
        exit_at=row.exit_at,
        counted_until=row.counted_until,
        quantity=sign * row.quantity,
        unit_price_fen=row.unit_price_fen,
        fee_fen=sign * row.fee_fen,
    )


def paid_parts(payable: str, subject_id: int, fen: int) -> list[tuple[int, int]]:
    """So much over the payments of a thing, the newest first, as far as it did not go back."""
    parts: list[tuple[int, int]] = []
    for item in reversed(payments.paid_items(payable, subject_id)):
        back_fen = sum(row.amount_fen for row in payments.refunds_of_items([item.pk]))
        mine = min(fen, item.taken_fen - back_fen)
        if mine > 0:
            parts.append((item.pk, mine))
            fen -= mine
    return parts


def owner_notices(about: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """What a person's cards did not cover and is still to pay, for their page of dues (P4.12)."""
    people = [pk for payable, pk in about if payable == "accounts.user"]
    rows = Deduction.objects.filter(card__user__in=people, due_fen__gt=0)
    rows = rows.filter(state__in=[DeductionState.DUE, DeductionState.OVERDUE])
    return [
        {
            "text": _("Your card did not cover %(amount)s at %(place)s. Pay it before %(until)s.")
            % {
                "amount": format_fen(row.due_fen),
                "place": row.statement.lot.section.name,
                "until": when(row.pay_by),
            }
            if row.state == DeductionState.DUE
            else _("Your card did not cover %(amount)s at %(place)s. The time to pay is over.")
            % {"amount": format_fen(row.due_fen), "place": row.statement.lot.section.name},
            "url": reverse("monthlycard.deduction", args=[row.pk]),
            "verb": _("Look at it, pay or object"),
            "topic": f"deduction:{row.pk}",
            "tone": "amber",
        }
        for row in rows.select_related("statement__lot__section").order_by("pay_by")
    ]
