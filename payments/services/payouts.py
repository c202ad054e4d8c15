"""Payouts: drawn up from the books, approved by another person, sent, heard of."""

import logging
import secrets
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.services import Weight, by_two
from core import audit, clock, live, locks, personal
from core.calendar import city_date
from core.errors import Invalid, Missing
from core.transition import transition
from payments.errors import (
    AnotherApproves,
    NoPayee,
    NoPayoutTerms,
    PayoutMoved,
    PayoutTooSmall,
    PayoutWaits,
)
from payments.models import Payout, PayoutLine, PayoutTerms
from payments.paying_out import Transfer, bank_file
from payments.rules import (
    BANK,
    FEES,
    PAYOUTS,
    SHARE,
    Entry,
    holdback_account,
    payout_number,
    settled_account,
)
from payments.rules.payouts import Sums, is_enough, sums
from payments.selectors import payouts as selectors
from payments.services.books import post
from payments.states import PayoutState

log = logging.getLogger("bowei.payments")
SYSTEM = "system:payments.payouts"
EARLIER = (PayoutState.DRAWN, PayoutState.DROPPED)  # whose holdback stands in no books


# ── Drawn up ─────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def draw_payout(*, merchant_id: int, until: date | None = None, actor: str) -> Payout:
    """Draw up what can be paid out of the days before `until`, else of all that are over.

    Each line of the books is in one payout; what comes later is in the next. Raises NoPayoutTerms,
    PayoutWaits, Invalid for a day that is not over, PayoutTooSmall.
    """
    now = clock.now()
    until = until or city_date(now)
    if until > city_date(now):
        raise Invalid("day_not_over", _("Only days that are over can be paid out."))
    locks.one_at_a_time("payments.payouts", merchant_id)
    terms = selectors.terms_at(merchant_id, now)
    if terms is None:
        raise NoPayoutTerms()
    mine = Payout.objects.filter(merchant=merchant_id)
    if mine.filter(state=PayoutState.DRAWN).exists():
        raise PayoutWaits()
    row = Payout.objects.create(
        number=payout_number(city_date(now), secrets.randbits(50)),
        merchant_id=merchant_id,
        terms=terms,
        until=until,
        drawn_at=now,
        drawn_by=actor,
    )
    free = mine.exclude(state__in=EARLIER).filter(released_in=None, held_fen__gt=0)
    free.filter(held_until__lte=city_date(now)).update(released_in=row)
    lines = _take_lines(row)
    found = sums(
        selectors.earned_in(row),
        cash_fen=selectors.cash_in(row),
        released_fen=sum(row.released.values_list("held_fen", flat=True)),
        agreed=selectors.agreed(terms),
    )
    if not is_enough(found, selectors.agreed(terms)):
        raise PayoutTooSmall(found.net_fen)
    _keep_sums(row, found, lines)
    audit.record(row, "drawn", actor=actor, net_fen=found.net_fen, lines=lines)
    return row


def _take_lines(row: Payout) -> int:
    given = selectors.waiting_for(row.merchant_id, row.until) | {"payout": row.pk}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_payoutline (payout_id, entry_id) SELECT %(payout)s, e.id"
            + selectors.WAITING,
            given,
        )
        return int(cursor.rowcount)


def _keep_sums(row: Payout, found: Sums, lines: int) -> None:
    row.lines_count = lines
    row.earned_fen, row.cash_fen = found.earned_fen, found.cash_fen
    row.share_fen, row.fees_fen = found.share_fen, found.fees_fen
    row.held_fen, row.released_fen = found.held_fen, found.released_fen
    row.net_fen = found.net_fen
    if found.held_fen:
        row.held_until = row.until + timedelta(days=row.terms.hold_days)
    row.save()


