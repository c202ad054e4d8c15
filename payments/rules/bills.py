"""A provider's bill of one day against our books, both ways (docs/features.md 38).

Three accounts of the same money: the provider's (its bill), ours (the ledger), and that of what was
paid for (attempts, orders, refunds). Each fault is told once, as what it is.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from core.calendar import city_date
from core.money import plain_yuan
from payments.states import AttemptState, RefundState

ON_ITS_WAY = timedelta(hours=1)  # from our asking for a refund until the provider dates it
FEN_MILS = 1000  # of a fee, in thousandths of a fen: providers write five decimals of a yuan
MILLION = 1_000_000
ENDED = (AttemptState.FAILED, AttemptState.CLOSED)

Kind = Literal["payment", "refund"]
Told = Literal["done", "sent", "void"]  # what a row says became of the money; void: nothing


class Gap(StrEnum):
    """How two accounts of the same money can differ."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    NOT_PAID_HERE = "not_paid_here"
    ENDED_HERE = "ended_here"
    REVERSED_THERE = "reversed_there"
    AMOUNT = "amount"
    FEE = "fee"
    DOUBLED = "doubled"
    OTHER_MERCHANT = "other_merchant"
    OTHER_CHANNEL = "other_channel"
    OTHER_CURRENCY = "other_currency"
    OTHER_NUMBER = "other_number"
    OTHER_DAY = "other_day"
    OUTSIDE_DAY = "outside_day"
    UNBOOKED = "unbooked"
    BOOKED_OTHERWISE = "booked_otherwise"
    BOOKED_UNPAID = "booked_unpaid"
    UNSHARED = "unshared"
    ORDER_UNPAID = "order_unpaid"
    REFUND_MISSING_HERE = "refund_missing_here"
    REFUND_MISSING_THERE = "refund_missing_there"
    REFUND_AMOUNT = "refund_amount"
    REFUND_OPEN_HERE = "refund_open_here"
    REFUND_FAILED_HERE = "refund_failed_here"
    REFUND_REVERSED_THERE = "refund_reversed_there"
    REFUND_DOUBLED = "refund_doubled"
    REFUND_OF_OTHER = "refund_of_other"
    REFUND_OTHER_DAY = "refund_other_day"
    REFUND_UNBOOKED = "refund_unbooked"
    SUMS = "sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """One row of a provider's bill; amounts and fees are never negative.

    `fee_mils` is in thousandths of a fen; `merchant` is whose money it says it is, "" where it does
    not say; `at` is aware.
    """

    kind: Kind
    number: str
    refund_number: str = ""
    provider_no: str = ""
    amount_fen: int
    fee_mils: int = 0
    at: datetime
    told: Told = "done"
    merchant: str = ""
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class BillSums:
    """What a bill says of itself, or what its rows come to; None where it does not say."""

    payments: int | None = None
    payments_fen: int | None = None
    refunds: int | None = None
    refunds_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OurPayment:
    """An attempt with what the books and its order say of it.

    `channel` is the provider and our account there; `booked_fen` what the ledger has of it (None:
    nothing); `shared_fen` what the order's things took, and what is a credit of the payer's.
    """

    number: str
    channel: str
    state: AttemptState
    amount_fen: int
    provider_no: str = ""
    paid_at: datetime | None = None
    booked_fen: int | None = None
    shared_fen: int | None = None
    order_paid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OurRefund:
    """A refund with what the books say of it; `number` is that of the payment."""

    refund_number: str
    number: str
    channel: str
    state: RefundState
    amount_fen: int
    asked_at: datetime
    done_at: datetime | None = None
    booked_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillTerms:
    """Whose bill of which day it is: our channel, what it calls us ("" where it does not say), and
    our rate in millionths (6000 for 0.60 %), None where nobody has said it."""

    day: date
    channel: str
    merchant: str = ""
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One fault: what it is, whose numbers, and what each side says, in fen where it is money."""

    gap: Gap
    number: str = ""
    refund_number: str = ""
    ours_fen: int | None = None
    theirs_fen: int | None = None
    ours: str = ""
    theirs: str = ""


def sums(rows: Iterable[BillRow]) -> BillSums:
    """What the rows of a bill come to; void ones are nothing."""
    number: Counter[str] = Counter()
    fen: Counter[str] = Counter()
    for row in rows:
        if row.told != "void":
            number[row.kind] += 1
            fen[row.kind] += row.amount_fen
    return BillSums(number["payment"], fen["payment"], number["refund"], fen["refund"])


def fee_mils(amount_fen: int, rate: int) -> int:
    """The fee of a payment at this rate in millionths, in thousandths of a fen."""
    return amount_fen * FEN_MILS * rate // MILLION


