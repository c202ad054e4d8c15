"""What lot systems ask and report: keys, agreements, questions, pass records (P4.4 to P4.8)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from arrears import services as arrears
from core import audit, clock, locks, personal
from core.calendar import city_date, day_bounds
from core.money import format_fen
from core.parse import is_ours
from core.plates import BadPlate, parse
from core.transition import transition
from monthlycard import selectors
from monthlycard.errors import BadSignature, BadTerms, OtherBody
from monthlycard.models import Agreement, Card, LotSystem, PassRecord, Question
from monthlycard.rules import Terms, admit, held_at, period_of, signing
from monthlycard.services.cards import tell_of_lot
from monthlycard.states import AgreementState
from parking import services as parking_services

CLOCKS_DIFFER = timedelta(minutes=10)  # a pass further ahead than this is typed `future`
AT_THE_BARRIER = timedelta(minutes=5)  # a question of another time is answered without debts
MOST_NOT_SEEN = 5  # listed vehicles that a lot is told of before it has to report their passes
MOST_VISITS_A_DAY = 24  # of one card at one lot; beyond it a pass is typed `too_many`


@transaction.atomic
def add_lot_system(
    *, code: str, maker: str, section_id: int, merchant_id: int, actor: str
) -> tuple[LotSystem, str]:
    """A lot system and its secret, which is shown this once."""
    secret = secrets.token_urlsafe(32)
    lot = LotSystem.objects.create(
        code=code,
        maker=maker,
        section_id=section_id,
        merchant_id=merchant_id,
        secret_sealed=personal.seal(secret),
    )
    audit.record(lot, "added", actor=actor)
    return lot, secret


@transaction.atomic
def draft_agreement(*, lot: LotSystem, actor: str, terms: dict[str, Any], **rest: Any) -> Agreement:
    """The next version of a lot's agreement, for both to sign. Raises BadTerms."""
    try:
        Terms.from_json(terms)
    except ValueError as error:
        raise BadTerms(str(error)) from error
    if rest["period"] != Agreement.Period.EXIT:
        try:
            period_of(rest["period"], rest.get("period_day", 1), at=clock.now())
        except ValueError as error:
            raise BadTerms(str(error)) from error
    newest = lot.agreements.order_by("-version").first()
    agreement = Agreement(lot=lot, version=newest.version + 1 if newest else 1, terms=terms, **rest)
    try:
        agreement.clean_fields(exclude={"terms_hash"})
    except ValidationError as error:
        raise BadTerms("; ".join(error.messages)) from error
    if not is_ours(agreement.valid_from.date()):
        raise BadTerms(f"valid_from: {agreement.valid_from.date()}")
    agreement.terms_hash = signing.agreement_hash(agreement_body(agreement))
    agreement.save()
    audit.record(agreement, "drafted", actor=actor)
    return agreement


def agreement_body(agreement: Agreement) -> dict[str, Any]:
    """What both sides sign, as the lot reads it."""
    return {
        "lot": agreement.lot.code,
        "version": agreement.version,
        "terms": agreement.terms,
        "when_expired": agreement.when_expired,
        "period": agreement.period,
        "period_day": agreement.period_day,
        "silence_agrees_after_h": agreement.silence_agrees_after_h,
        "valid_from": agreement.valid_from.astimezone(UTC).isoformat(),
    }


@transaction.atomic
def sign_by_platform(*, agreement: Agreement, actor: str) -> bool:
    """The operator signs; True once both have."""
    rows = Agreement.objects.filter(
        pk=agreement.pk, platform_signed_at=None, state=AgreementState.DRAFT
    )
    rows.update(platform_signed_by=actor, platform_signed_at=clock.now())
    return _signed(agreement, actor)


@transaction.atomic
def sign_by_lot(*, agreement: Agreement, signature: str, actor: str) -> bool:
    """The lot signs the hash with its secret; True once both have. Raises BadSignature."""
    secret = personal.unseal(agreement.lot.secret_sealed)
    if not signing.equal(signing.sign_agreement(secret, agreement.terms_hash), signature):
        raise BadSignature()
    rows = Agreement.objects.filter(pk=agreement.pk, lot_signed_at=None, state=AgreementState.DRAFT)
    rows.update(lot_signature=signature, lot_signed_at=clock.now())
    return _signed(agreement, actor)


def _signed(agreement: Agreement, actor: str) -> bool:
    rows = Agreement.objects.filter(pk=agreement.pk).exclude(platform_signed_at=None)
    moved = transition(
        rows.exclude(lot_signed_at=None),
        source=AgreementState.DRAFT,
        target=AgreementState.SIGNED,
        actor=actor,
    )
    agreement.refresh_from_db()
    if moved:
        begins = max(clock.now(), agreement.valid_from)
        at = close_at(agreement, after=begins) or begins
        LotSystem.objects.filter(pk=agreement.lot_id, next_close_at=None).update(next_close_at=at)
    return bool(moved)