def draw_due() -> int:
    """Nightly: the payouts that are agreed for this weekday; how many were drawn up."""
    now = clock.now()
    drawn = 0
    ids = PayoutTerms.objects.order_by().values_list("merchant_id", flat=True).distinct()
    for merchant_id in sorted(ids):
        terms = selectors.terms_at(merchant_id, now)
        if terms is None or terms.weekday != city_date(now).weekday():
            continue
        try:
            draw_payout(merchant_id=merchant_id, actor=SYSTEM)
        except (PayoutWaits, PayoutTooSmall) as left:
            log.info("payments.payout_not_drawn merchant=%s why=%s", merchant_id, left.code)
        else:
            drawn += 1
    return drawn


@transaction.atomic
def drop_payout(*, payout_id: int, why: str, actor: str) -> Payout:
    """Give up a payout that nobody has approved; its lines wait for the next one.

    Raises Missing, PayoutMoved, Invalid without a reason.
    """
    if not why.strip():
        raise Invalid("no_reason", _("Say why."))
    row = _locked(payout_id)
    moved = transition(
        row,
        source=PayoutState.DRAWN,
        target=PayoutState.DROPPED,
        actor=actor,
        reason=why.strip()[:200],
    )
    if not moved:
        raise PayoutMoved()
    PayoutLine.objects.filter(payout=row).delete()
    row.released.update(released_in=None)
    return row


# ── Approved ─────────────────────────────────────────────────────────────────────────────────
def _weight_of_payout(*, actor: str, payout_id: int, **_said: Any) -> Weight:
    """The sum, where no other person has drawn it up: two have looked at it otherwise."""
    row = _locked(payout_id)
    seen = row.state == PayoutState.DRAWN and row.drawn_by != SYSTEM
    return Weight(row.merchant_id, 0 if seen else row.net_fen, row.number)


@by_two(
    "payments.approve_payout",
    word=_("Approve a payout"),
    right="payments.approve_payout",
    subject="payout_id",
    weigh=_weight_of_payout,
)
@transaction.atomic
def approve_payout(*, payout_id: int, actor: str) -> Payout:
    """Another person than drew it up approves a payout; from now on it stands in the books.

    Raises Missing, PayoutMoved, AnotherApproves, NoPayee.
    """
    row = _locked(payout_id)
    if row.state == PayoutState.APPROVED and row.approved_by == actor:
        return row  # said twice
    if row.state != PayoutState.DRAWN:
        raise PayoutMoved()
    if row.drawn_by == actor:
        raise AnotherApproves()
    _approve(row, PayoutState.DRAWN, actor)
    post(
        key=f"payout:{row.pk}",
        entries=[
            Entry(settled_account(row.merchant_id), row.earned_fen - row.cash_fen),
            Entry(SHARE, -row.share_fen),
            Entry(FEES, -row.fees_fen),
            Entry(holdback_account(row.merchant_id), row.released_fen - row.held_fen),
            Entry(PAYOUTS, -row.net_fen),
        ],
        note=row.number,
    )
    return row


@by_two(
    "payments.send_payout_again",
    word=_("Send a payout again"),
    right="payments.approve_payout",
    subject="payout_id",
    weigh=_weight_of_payout,
)
@transaction.atomic
def send_payout_again(*, payout_id: int, actor: str) -> Payout:
    """What failed or came back may be sent anew, under another number, to the account of today.

    Raises Missing, PayoutMoved, NoPayee.
    """
    row = _locked(payout_id)
    if row.state not in (PayoutState.FAILED, PayoutState.RETURNED):
        raise PayoutMoved()
    _approve(row, PayoutState(row.state), actor)
    return row


def _approve(row: Payout, source: PayoutState, actor: str) -> None:
    payee = selectors.payee_of(row.merchant_id)
    if payee is None:
        raise NoPayee()
    transition(
        row,
        source=source,
        target=PayoutState.APPROVED,
        actor=actor,
        approved_at=clock.now(),
        approved_by=actor,
        payee=payee,
        out_no=f"{row.number}T{secrets.randbelow(10**6):06}",
        batch="",
        sent_at=None,
        ended_at=None,
        bank_no="",
        problem="",
    )
    live.push(f"merchant:{row.merchant_id}")


