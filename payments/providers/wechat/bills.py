"""WeChat Pay's trade bill of a day, as published for API v3 (docs/facts.md 5).

A plain head, each field of a row behind a backtick, then a head and a row of sums; yuan, fees with
five decimals. A refund stands on the day on which it was asked for, as it stood then.
"""

from collections.abc import Mapping

from payments.providers.base import Bill, BillBroken
from payments.providers.files import columns, digest, fen, mils, moment
from payments.rules.bills import BillRow, BillSums, Told

_PAID, _BACK = "SUCCESS", "REFUND"
_VOID_REFUNDS = ("FAIL", "CHANGE", "CLOSED", "ABNORMAL")
COLUMNS = (
    "交易时间",
    "商户号",
    "微信订单号",
    "商户订单号",
    "交易状态",
    "货币种类",
    "应结订单金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "退款状态",
    "手续费",
)
SUMS = ("总交易单数", "应结订单总金额", "退款总金额")


def read_bill(file: bytes) -> Bill:
    """The bill in this file. Raises BillBroken for what is none."""
    try:
        lines = file.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BillBroken("not in UTF-8") from error
    sums_at = next((n for n, line in enumerate(lines) if line.startswith(SUMS[0])), None)
    if sums_at is None or sums_at + 1 >= len(lines):
        raise BillBroken("cut short")
    heads, sum_heads = lines[0].split(","), lines[sums_at].split(",")
    rows = [_row(one) for one in columns(heads, map(_cells, lines[1:sums_at]), COLUMNS)]
    sums = next(columns(sum_heads, [_cells(lines[sums_at + 1])], SUMS))
    said = BillSums(
        payments_fen=fen(sums["应结订单总金额"]), refunds_fen=abs(fen(sums["退款总金额"]))
    )
    if sums["总交易单数"] != str(len(rows)):
        raise BillBroken("not all rows")
    return Bill(rows, said, digest(file))


def _cells(line: str) -> list[str]:
    """The fields of a row: a comma without a backtick after it is part of one."""
    return line.removeprefix("`").split(",`")


def _row(cells: Mapping[str, str]) -> BillRow:
    state = cells["交易状态"]
    if state == _BACK:
        return BillRow(
            kind="refund",
            number=cells["商户订单号"],
            refund_number=cells["商户退款单号"],
            provider_no=cells["微信退款单号"],
            amount_fen=abs(fen(cells["退款金额"])),
            fee_mils=abs(mils(cells["手续费"])),
            at=moment(cells["交易时间"]),
            told=_refund_told(cells["退款状态"]),
            merchant=cells["商户号"],
            currency=cells["货币种类"],
        )
    return BillRow(
        kind="payment",
        number=cells["商户订单号"],
        provider_no=cells["微信订单号"],
        amount_fen=abs(fen(cells["应结订单金额"])),
        fee_mils=abs(mils(cells["手续费"])),
        at=moment(cells["交易时间"]),
        told="done" if state == _PAID else "void",
        merchant=cells["商户号"],
        currency=cells["货币种类"],
    )


def _refund_told(said: str) -> Told:
    if said in _VOID_REFUNDS:
        return "void"
    return "done" if said == "SUCCESS" else "sent"