def close_at(agreement: Agreement, *, after: datetime) -> datetime | None:
    """When the period that `after` lies in is closed; None: with the next exit."""
    if agreement.period == Agreement.Period.EXIT:
        return None
    kind: Any = agreement.period
    return period_of(kind, agreement.period_day, at=after).ends_at


@transaction.atomic
def renew_secret(*, lot: LotSystem, actor: str) -> str:
    """A new secret for a lot, shown this once; the old one is worth nothing from now on."""
    secret = secrets.token_urlsafe(32)
    LotSystem.objects.filter(pk=lot.pk).update(
        secret_sealed=personal.seal(secret), secret_version=F("secret_version") + 1
    )
    audit.record(lot, "secret_renewed", actor=actor)
    return secret


@transaction.atomic
def set_takes_cards(*, lot: LotSystem, takes: bool, actor: str) -> bool:
    """Whether a lot takes cards (P4.8); its cards are told to the lots again."""
    rows = LotSystem.objects.filter(pk=lot.pk, takes_cards=not takes)
    if not rows.update(takes_cards=takes):
        return False
    audit.record(lot, "takes_cards" if takes else "takes_no_cards", actor=actor)
    tell_of_lot(lot.code)
    return True


def answer_question(
    *,
    lot: LotSystem,
    request_id: str,
    direction: str,
    plate_text: str,
    plate_colour: str,
    at: datetime,
    lots_own: bool | None,
) -> dict[str, Any]:
    """Whether a vehicle passes as a card vehicle, with the reason (P4.6); again asked, the same.

    What it is told of debts stands beside the answer and is repeated only while it is true.
    `lots_own` is what the lot's own list said, where it has looked: a disagreement is recorded.
    Raises OtherBody where the number stands for another question.
    """
    asked = _Asked(lot, request_id, direction, plate_text, plate_colour, at, lots_own)
    try:
        return _answer(asked)
    except IntegrityError:
        return _answer(asked)  # the same question at the same moment: now it is known


@dataclass(frozen=True, slots=True)
class _Asked:
    lot: LotSystem
    request_id: str
    direction: str
    plate_text: str
    plate_colour: str
    at: datetime
    lots_own: bool | None


@transaction.atomic
def _answer(asked: _Asked) -> dict[str, Any]:
    lot = asked.lot
    known = Question.objects.filter(lot=lot, request_id=asked.request_id).first()
    if known is not None:
        if (known.plate_text, known.direction) != (asked.plate_text, asked.direction):
            raise OtherBody(asked.request_id)
        told = arrears.told_before(known.notice_id) if known.notice_id else None
        return {**known.answer, "notice": _as_notice(told)}
    rows = list(selectors.newest_records(asked.plate_text))
    decision = admit(
        [selectors.as_record(row) for row in rows],
        plate_text=asked.plate_text,
        plate_colour=asked.plate_colour,
        lot=lot.code,
        at=asked.at,
    )
    admitted = decision.card and lot.takes_cards
    reason = decision.reason if lot.takes_cards else "lot_takes_no_cards"
    record = decision.record
    card = next(
        (row.card for row in rows if record and row.card.number == record.card_number), None
    )
    answer: dict[str, Any] = {
        "request_id": asked.request_id,
        "admit": "card" if admitted else "temporary",
        "reason": reason,
        "card": record.card_number if record and admitted else None,
        "valid_until": record.valid_until.isoformat() if record and admitted else None,
    }
    told = _tell_of_debts(asked)
    Question.objects.create(
        lot=lot,
        request_id=asked.request_id,
        direction=asked.direction,
        plate_text=asked.plate_text,
        plate_colour=asked.plate_colour,
        asked_at=clock.now(),
        card=card,
        admitted=admitted,
        reason=reason,
        answer=answer,
        notice_id=told.notice_id if told else None,
        lots_own=asked.lots_own,
        disagreed=asked.lots_own is not None and asked.lots_own != admitted,
    )
    return {**answer, "notice": _as_notice(told)}


def _tell_of_debts(asked: _Asked) -> arrears.ToldToLot | None:
    """What a lot is told about a listed vehicle that is at its barrier now (P3.3, P3.4).

    Nothing where the colour is unknown or the text is no plate: nobody is accused on a guess.
    Nothing either where too many of whom it was told never passed: a lot that goes through plates
    learns no more than that.
    """
    if not asked.plate_colour or abs(asked.at - clock.now()) > AT_THE_BARRIER:
        return None
    try:
        plate = parse(asked.plate_text, asked.plate_colour)
    except BadPlate:
        return None
    if _told_and_not_seen(asked.lot) >= MOST_NOT_SEEN:
        return None
    return arrears.tell_lot(
        merchant_id=asked.lot.merchant_id, section_id=asked.lot.section_id, plate=plate
    )


