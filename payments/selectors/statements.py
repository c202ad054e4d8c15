"""A payout on paper, and by day."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from core import paper
from core.money import format_fen
from payments.models import Payout
from payments.rules import merchant_account
from payments.selectors.payouts import lines_of

LARGE, SMALL = 18, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDay:
    """One of the city's days in a payout; `cash_fen` of it is in the merchant's hands."""

    day: date
    lines: int
    earned_fen: int
    cash_fen: int


def days_of(payout: Payout) -> list[PayoutDay]:
    """What a payout settles, by day, oldest first; one query."""
    own = Q(account=merchant_account(payout.merchant_id))
    rows = lines_of(payout).order_by().values(day=TruncDate("posted_at"))
    rows = rows.annotate(
        lines=Count("pk", filter=own),
        earned=Sum("amount_fen", filter=own, default=0),
        cash=Sum("amount_fen", filter=~own, default=0),
    )
    return [
        PayoutDay(
            day=row["day"], lines=row["lines"], earned_fen=-row["earned"], cash_fen=row["cash"]
        )
        for row in rows.order_by("day")
    ]


def printed_statement(payout: Payout) -> bytes:
    """The statement of a payout on A4, in both languages. Raises core.paper.NoFont."""
    at = timezone.localtime(payout.approved_at)
    rows = [
        paper.Row("商户打款对账单  Payout statement", size=LARGE),
        paper.Row("编号 Number", payout.number),
        paper.Row("商户 Merchant", payout.merchant.name),
        paper.Row("收款账户 To", str(payout.payee or "")),
        paper.Row("审批时间 Approved", f"{at:%Y-%m-%d %H:%M}"),
        paper.Row("截止（不含） Up to before", f"{payout.until:%Y-%m-%d}"),
    ]
    for place, one in enumerate(days_of(payout)):
        text = f"{one.day:%Y-%m-%d} · {one.lines} 笔 lines"
        rows.append(paper.Row(text, format_fen(one.earned_fen), line=not place))
    rows += [
        paper.Row("收入 Earned", format_fen(payout.earned_fen), size=12, line=True),
        *(paper.Row(text, format_fen(fen)) for text, fen in _kept(payout) if fen),
        paper.Row("实付 Paid out", format_fen(payout.net_fen), size=14, line=True),
        paper.Row(
            "每一笔可在商户门户中打开至付款、账单与照片。 "
            "Each line opens to its payment, bill and photographs in the portal.",
            size=SMALL,
        ),
    ]
    return paper.page(rows)


def _kept(payout: Payout) -> list[tuple[str, int]]:
    return [
        ("商户已收现金 Cash in the merchant's hands", -payout.cash_fen),
        ("运营方分成 Operator's share", -payout.share_fen),
        ("支付手续费 Providers' fees", -payout.fees_fen),
        ("退款预留 Held back for refunds", -payout.held_fen),
        ("释放前期预留 Held back before, paid out now", payout.released_fen),
    ]
