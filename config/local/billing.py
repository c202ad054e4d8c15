"""Bills of a day as WeChat Pay and Alipay write them, for tests and trials: rows to file."""

import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from core.calendar import CITY
from payments.rules.bills import BillRow

WECHAT_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_SUMS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
ALIPAY_HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _fee(mils: int) -> str:
    return f"{mils // 100_000}.{mils % 100_000:05d}"


def wechat(rows: Sequence[BillRow]) -> bytes:
    """The file before it is packed."""
    lines = [WECHAT_HEAD]
    for row in rows:
        back = row.kind == "refund"
        trade = "REFUND" if back else "SUCCESS" if row.told == "done" else "REVOKED"
        became = {"done": "SUCCESS", "sent": "PROCESSING", "void": "FAIL"}[row.told]
        cells = [
            f"{row.at.astimezone(CITY):%Y-%m-%d %H:%M:%S}",
            "wxd678efh567hg6787",
            row.merchant or "1900000109",
            "0",
            "",
            "4200" if back else row.provider_no,
            row.number,
            "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            "JSAPI",
            trade,
            "OTHERS",
            row.currency,
            "0.00" if back else _yuan(row.amount_fen),
            "0.00",
            row.provider_no if back else "0",
            row.refund_number if back else "0",
            _yuan(row.amount_fen) if back else "0.00",
            "0.00",
            "ORIGINAL" if back else "",
            became if back else "",
            "停车, 长宁路",
            "",
            ("-" if back else "") + _fee(row.fee_mils),
            "0.60%",
            "0.00" if back else _yuan(row.amount_fen),
            _yuan(row.amount_fen) if back else "0.00",
            "",
        ]
        lines.append(",".join(f"`{cell}" for cell in cells))
    paid = sum(r.amount_fen for r in rows if r.kind == "payment" and r.told != "void")
    gone = sum(r.amount_fen for r in rows if r.kind == "refund" and r.told != "void")
    sums = [str(len(rows)), _yuan(paid), _yuan(gone), "0.00", "0.00000", _yuan(paid), _yuan(gone)]
    lines += [WECHAT_SUMS, ",".join(f"`{one}" for one in sums)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def packed(file: bytes) -> bytes:
    return gzip.compress(file, mtime=0)


def alipay(rows: Sequence[BillRow], day: date, account: str = "2088102146225135") -> bytes:
    """The zip that is handed out."""
    until = day + timedelta(days=1)
    line = "-" * 41
    lines = [
        "#支付宝业务明细查询",
        f"#账号：[{account}0156]",
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{until:%Y年%m月%d日} 00:00:00]",
        f"#{line}业务明细列表{line}",
        ALIPAY_HEAD,
    ]
    for row in rows:
        sign = -1 if row.kind == "refund" else 1
        at = f"{row.at.astimezone(CITY):%Y-%m-%d %H:%M:%S}"
        amount, fee = _yuan(sign * row.amount_fen), _yuan(-sign * (row.fee_mils // 1000))
        cells: list[Any] = [f"{row.provider_no}\t", f"{row.number}\t"]
        cells += ["退款\t" if row.kind == "refund" else "交易\t", "停车", at, at]
        cells += ["\t", "\t", "\t", "\t", "*津水(602***@qq.com)\t", amount, amount]
        cells += ["0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00"]
        cells += [f"{row.refund_number}\t", fee, "0.00", ""]
        lines.append(",".join(cells))
    paid = [row.amount_fen for row in rows if row.kind == "payment"]
    back = [row.amount_fen for row in rows if row.kind == "refund"]
    lines += [
        f"#{line}业务明细列表结束{line}",
        f"#交易合计：{len(paid)}笔，商家实收共{_yuan(sum(paid))}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{_yuan(-sum(back))}元，商家优惠退款共0.00元",
        f"#导出时间：[{until:%Y年%m月%d日} 07:27:37]",
    ]
    return zipped({f"{account}0156_{day:%Y%m%d}_业务明细.csv": "\r\n".join(lines).encode("gbk")})


def zipped(files: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as one:
        for name, content in files.items():
            one.writestr(name, content)
        one.writestr("20881021462251350156_业务明细(汇总).csv", "#支付宝业务汇总查询".encode("gbk"))
    return kept.getvalue()