def differences(
    terms: BillTerms,
    rows: Collection[BillRow],
    payments: Iterable[OurPayment],
    refunds: Iterable[OurRefund],
    *,
    said: BillSums | None = None,
    elsewhere: Collection[str] = (),
) -> list[Difference]:
    """Everything in which the bill, the books and what was paid for differ.

    `payments` and `refunds` are those of the bill's numbers, and those of ours that were paid, or
    were back, on its day; `elsewhere` are numbers (of payments and of refunds) that stand in the
    bills of other days, `said` what the bill says of its own sums.
    """
    found: list[Difference] = []
    theirs: dict[Kind, dict[str, list[BillRow]]] = {
        "payment": defaultdict(list),
        "refund": defaultdict(list),
    }
    for row in rows:
        number = row.number if row.kind == "payment" else row.refund_number
        theirs[row.kind][number].append(row)
    known = {one.number: one for one in payments}
    back = {one.refund_number: one for one in refunds}
    for number, group in theirs["payment"].items():
        found += _payment(terms, group, known.get(number))
    for number, group in theirs["refund"].items():
        found += _refund(terms, group, back.get(number))
    for payment in known.values():
        here = payment.number in theirs["payment"] or payment.number in elsewhere
        found += _ours(terms, payment, here)
    for refund in back.values():
        here = refund.refund_number in theirs["refund"] or refund.refund_number in elsewhere
        found += _our_refund(terms, refund, here)
    found += _sums(said, sums(rows))
    return found


def _payment(
    terms: BillTerms, rows: list[BillRow], ours: OurPayment | None
) -> Iterator[Difference]:
    """What one number of the bill's payments says, against what we know of it."""
    number = rows[0].number
    money = [row for row in rows if row.told != "void"]
    if not money:
        if ours is not None and ours.state == AttemptState.PAID:
            yield Difference(Gap.REVERSED_THERE, number, ours_fen=ours.amount_fen)
        return
    row = money[0]
    if strange := _strange(terms, row, ours.channel if ours else None):
        yield strange
        return
    if len(money) > 1:
        yield Difference(
            Gap.DOUBLED,
            number,
            ours_fen=ours.amount_fen if ours else None,
            theirs_fen=sum(one.amount_fen for one in money),
        )
    if ours is None:
        yield Difference(Gap.MISSING_HERE, number, theirs_fen=row.amount_fen)
        return
    if ours.state != AttemptState.PAID:
        gap = Gap.ENDED_HERE if ours.state in ENDED else Gap.NOT_PAID_HERE
        yield Difference(gap, number, ours_fen=ours.amount_fen, theirs_fen=row.amount_fen)
        return
    if row.amount_fen != ours.amount_fen:
        yield Difference(Gap.AMOUNT, number, ours_fen=ours.amount_fen, theirs_fen=row.amount_fen)
    if row.provider_no and ours.provider_no and row.provider_no != ours.provider_no:
        yield Difference(Gap.OTHER_NUMBER, number, ours=ours.provider_no, theirs=row.provider_no)
    yield from _day(terms, row, ours.paid_at)
    if terms.rate is not None:
        due = fee_mils(row.amount_fen, terms.rate)
        if abs(row.fee_mils - due) >= FEN_MILS:
            yield Difference(Gap.FEE, number, ours=yuan(due), theirs=yuan(row.fee_mils))


def _strange(terms: BillTerms, row: BillRow, channel: str | None) -> Difference | None:
    """A row that is not of this bill at all: nothing else is asked of it."""
    names = (row.number, row.refund_number)
    if row.merchant and terms.merchant and row.merchant != terms.merchant:
        return Difference(
            Gap.OTHER_MERCHANT, *names, theirs_fen=row.amount_fen, theirs=row.merchant
        )
    if row.currency != "CNY":
        return Difference(Gap.OTHER_CURRENCY, *names, theirs=row.currency)
    if channel is not None and channel != terms.channel:
        return Difference(Gap.OTHER_CHANNEL, *names, theirs_fen=row.amount_fen, ours=channel)
    return None


def _day(terms: BillTerms, row: BillRow, paid_at: datetime | None) -> Iterator[Difference]:
    there = city_date(row.at)
    here = city_date(paid_at) if paid_at else there
    if there != terms.day:
        yield Difference(Gap.OUTSIDE_DAY, row.number, row.refund_number, theirs=f"{there:%Y-%m-%d}")
    elif here != terms.day:
        yield Difference(
            Gap.OTHER_DAY, row.number, ours=f"{here:%Y-%m-%d}", theirs=f"{there:%Y-%m-%d}"
        )


