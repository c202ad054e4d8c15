"""Statements: closed by the agreement, sent, checked by the lot, and only then deducted."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from core import audit, clock, live, locks, outages
from core.transition import transition
from monthlycard import selectors
from monthlycard.errors import StatementMissing, WrongChecksum
from monthlycard.events import StatementAgreed
from monthlycard.models import (
    Agreement,
    Card,
    LotSystem,
    PassRecord,
    Statement,
    StatementDifference,
    StatementItem,
)
from monthlycard.rules import (
    StatementLine,
    Terms,
    as_csv,
    card_visits,
    checksum,
    compare,
    pair,
    period_before,
    statement_lines,
    too_long,
)
from monthlycard.rules.periods import CITY
from monthlycard.services.lots import close_at
from monthlycard.states import StatementState

BATCH = 50
SECOND = timedelta(seconds=1)
FETCH_WITHIN = timedelta(hours=24)


def close_due() -> int:
    """Sweep: make every statement whose period has ended (P4.9, P4.10); how many were made.

    A period that was missed is made up: each call closes one period of a lot.
    """
    due = LotSystem.objects.filter(next_close_at__lte=clock.now()).order_by("next_close_at")
    return sum(_close_next(lot_id) for lot_id in list(due.values_list("pk", flat=True)[:BATCH]))


@transaction.atomic
def _close_next(lot_id: int) -> int:
    """Close one lot's period that is due; two at once: the second goes on to another lot.

    The lot's row is not locked before the end: its gate asks and reports meanwhile.
    """
    if not locks.alone("monthlycard.closing", lot_id):
        return 0
    lot = LotSystem.objects.get(pk=lot_id)
    ends_at = lot.next_close_at
    if ends_at is None or ends_at > clock.now():
        return 0
    agreement = selectors.agreement_in_force(lot, before=ends_at)
    if agreement is None:
        agreement = selectors.agreement_in_force(lot)
    if agreement is None:
        LotSystem.objects.filter(pk=lot_id).update(next_close_at=None)
        return 0
    if agreement.period == Agreement.Period.EXIT:
        made = _close_exits(lot, agreement)
        following = selectors.agreement_in_force(lot) or agreement
        closed_until = lot.closed_until
    else:
        kind: Any = agreement.period
        begin = lot.closed_until or period_before(kind, agreement.period_day, at=ends_at).starts_at
        made = int(_make(lot, agreement, starts_at=begin, ends_at=ends_at) is not None)
        following = selectors.agreement_in_force(lot, before=ends_at + SECOND) or agreement
        closed_until = ends_at
    closed = LotSystem.objects.filter(pk=lot_id)
    closed.filter(next_close_at=ends_at).update(  # else an exit came meanwhile: still due
        next_close_at=close_at(following, after=ends_at)
    )
    closed.update(closed_until=closed_until)
    return made


def _close_exits(lot: LotSystem, agreement: Agreement) -> int:
    visits, _odd = pair(selectors.as_pass(row) for row in selectors.unstated_passes(lot))
    made = 0
    for visit in visits:
        statement = _make(
            lot, agreement, starts_at=visit.entry.at, ends_at=visit.exit.at, only_visit=visit.key
        )
        made += statement is not None
    return made


def _make(
    lot: LotSystem,
    agreement: Agreement,
    *,
    starts_at: datetime,
    ends_at: datetime,
    only_visit: str = "",
) -> Statement | None:
    """Make and seal the statement of a period, from all visits that ended before its end.

    Visits whose records came after their own period was closed go in as corrections. None where
    there is nothing to state. Nobody else may be closing this lot.
    """
    rows = {row.record_id: row for row in selectors.unstated_passes(lot)}
    paired, _odd = pair(selectors.as_pass(row) for row in rows.values())
    ended = [
        visit
        for visit in paired
        if (visit.key == only_visit if only_visit else visit.exit.at < ends_at)
    ]
    visits = card_visits(
        ended,
        selectors.history_of(lot, (row.card_id for row in rows.values() if row.card_id)),
        lot=lot.code,
        when_expired=agreement.when_expired,  # type: ignore[arg-type]
    )
    endless = [rows[visit.exit.record_id].pk for visit in ended if too_long(visit)]
    PassRecord.objects.filter(pk__in=endless).update(oddity=PassRecord.Oddity.TOO_LONG)
    if not visits:
        return None
    lines = statement_lines(Terms.from_json(agreement.terms), visits)
    data = as_csv(lines)
    last_day = (ends_at - timedelta(microseconds=1)).astimezone(CITY)
    statement = Statement.objects.create(
        lot=lot,
        agreement=agreement,
        number=f"{lot.code}-{last_day:%Y%m%d}-{lot.statements.count() + 1}",
        starts_at=starts_at,
        ends_at=ends_at,
        total_fen=sum(line.fee_fen for line in lines),
        entries=len(visits),
        exits=len(visits),
        csv=data.decode(),
        checksum=checksum(data),
        made_at=clock.now(),
    )
    cards = {row.card.number: row.card for row in rows.values() if row.card}
    StatementItem.objects.bulk_create(
        _item(statement, cards[line.card_number], line, correction=line.exit_at < starts_at)
        for line in lines
    )
    counted = [rows[record].pk for v in ended for record in (v.entry.record_id, v.exit.record_id)]
    PassRecord.objects.filter(pk__in=counted).update(statement=statement)
    live.push(f"merchant:{lot.merchant_id}")
    return statement


def _item(
    statement: Statement, card: Card, line: StatementLine, *, correction: bool
) -> StatementItem:
    return StatementItem(
        statement=statement,
        card=card,
        visit=line.visit,
        plate_text=line.plate_text,
        plate_colour=line.plate_colour,
        correction=correction,
        entry_at=line.entry_at,
        exit_at=line.exit_at,
        counted_until=line.counted_until,
        quantity=line.quantity,
        unit_price_fen=line.unit_price_fen,
        fee_fen=line.fee_fen,
    )


@transaction.atomic
def answer_statement(
    *, lot: LotSystem, number: str, seen_checksum: str, own: list[StatementLine], actor: str
) -> list[StatementDifference]:
    """The lot's check, from its own records (P4.11); no difference: agreed, and deducted next.

    A later answer replaces the differences of an earlier one. Raises StatementMissing,
    WrongChecksum.
    """
    statement = (
        Statement.objects.select_for_update(no_key=True, of=("self",))
        .filter(lot=lot, number=number)
        .first()
    )
    if statement is None:
        raise StatementMissing()
    if statement.checksum != seen_checksum:
        raise WrongChecksum()
    if statement.state in (Statement.State.AGREED, Statement.State.DEDUCTED):
        return []
    found = compare(selectors.lines_of(statement), own)
    statement.differences.all().delete()
    rows = StatementDifference.objects.bulk_create(
        StatementDifference(
            statement=statement,
            visit=difference.visit,
            kind=difference.kind,
            platform_fen=difference.platform_fen,
            lot_fen=difference.lot_fen,
        )
        for difference in found
    )
    facts: dict[str, Any] = {"answered_at": clock.now(), "answered_by": actor}
    if rows:
        moved = transition(
            statement,
            source=StatementState.SENT,
            target=StatementState.DISPUTED,
            actor=actor,
            **facts,
        )
        if not moved:
            Statement.objects.filter(pk=statement.pk).update(**facts)
            audit.record(statement, "checked_again", actor=actor, differences=len(rows))
    else:
        agree(statement, actor=actor)
    return rows


def agree(statement: Statement, *, actor: str, reason: str = "") -> bool:
    """Both sides say the same: the statement may be deducted."""
    moved = transition(
        statement,
        source=[StatementState.SENT, StatementState.DISPUTED],
        target=StatementState.AGREED,
        actor=actor,
        reason=reason,
        event=StatementAgreed,
        answered_at=clock.now(),
        answered_by=actor,
    )
    return bool(moved)


def note_fetched(statement: Statement) -> None:
    """The lot has it now: from here on its silence counts, where the agreement has one (P4.12)."""
    now = clock.now()
    hours = statement.agreement.silence_agrees_after_h
    silence_at = None if hours is None else now + timedelta(hours=hours)
    rows = Statement.objects.filter(pk=statement.pk, fetched_at=None)
    rows.update(fetched_at=now, silence_at=silence_at)


def take_silence() -> int:
    """Sweep: silence agrees where the signed agreement says so, and only there (P4.12).

    It counts from when the lot fetched the statement; while we are away nobody's silence runs.
    """
    due = Statement.objects.filter(state=StatementState.SENT, silence_at__lte=clock.now())
    agreed = 0
    for statement in due.order_by("silence_at")[:BATCH]:
        fetched_at, silence_at = statement.fetched_at, statement.silence_at
        if fetched_at is None or silence_at is None:
            continue
        if outages.stretched(fetched_at, silence_at - fetched_at) > clock.now():
            continue
        with transaction.atomic():
            agreed += agree(statement, actor="system:monthlycard.take_silence", reason="silence")
    return agreed


@transaction.atomic
def notice_missed() -> int:
    """Sweep: an alarm for each statement that its lot has not fetched in time (P4.10).

    The operator and the merchant see it; the lot is told the number with every answer that it gets
    to its list of records.
    """
    rows = Statement.objects.filter(state=StatementState.SENT, fetched_at=None, missed_at=None)
    due = rows.filter(made_at__lte=clock.now() - FETCH_WITHIN).order_by("made_at")
    found = list(
        due.select_related("lot").select_for_update(no_key=True, of=("self",), skip_locked=True)[
            :BATCH
        ]
    )
    Statement.objects.filter(pk__in=[row.pk for row in found]).update(missed_at=clock.now())
    for row in found:
        audit.record(row, "not_fetched", actor="system:monthlycard.notice_missed")
        live.push(f"merchant:{row.lot.merchant_id}")
    return len(found)
