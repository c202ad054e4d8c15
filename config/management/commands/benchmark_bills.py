"""How long a day of 100,000 payments in two channels takes to match, and whether each of the
planted differences is found as what it is, and none invented (docs/features.md 38)."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import Merchant
from config.local import billing
from config.local.scratch import scratch
from config.local.system import ROOT
from core.calendar import CITY
from payments.models import (
    Attempt,
    BillDay,
    BillDifference,
    LedgerEntry,
    LedgerTransfer,
    Order,
    OrderItem,
    Refund,
)
from payments.providers.alipay.bills import read_bill as read_alipay
from payments.providers.files import gunzipped
from payments.providers.wechat.bills import read_bill as read_wechat
from payments.rules.bills import BillRow, Gap, fee_mils
from payments.services.bills import take_bill
from payments.states import AttemptState, OrderItemState, OrderState, RefundState

DAY = date(2026, 3, 2)
RATE = 6000
BATCH = 2000
CHANNELS = {"wechat": "1900000109", "alipay": "2088102146225135"}
OTHER = {"wechat": "alipay", "alipay": "wechat"}
OF_WECHAT = {Gap.REVERSED_THERE, Gap.OTHER_MERCHANT, Gap.OTHER_CURRENCY}  # Alipay says neither
BACK = {gap for gap in Gap if gap.startswith("refund")} - {Gap.REFUND_REVERSED_THERE}
NOT_PLANTED = {Gap.SUMS, Gap.BOOKED_UNPAID, Gap.REFUND_REVERSED_THERE}
PLANTED = [gap for gap in Gap if gap not in NOT_PLANTED | BACK]


@dataclass(slots=True)
class Case:
    """One payment of the day, with what is wrong about it, and its refund where it has one."""

    channel: str
    n: int
    plant: Gap | None = None
    refunded: bool = False

    @property
    def number(self) -> str:
        return f"{self.channel[0].upper()}{self.n:08d}A"

    @property
    def back_number(self) -> str:
        return f"{self.channel[0].upper()}{self.n:08d}R"

    @property
    def fen(self) -> int:
        return 200 + self.n * 37 % 9000

    @property
    def at(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=CITY) + timedelta(seconds=self.n % 82_800)


class Command(BaseCommand):
    help = (
        "Match a day of payments in two channels with bills in their published formats, on a "
        "database made for it and taken away again; prints seconds, and what was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--payments", type=int, default=100_000)
        parser.add_argument("--here", action="store_true", help="on this process's empty database")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("A benchmark does not belong into production.")
        if not options["here"]:
            with scratch("migrate") as (_url, env):
                command = [sys.executable, "manage.py", "benchmark_bills", "--here"]
                command += ["--payments", str(options["payments"])]
                done = subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True)
            if done.returncode:
                raise CommandError(done.stderr.strip()[-2000:] or "It ended without a word.")
            self.stdout.write(done.stdout.rstrip())
            return
        if Merchant.objects.exists():
            raise CommandError("This database is in use: a benchmark makes one of its own.")
        self.stdout.write(matched(max(1000, options["payments"])))


def matched(payments: int) -> str:
    """Build the day, match it, and compare what was found with what was planted."""
    settings.BOWEI_PAYMENTS = {
        "wechat": {"mchid": CHANNELS["wechat"], "appid": "wx", "rate": "0.60"},
        "alipay": {"appid": "2021", "seller_id": CHANNELS["alipay"], "rate": "0.60"},
    }
    cases = [case for channel in CHANNELS for case in cases_of(channel, payments // 2)]
    built(cases)
    files = {
        channel: file_of(channel, [row for case in cases for row in rows_of(case, channel)])
        for channel in CHANNELS
    }
    days = {
        channel: BillDay.objects.create(provider=channel, billed=billed, day=DAY)
        for channel, billed in CHANNELS.items()
    }
    began = time.monotonic()
    for channel, file in files.items():
        take_bill(
            days[channel].pk,
            read_wechat(gunzipped(file)) if channel == "wechat" else read_alipay(file, DAY),
        )
    took_s = time.monotonic() - began
    found = {
        (one.bill_day.provider, one.gap, one.refund_number or one.number)
        for one in BillDifference.objects.select_related("bill_day")
    }
    wanted = {one for case in cases for one in wanted_of(case)}
    kinds = len({gap for _channel, gap, _number in wanted})
    if found != wanted:
        raise CommandError(
            f"missed: {sorted(wanted - found)[:10]}; invented: {sorted(found - wanted)[:10]}"
        )
    return (
        f"{len(cases)} payments in {len(CHANNELS)} channels matched in {took_s:.1f} s; "
        f"{len(found)} differences of {kinds} kinds planted, all found as what they are, "
        "none invented"
    )


def cases_of(channel: str, count: int) -> Iterator[Case]:
    plants = [gap for gap in PLANTED if channel == "wechat" or gap not in OF_WECHAT]
    plants += sorted(BACK)
    for n in range(count):
        plant = plants[n // 7] if n % 7 == 0 and n // 7 < len(plants) else None
        yield Case(channel, n, plant, refunded=plant in BACK or (plant is None and n % 50 == 49))


def wanted_of(case: Case) -> Iterator[tuple[str, str, str]]:
    if case.plant is None:
        return
    number = case.back_number if case.plant in BACK else case.number
    yield case.channel, case.plant, number
    if case.plant == Gap.OTHER_CHANNEL:
        yield OTHER[case.channel], Gap.MISSING_THERE, case.number


def rows_of(case: Case, channel: str) -> Iterator[BillRow]:
    """What the bill of this channel says of a case."""
    if channel != case.channel:
        return
    plant = case.plant
    fee = (fee_mils(case.fen, RATE) + 500) // 1000 * 1000
    row = BillRow(
        kind="payment",
        number=case.number,
        provider_no="42" + case.number,
        amount_fen=case.fen,
        fee_mils=fee,
        at=case.at,
        merchant=CHANNELS[channel],
    )
    changed: dict[Gap, dict[str, Any]] = {
        Gap.REVERSED_THERE: {"told": "void"},
        Gap.AMOUNT: {"amount_fen": case.fen + 1},
        Gap.FEE: {"fee_mils": fee + 5000},
        Gap.OTHER_MERCHANT: {"merchant": "1900000110"},
        Gap.OTHER_CURRENCY: {"currency": "JPY"},
        Gap.OTHER_NUMBER: {"provider_no": "43"},
        Gap.OUTSIDE_DAY: {"at": case.at + timedelta(days=1)},
    }
    if plant != Gap.MISSING_THERE:
        yield replace(row, **changed.get(plant, {})) if plant else row
    if plant == Gap.DOUBLED:
        yield row
    if case.refunded and plant != Gap.REFUND_MISSING_THERE:
        back = replace(row, kind="refund", refund_number=case.back_number, amount_fen=100)
        back = replace(back, fee_mils=1000, at=case.at + timedelta(minutes=1))
        if plant == Gap.REFUND_AMOUNT:
            back = replace(back, amount_fen=99)
        if plant == Gap.REFUND_OF_OTHER:
            back = replace(back, number=f"{case.channel[0].upper()}{1:08d}A")
        yield back
        if plant == Gap.REFUND_DOUBLED:
            yield back


def file_of(channel: str, rows: list[BillRow]) -> bytes:
    return (
        billing.packed(billing.wechat(rows)) if channel == "wechat" else billing.alipay(rows, DAY)
    )


@transaction.atomic
def built(cases: list[Case]) -> None:
    """The day as we know it: orders, attempts, refunds and books, with what is planted in them."""
    merchant = Merchant.objects.create(name="benchmark")
    known = [case for case in cases if case.plant != Gap.MISSING_HERE]
    orders = Order.objects.bulk_create((order_of(case) for case in known), batch_size=BATCH)
    rows = list(zip(known, orders, strict=True))
    items = OrderItem.objects.bulk_create(
        (item_of(case, order, merchant.pk) for case, order in rows), batch_size=BATCH
    )
    attempts = Attempt.objects.bulk_create(
        (attempt_of(case, order) for case, order in rows), batch_size=BATCH
    )
    pairs = list(zip(known, attempts, items, strict=True))
    refunds = [
        (case, refund_of(case, attempt, item))
        for case, attempt, item in pairs
        if case.refunded and case.plant != Gap.REFUND_MISSING_HERE
    ]
    Refund.objects.bulk_create((one for _case, one in refunds), batch_size=BATCH)
    books = [
        (f"payment:{one.pk}", one.provider, case.fen + (case.plant == Gap.BOOKED_OTHERWISE))
        for case, one, _item in pairs
        if one.state == AttemptState.PAID and case.plant != Gap.UNBOOKED
    ]
    books += [
        (f"refunded:{one.pk}", case.channel, -one.amount_fen)
        for case, one in refunds
        if one.state == RefundState.DONE and case.plant != Gap.REFUND_UNBOOKED
    ]
    at = datetime(2026, 3, 2, 12, tzinfo=CITY)
    transfers = LedgerTransfer.objects.bulk_create(
        (LedgerTransfer(key=key, note="", posted_at=at, recorded_at=at) for key, _p, _f in books),
        batch_size=BATCH,
    )
    LedgerEntry.objects.bulk_create(
        (
            LedgerEntry(transfer=transfer, account=account, amount_fen=fen, posted_at=at)
            for transfer, (_key, provider, booked) in zip(transfers, books, strict=True)
            for account, fen in ((f"provider:{provider}", booked), ("merchant:1", -booked))
        ),
        batch_size=BATCH,
    )


def order_of(case: Case) -> Order:
    unpaid = case.plant in {Gap.NOT_PAID_HERE, Gap.ENDED_HERE, Gap.ORDER_UNPAID}
    return Order(
        state=OrderState.CLOSED if unpaid else OrderState.PAID,
        number=case.number[:-1],
        basket=case.number,
        title="benchmark",
        amount_fen=case.fen,
        expires_at=case.at,
        created_at=case.at,
        paid_at=None if unpaid else case.at,
        opened_by="system:benchmark",
    )


def item_of(case: Case, order: Order, merchant_id: int) -> OrderItem:
    return OrderItem(
        state=OrderItemState.SETTLED,
        order=order,
        payable="benchmark",
        subject_id=case.n,
        merchant_id=merchant_id,
        title="benchmark",
        amount_fen=case.fen,
        taken_fen=case.fen - (case.plant == Gap.UNSHARED),
    )


def attempt_of(case: Case, order: Order) -> Attempt:
    states = {Gap.NOT_PAID_HERE: AttemptState.UNKNOWN, Gap.ENDED_HERE: AttemptState.CLOSED}
    there = OTHER[case.channel] if case.plant == Gap.OTHER_CHANNEL else case.channel
    other_day = timedelta(days=1) if case.plant == Gap.OTHER_DAY else timedelta()
    return Attempt(
        state=states.get(case.plant, AttemptState.PAID) if case.plant else AttemptState.PAID,
        order=order,
        provider=there,
        out_trade_no=case.number,
        provider_no="42" + case.number,
        amount_fen=case.fen,
        created_at=case.at,
        expires_at=case.at,
        paid_at=None if case.plant in states else case.at - other_day,
    )


def refund_of(case: Case, attempt: Attempt, item: OrderItem) -> Refund:
    states = {
        Gap.REFUND_OPEN_HERE: RefundState.SENT,
        Gap.REFUND_FAILED_HERE: RefundState.FAILED,
    }
    state = states.get(case.plant, RefundState.DONE) if case.plant else RefundState.DONE
    early = timedelta(days=2) if case.plant == Gap.REFUND_OTHER_DAY else timedelta()
    at = case.at + timedelta(minutes=1) - early
    return Refund(
        state=state,
        attempt=attempt,
        order_item=item,
        amount_fen=100,
        reason="benchmark",
        key=case.back_number,
        out_refund_no=case.back_number,
        asked_at=at,
        asked_by="system:benchmark",
        done_at=at if state == RefundState.DONE else None,
    )