def _refund(terms: BillTerms, rows: list[BillRow], ours: OurRefund | None) -> Iterator[Difference]:
    """What one number of the bill's refunds says, against what we know of it."""
    names = (rows[0].number, rows[0].refund_number)
    money = [row for row in rows if row.told != "void"]
    if not money:
        if ours is not None and ours.state == RefundState.DONE:
            yield Difference(Gap.REFUND_REVERSED_THERE, *names, ours_fen=ours.amount_fen)
        return
    row = money[0]
    if strange := _strange(terms, row, ours.channel if ours else None):
        yield strange
        return
    if len(money) > 1:
        yield Difference(
            Gap.REFUND_DOUBLED,
            *names,
            ours_fen=ours.amount_fen if ours else None,
            theirs_fen=sum(one.amount_fen for one in money),
        )
    if ours is None:
        yield Difference(Gap.REFUND_MISSING_HERE, *names, theirs_fen=row.amount_fen)
        return
    if row.number != ours.number:
        yield Difference(Gap.REFUND_OF_OTHER, *names, ours=ours.number, theirs=row.number)
    if row.amount_fen != ours.amount_fen:
        yield Difference(
            Gap.REFUND_AMOUNT, *names, ours_fen=ours.amount_fen, theirs_fen=row.amount_fen
        )
    if row.told == "done" and ours.state != RefundState.DONE:
        failed = ours.state == RefundState.FAILED
        gap = Gap.REFUND_FAILED_HERE if failed else Gap.REFUND_OPEN_HERE
        yield Difference(gap, *names, ours_fen=ours.amount_fen, theirs_fen=row.amount_fen)
    since = city_date(ours.asked_at - ON_ITS_WAY)
    until = city_date((ours.done_at or ours.asked_at) + ON_ITS_WAY)
    there = city_date(row.at)
    if there != terms.day:
        yield from _day(terms, row, None)
    elif not since <= there <= until:
        here = city_date(ours.done_at or ours.asked_at)
        yield Difference(
            Gap.REFUND_OTHER_DAY, *names, ours=f"{here:%Y-%m-%d}", theirs=f"{there:%Y-%m-%d}"
        )


def _ours(terms: BillTerms, ours: OurPayment, there: bool) -> Iterator[Difference]:
    """What of a payment of ours the provider lacks, the books lack, or its order lacks."""
    if ours.channel != terms.channel:
        return
    number, fen = ours.number, ours.amount_fen
    if ours.state != AttemptState.PAID:
        if ours.booked_fen is not None:
            yield Difference(Gap.BOOKED_UNPAID, number, ours_fen=ours.booked_fen)
        return
    if not there and ours.paid_at and city_date(ours.paid_at) == terms.day:
        yield Difference(Gap.MISSING_THERE, number, ours_fen=fen)
    if ours.booked_fen is None:
        yield Difference(Gap.UNBOOKED, number, ours_fen=fen)
    elif ours.booked_fen != fen:
        yield Difference(
            Gap.BOOKED_OTHERWISE, number, ours_fen=fen, ours=plain_yuan(ours.booked_fen)
        )
    if not ours.order_paid:
        yield Difference(Gap.ORDER_UNPAID, number, ours_fen=fen)
    elif ours.shared_fen != fen:
        yield Difference(Gap.UNSHARED, number, ours_fen=fen, ours=plain_yuan(ours.shared_fen or 0))


def _our_refund(terms: BillTerms, ours: OurRefund, there: bool) -> Iterator[Difference]:
    """What of a refund of ours the provider or the books lack."""
    if ours.channel != terms.channel or ours.state != RefundState.DONE:
        return
    names = (ours.number, ours.refund_number)
    if not there and ours.done_at and city_date(ours.done_at) == terms.day:
        yield Difference(Gap.REFUND_MISSING_THERE, *names, ours_fen=ours.amount_fen)
    if ours.booked_fen != ours.amount_fen:
        yield Difference(
            Gap.REFUND_UNBOOKED,
            *names,
            ours_fen=ours.amount_fen,
            ours=plain_yuan(ours.booked_fen or 0),
        )


def _sums(said: BillSums | None, come_to: BillSums) -> Iterator[Difference]:
    """Whether the bill agrees with itself: one that was cut short does not."""
    if said is None:
        return
    pairs = [
        (said.payments, come_to.payments),
        (said.payments_fen, come_to.payments_fen),
        (said.refunds, come_to.refunds),
        (said.refunds_fen, come_to.refunds_fen),
    ]
    if any(one is not None and one != other for one, other in pairs):
        yield Difference(
            Gap.SUMS,
            ours=f"{come_to.payments} × {plain_yuan(come_to.payments_fen or 0)}",
            theirs=f"{said.payments} × {plain_yuan(said.payments_fen or 0)}",
        )


def yuan(mils: int) -> str:
    """Thousandths of a fen as yuan with five decimals, as bills write fees."""
    return f"{mils // 100_000}.{mils % 100_000:05d}"
