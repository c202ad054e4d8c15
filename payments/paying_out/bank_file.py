"""A file of transfers in the columns that Chinese corporate banks' batch pages take (批量转账)."""

import csv
import io
from collections.abc import Iterable

from core.cells import plain
from core.money import plain_yuan
from payments.paying_out.base import Transfer

ENCODING = "gb18030"  # what those pages and the spreadsheets beside them read
HEAD = ["序号", "收款账号", "收款户名", "收款开户行", "联行号", "金额(元)", "用途", "业务编号"]


def bank_file(transfers: Iterable[Transfer]) -> bytes:
    """These transfers, one a row under the head. Account numbers keep all their digits: a tab
    stands before them, which banks strip and spreadsheets take for a text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    for place, one in enumerate(transfers, start=1):
        writer.writerow(
            [
                place,
                f"\t{one.number}",
                plain(one.holder),
                plain(one.bank),
                f"\t{one.bank_code}" if one.bank_code else "",
                plain_yuan(one.amount_fen),
                plain(one.purpose),
                one.out_no,
            ]
        )
    return text.getvalue().encode(ENCODING)