# ── Sent, and heard of ───────────────────────────────────────────────────────────────────────
@transaction.atomic
def send_payouts(*, payout_ids: list[int], actor: str) -> str:
    """Put approved payouts into one file for the bank; its number. A payout is in one file at a
    time. Raises Invalid where none of them waits to be sent.
    """
    rows = locks.lock(Payout.objects.filter(pk__in=payout_ids, state=PayoutState.APPROVED))
    if not rows:
        raise Invalid("nothing_to_send", _("None of these waits to be sent."))
    batch = payout_number(city_date(clock.now()), secrets.randbits(50)).replace("S", "B", 1)
    for row in rows:
        transition(
            row,
            source=PayoutState.APPROVED,
            target=PayoutState.SENT,
            actor=actor,
            batch=batch,
            sent_at=clock.now(),
        )
        live.push(f"merchant:{row.merchant_id}")
    return batch


@transaction.atomic
def file_of_batch(*, batch: str, actor: str) -> bytes:
    """The file for the bank of what was sent under this number, and is in no newer one; who takes
    it away is noted. Raises Missing."""
    rows = list(Payout.objects.filter(batch=batch).exclude(batch="").select_related("payee"))
    if not rows:
        raise Missing()
    transfers = []
    for row in sorted(rows, key=lambda one: one.pk):
        audit.record(row, "bank file taken", actor=actor, batch=batch)
        assert row.payee is not None
        transfers.append(
            Transfer(
                out_no=row.out_no,
                holder=personal.unseal(row.payee.holder_sealed),
                number=personal.unseal(row.payee.number_sealed),
                bank=row.payee.bank,
                bank_code=row.payee.bank_code,
                amount_fen=row.net_fen,
                purpose=f"停车费 {row.number}",
            )
        )
    return bank_file(transfers)


@transaction.atomic
def confirm_payout(
    *, payout_id: int, bank_no: str, actor: str, ended_at: datetime | None = None
) -> Payout:
    """The bank has made it. Said twice it counts once. Raises Missing, PayoutMoved."""
    row = _locked(payout_id)
    at = ended_at or clock.now()
    moved = transition(
        row,
        source=PayoutState.SENT,
        target=PayoutState.CONFIRMED,
        actor=actor,
        bank_no=bank_no.strip()[:64],
        ended_at=at,
        problem="",
    )
    if not moved:
        if row.state == PayoutState.CONFIRMED:
            return row
        raise PayoutMoved()
    _book(row, "paid-out", row.net_fen, at)
    return row


@transaction.atomic
def fail_payout(*, payout_id: int, why: str, actor: str) -> Payout:
    """The bank has not made it, or what was made came back: it is owed, and can be sent again.

    Raises Missing, PayoutMoved, Invalid without a reason.
    """
    if not why.strip():
        raise Invalid("no_reason", _("Say what the bank says."))
    row = _locked(payout_id)
    ends = {
        PayoutState.SENT: PayoutState.FAILED,
        PayoutState.CONFIRMED: PayoutState.RETURNED,
    }
    source = PayoutState(row.state)
    if source in ends.values():
        return row
    if source not in ends:
        raise PayoutMoved()
    transition(
        row,
        source=source,
        target=ends[source],
        actor=actor,
        reason=why.strip()[:200],
        problem=why.strip()[:300],
        ended_at=clock.now(),
    )
    if source == PayoutState.CONFIRMED:
        _book(row, "came-back", -row.net_fen, clock.now())
    else:
        live.push(f"merchant:{row.merchant_id}")
    return row


def _book(row: Payout, step: str, fen: int, at: datetime) -> None:
    post(
        key=f"{step}:{row.out_no}",
        entries=[Entry(PAYOUTS, fen), Entry(BANK, -fen)],
        note=row.number,
        posted_at=at,
    )
    live.push(f"merchant:{row.merchant_id}")


def _locked(payout_id: int) -> Payout:
    rows = locks.lock(Payout.objects.filter(pk=payout_id))
    if not rows:
        raise Missing()
    return rows[0]
