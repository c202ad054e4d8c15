"""Alipay's trade bill of a day, as published: a zip with CSV files in GBK (docs/facts.md 5).

Lines that begin with # say whose bill of which day it is, and its sums; amounts are yuan. A refund
is below zero and carries the number under which it was asked for.
"""

import csv
import re
from collections.abc import Mapping
from datetime import date

from payments.providers.base import Bill, BillBroken
from payments.providers.files import columns, digest, fen, mils, moment, unzipped
from payments.rules.bills import BillRow, BillSums

COLUMNS = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "完成时间",
    "订单金额（元）",
    "退款批次号/请求号",
    "服务费（元）",
)
_ACCOUNT = re.compile(r"#账号：\[(\d+?)(?:0156)?\]")
_FROM = re.compile(r"#起始日期：\[(\d{4})年(\d{2})月(\d{2})日")
_SUMS = re.compile(r"#+(交易|退款)合计：(\d+)笔")
_KINDS = {"交易": "payment", "退款": "refund"}


def read_bill(packed: bytes, day: date) -> Bill:
    """The bill of this day in this zip. Raises BillBroken for what is none."""
    files = unzipped(packed)
    names = [name for name in files if name.endswith(".csv") and "汇总" not in name]
    if len(names) != 1:
        raise BillBroken("not one file of details")
    try:
        lines = files[names[0]].decode("gbk").splitlines()
    except UnicodeDecodeError as error:
        raise BillBroken("not in GBK") from error
    return Bill(*_read(lines, day), digest(packed))


def _read(lines: list[str], day: date) -> tuple[list[BillRow], BillSums]:
    marks = [line for line in lines if line.startswith("#")]
    body = [line for line in lines if line.strip() and not line.startswith("#")]
    account = _first(_ACCOUNT, marks)
    if date(*(int(part) for part in _first(_FROM, marks).groups())) != day:
        raise BillBroken("another day")
    said = {found[1]: int(found[2]) for line in marks if (found := _SUMS.match(line))}
    if not body or set(said) != {"交易", "退款"}:
        raise BillBroken("cut short")
    table = csv.reader(body)
    rows = [_row(cells, account[1]) for cells in columns(next(table), table, COLUMNS)]
    return rows, BillSums(payments=said["交易"], refunds=said["退款"])


def _first(form: re.Pattern[str], lines: list[str]) -> re.Match[str]:
    found = next((match for line in lines if (match := form.match(line))), None)
    if found is None:
        raise BillBroken("it does not say whose it is, or of which day")
    return found


def _row(cells: Mapping[str, str], account: str) -> BillRow:
    kind = _KINDS.get(cells["业务类型"])
    if kind is None:
        raise BillBroken("a kind of row that nobody knows")
    return BillRow(
        kind=kind,  # type: ignore[arg-type]
        number=cells["商户订单号"],
        refund_number=cells["退款批次号/请求号"] if kind == "refund" else "",
        provider_no=cells["支付宝交易号"],
        amount_fen=abs(fen(cells["订单金额（元）"])),
        fee_mils=abs(mils(cells["服务费（元）"])),
        at=moment(cells["完成时间"]),
        merchant=account,
    )
