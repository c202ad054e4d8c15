"""Questions about payouts: what waits to be paid out, what a payout comes to, line by line."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum

from core import clock
from core.calendar import city_date, day_bounds
from core.errors import Missing
from payments import providers
from payments.models import LedgerEntry, Payee, Payout, PayoutTerms
from payments.rules import (
    holdback_account,
    merchant_account,
    payout_accounts,
    settled_account,
)
from payments.rules.payouts import Agreed, Earned
from payments.states import PayoutState

# Of these accounts what is in no payout yet, and whose payment's day is closed at its provider
# with nothing open about it.
WAITING = """
    FROM payments_ledgerentry e
    LEFT JOIN payments_orderitem i ON i.id = e.order_item_id
    WHERE e.account = ANY(%(accounts)s) AND e.posted_at < %(until)s
      AND NOT EXISTS (SELECT FROM payments_payoutline l WHERE l.entry_id = e.id)
      AND NOT EXISTS (
        SELECT FROM payments_attempt a
        WHERE a.order_id = i.order_id AND a.state = 'paid' AND (
            EXISTS (SELECT FROM payments_billdifference d
                    WHERE d.attempt_id = a.id AND d.state = 'open')
            OR (a.provider = ANY(%(billing)s) AND NOT coalesce(
                (SELECT bool_and(b.state = 'closed') FROM payments_billday b
                 WHERE b.provider = a.provider
                   AND b.day = (a.paid_at AT TIME ZONE 'Asia/Shanghai')::date), false))
        ))
"""
# By version of the agreement: its share, what was earned, and what providers kept of it. The fee of
# a payment follows its money, back and on.
EARNED = """
    WITH v AS (
        SELECT share_bp, fees_borne, valid_from AS since,
               lead(valid_from, 1, 'infinity') OVER (ORDER BY valid_from) AS until
        FROM payments_payoutterms WHERE merchant_id = %(merchant)s
    ), line AS (
        SELECT -e.amount_fen AS fen, coalesce(o.paid_at, e.posted_at) AS at, o.id AS order_id
        FROM payments_payoutline l
        JOIN payments_ledgerentry e ON e.id = l.entry_id
        LEFT JOIN payments_orderitem i ON i.id = e.order_item_id
        LEFT JOIN payments_order o ON o.id = i.order_id
        WHERE l.payout_id = %(payout)s AND e.account = %(account)s
    ), fee AS (
        SELECT a.order_id, max(b.fee_mils::numeric / coalesce(a.reported_fen, a.amount_fen)) AS part
        FROM payments_attempt a
        JOIN payments_billentry b ON b.number = a.out_trade_no AND b.kind = 'payment'
        WHERE a.order_id IN (SELECT order_id FROM line) AND a.state = 'paid'
          AND NOT EXISTS (SELECT FROM payments_credit c
                          WHERE c.attempt_id = a.id AND c.why = 'second')
        GROUP BY a.order_id
    )
    SELECT coalesce(v.share_bp, 0), sum(line.fen)::bigint,
           coalesce(round(sum(line.fen * fee.part) FILTER (WHERE v.fees_borne)), 0)::bigint
    FROM line
    LEFT JOIN v ON line.at >= v.since AND line.at < v.until
    LEFT JOIN fee ON fee.order_id = line.order_id
    GROUP BY v.since, v.share_bp
"""


def terms_at(merchant_id: int, at: datetime) -> PayoutTerms | None:
    """What is agreed with a merchant about a payout of this moment."""
    rows = PayoutTerms.objects.filter(merchant=merchant_id, valid_from__lte=at)
    return rows.order_by("valid_from").last()


def terms_now(merchant_id: int) -> PayoutTerms | None:
    """What is agreed with a merchant about payouts today."""
    return terms_at(merchant_id, clock.now())


def payee_of(merchant_id: int) -> Payee | None:
    """Where this merchant's money goes."""
    return Payee.objects.filter(merchant=merchant_id).order_by("pk").last()


def agreed(terms: PayoutTerms) -> Agreed:
    return Agreed(
        hold_bp=terms.hold_bp,
        hold_fen=terms.hold_fen,
        hold_days=terms.hold_days,
        least_fen=terms.least_fen,
    )


def waiting_for(merchant_id: int, until: date) -> dict[str, Any]:
    """What names the lines that can be paid out, for the SQL of WAITING."""
    return {
        "accounts": payout_accounts(merchant_id),
        "until": day_bounds(until)[0],
        "billing": sorted({name for name, _billed in providers.with_bills()}),
    }


def payable_fen(merchant_id: int, until: date | None = None) -> int:
    """What of a merchant's account can be paid out now, before share, fees and holdback."""
    given = waiting_for(merchant_id, until or city_date(clock.now()))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(sum(-e.amount_fen), 0)::bigint {WAITING}", given)
        fen: int = cursor.fetchone()[0]
    return fen


def earned_in(payout: Payout) -> list[Earned]:
    """What the lines of a payout earned, by version of the agreement."""
    given: dict[str, Any] = {
        "merchant": payout.merchant_id,
        "payout": payout.pk,
        "account": merchant_account(payout.merchant_id),
    }
    with connection.cursor() as cursor:
        cursor.execute(EARNED, given)
        rows: Sequence[tuple[int, int, int]] = cursor.fetchall()
    return [Earned(share_bp=bp, fen=fen, fee_mils=mils) for bp, fen, mils in rows]


def cash_in(payout: Payout) -> int:
    """What the lines of a payout say of cash that the merchant has in hand."""
    return _sum(lines_of(payout).exclude(account=merchant_account(payout.merchant_id)))


def owed_fen(merchant_id: int) -> int:
    """What a merchant is owed and no payout has settled, whether it can be paid out yet or not."""
    accounts = [*payout_accounts(merchant_id), settled_account(merchant_id)]
    return -_sum(LedgerEntry.objects.filter(account__in=accounts))


def held_fen(merchant_id: int) -> int:
    """What is held back of this merchant's payouts."""
    return -_sum(LedgerEntry.objects.filter(account=holdback_account(merchant_id)))


def _sum(rows: QuerySet[LedgerEntry]) -> int:
    return rows.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def payout(number: str, merchant_id: int) -> Payout:
    """One payout of this merchant that somebody has approved. Raises Missing."""
    found = payouts_of(merchant_id).filter(number=number).first()
    if found is None:
        raise Missing("no_payout")
    return found


def payouts_of(merchant_id: int) -> QuerySet[Payout]:
    """A merchant's payouts as they are told to it: those that were approved, newest first."""
    rows = Payout.objects.filter(merchant=merchant_id)
    rows = rows.exclude(state__in=[PayoutState.DRAWN, PayoutState.DROPPED])
    return rows.select_related("payee", "merchant").order_by("-pk")


def lines_of(payout: Payout) -> QuerySet[LedgerEntry]:
    """The entries of the books that a payout settles."""
    rows = LedgerEntry.objects.filter(payout_line__payout=payout)
    return rows.select_related("transfer", "order_item__order").order_by("posted_at", "pk")