def _told_and_not_seen(lot: LotSystem) -> int:
    """How many of the day's vehicles that this lot was told of it has reported no pass of since."""
    passed = PassRecord.objects.filter(
        lot=lot,
        plate_text=OuterRef("plate_text"),
        passed_at__gte=OuterRef("asked_at") - AT_THE_BARRIER,
    )
    told = Question.objects.filter(lot=lot, asked_at__gt=clock.now() - timedelta(days=1))
    told = told.filter(~Exists(passed), notice_id__isnull=False)
    return told.values("plate_text").distinct().count()


def _as_notice(told: arrears.ToldToLot | None) -> dict[str, Any] | None:
    if told is None:
        return None
    amount = format_fen(told.amount_fen)
    return {
        "text": _("Parking fees of %(amount)s are open for this vehicle.") % {"amount": amount},
        "amount_fen": told.amount_fen,
        "since": told.since.isoformat(),
        "until": told.until.isoformat(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One entry or exit as a lot reports it (P4.7)."""

    record_id: str
    direction: str
    flow: str
    reason: str
    plate_text: str
    plate_colour: str
    etc_plate_text: str
    card_number: str
    passed_at: datetime
    count_today: int | None


@transaction.atomic
def take_passes(*, lot: LotSystem, reports: list[Report]) -> list[dict[str, str]]:
    """Store entry and exit records, each once; for each its outcome: stored, again, or differs.

    A batch may come twice or in parts. Odd records are stored with what is odd about them, and but
    for late ones (their period is closed already) no statement counts them: future, etc_differs,
    unknown_card, other_vehicle, not_valid_then, too_many.
    """
    locks.one_at_a_time("monthlycard.passes", lot.pk)  # a day's visits are counted, then added to
    outcomes: list[dict[str, str]] = []
    for report in reports:
        body_hash = hashlib.sha256(repr(report).encode()).hexdigest()
        row, created = PassRecord.objects.get_or_create(
            lot=lot, record_id=report.record_id, defaults=_as_row(lot, report, body_hash)
        )
        if not created and row.body_hash != body_hash:
            outcomes.append({"record_id": report.record_id, "outcome": OtherBody("").code})
            continue
        if created and row.oddity != PassRecord.Oddity.FUTURE:  # nobody knows when that was
            parking_services.look_at_pass(
                plate_text=report.plate_text,
                plate_colour=report.plate_colour,
                at=report.passed_at,
                section_id=lot.section_id,
            )
        outcome = "stored" if created else "again"
        outcomes.append({"record_id": report.record_id, "outcome": outcome, "oddity": row.oddity})
    if any(report.direction == "exit" for report in reports):
        agreement = selectors.agreement_in_force(lot)
        if agreement and agreement.period == Agreement.Period.EXIT:
            LotSystem.objects.filter(pk=lot.pk).update(next_close_at=clock.now())
    return outcomes


def _as_row(lot: LotSystem, report: Report, body_hash: str) -> dict[str, Any]:
    card = Card.objects.filter(number=report.card_number).first() if report.card_number else None
    return {
        "body_hash": body_hash,
        "direction": report.direction,
        "flow": report.flow,
        "reason": report.reason,
        "plate_text": report.plate_text,
        "plate_colour": report.plate_colour,
        "etc_plate_text": report.etc_plate_text,
        "card": card,
        "passed_at": report.passed_at,
        "received_at": clock.now(),
        "count_today": report.count_today,
        "oddity": _oddity(lot, report, card),
    }


def _oddity(lot: LotSystem, report: Report, card: Card | None) -> str:
    """What is odd about a report, by the card's version that held when the vehicle passed."""
    if report.etc_plate_text and report.etc_plate_text != report.plate_text:
        return "etc_differs"  # P4.1: read plate and tag are compared, neither overwrites the other
    if report.passed_at > clock.now() + CLOCKS_DIFFER:
        return "future"
    ran_out = report.reason == "expired" and report.direction == PassRecord.Direction.EXIT
    if report.flow != PassRecord.Flow.CARD and not (report.card_number and ran_out):
        return ""
    if card is None:
        return "unknown_card"
    record = held_at(selectors.history_of(lot, [card.pk]), report.passed_at)
    if record is None:
        return "not_valid_then"
    decision = admit(
        [record],
        plate_text=report.plate_text,
        plate_colour=report.plate_colour,
        lot=lot.code,
        at=report.passed_at,
    )
    if decision.reason in ("no_card", "other_colour"):
        return "other_vehicle"
    if not decision.card and not (ran_out and decision.reason == "expired"):
        return "not_valid_then"
    if _visits_of_day(lot, card, report) >= MOST_VISITS_A_DAY:
        return "too_many"
    return "late" if lot.closed_until and report.passed_at < lot.closed_until else ""


def _visits_of_day(lot: LotSystem, card: Card, report: Report) -> int:
    """How many passes of this direction the card has at this lot on that day of the city."""
    begins, ends = day_bounds(city_date(report.passed_at))
    mine = PassRecord.objects.filter(lot=lot, card=card, direction=report.direction)
    mine = mine.filter(passed_at__gte=begins, passed_at__lt=ends)
    return mine.filter(oddity__in=PassRecord.BILLED).count()
