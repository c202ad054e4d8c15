"""Alipay, by python-alipay-sdk with RSA2 (docs/facts.md 5; its gaps are closed here).

On a phone the wap page is opened, beside a screen a QR code is shown.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from alipay.utils import AliPayConfig

from core import clock
from core.money import plain_yuan
from core.sizes import BILL_BYTES
from payments.errors import BadNotification
from payments.providers.alipay.bills import read_bill
from payments.providers.base import (
    CITY,
    Asked,
    Begun,
    Bill,
    BillAbsent,
    BillBroken,
    Outcome,
    ProviderNotice,
    ProviderRefused,
    ProviderUnclear,
    RefundAsked,
    RefundSays,
    Way,
)

DOWNLOAD_S = 30
_BILL = "alipay.data.dataservice.bill.downloadurl.query"
GATEWAY = "https://openapi.alipay.com/gateway.do"
_TRADE = {
    "WAIT_BUYER_PAY": "pending",
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "paid",
    "TRADE_CLOSED": "closed",
}
_YUAN = re.compile(r"([0-9]{1,9})\.([0-9]{2})")
_UNCLEAR = ("20000", "10003", "ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR")


class _Client(AliPay):
    """The package stamps its calls in the server's own zone; Alipay reads them at +08:00."""

    def build_body(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        body: dict[str, Any] = super().build_body(*args, **kwargs)
        body["timestamp"] = clock.real().astimezone(CITY).strftime("%Y-%m-%d %H:%M:%S")
        return body


_NOT_IN_SUBJECT = str.maketrans("/=&", "   ")  # Alipay refuses them


class AlipayClient:
    """See payments.providers.base.Client."""

    signature_headers: tuple[str, ...] = ()

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._appid = settings["appid"]
        self._seller = settings.get("seller_id", "")
        self._client = _Client(
            appid=self._appid,
            app_notify_url=None,
            app_private_key_string=settings["private_key"],
            alipay_public_key_string=settings["alipay_public_key"],
            sign_type="RSA2",
            config=AliPayConfig(timeout=8),
        )
        self._client._gateway = settings.get("gateway") or GATEWAY

    def begin(self, asked: Asked) -> Begun:
        terms = {
            "out_trade_no": asked.out_trade_no,
            "total_amount": plain_yuan(asked.amount_fen),
            "subject": asked.title.translate(_NOT_IN_SUBJECT)[:120],
            "notify_url": asked.notify_url,
            "time_expire": asked.expires_at.astimezone(CITY).strftime("%Y-%m-%d %H:%M:%S"),
        }
        if asked.way == Way.CODE:
            told = self._call(lambda: self._client.api_alipay_trade_precreate(**terms))
            return Begun(qr=told["qr_code"])
        signed = self._client.api_alipay_trade_wap_pay(
            **terms, quit_url=asked.return_url, return_url=asked.return_url
        )
        return Begun(pay_url=f"{self._client._gateway}?{signed}")

    def query(self, out_trade_no: str) -> Outcome:
        try:
            told = self._call(lambda: self._client.api_alipay_trade_query(out_trade_no))
        except ProviderRefused as error:
            if "ACQ.TRADE_NOT_EXIST" in str(error):
                return Outcome(state="absent")
            raise
        return _outcome(told)

    def close(self, out_trade_no: str) -> None:
        self._call(lambda: self._client.api_alipay_trade_close(out_trade_no=out_trade_no))

    def refund(self, asked: RefundAsked) -> RefundSays:
        told = self._call(
            lambda: self._client.api_alipay_trade_refund(
                refund_amount=plain_yuan(asked.amount_fen),
                out_trade_no=asked.out_trade_no,
                out_request_no=asked.out_refund_no,
                refund_reason=asked.reason[:80],
            )
        )
        if told.get("fund_change") == "Y":
            return RefundSays(state="done", provider_no=str(told.get("trade_no", "")))
        return self.query_refund(asked, ask_again=False)  # N: nothing moved now; done before?

    def query_refund(self, asked: RefundAsked, *, ask_again: bool = True) -> RefundSays:
        told = self._call(
            lambda: self._client.api_alipay_trade_fastpay_refund_query(
                out_request_no=asked.out_refund_no, out_trade_no=asked.out_trade_no
            )
        )
        if told.get("refund_status") == "REFUND_SUCCESS" or told.get("refund_amount"):
            return RefundSays(state="done", provider_no=str(told.get("trade_no", "")))
        return (
            RefundSays(state="sent", problem="not refunded yet")
            if not ask_again
            else (self.refund(asked))
        )

    def bill(self, day: date) -> Bill:
        """The signed answer says where the bill lies, at a host of Alipay's, for which TLS vouches.

        Nothing else proves the file: it says whose it is and of which day, and both are compared.
        """
        terms = {"bill_type": "trade", "bill_date": f"{day:%Y-%m-%d}"}
        try:
            told = self._call(lambda: self._client.server_api(_BILL, terms))
        except ProviderRefused as error:
            if "BILL_NOT_EXIST" in str(error).upper():
                raise BillAbsent from error
            raise
        return read_bill(self._download(str(told.get("bill_download_url", ""))), day)

    def _download(self, url: str) -> bytes:
        place, gateway = urlsplit(url), urlsplit(self._client._gateway)
        if place.netloc != gateway.netloc:  # what stands in for Alipay on trial hands out its own
            if not (place.hostname or "").endswith(".alipay.com"):
                raise BillBroken("another place than Alipay's")
            url = place._replace(scheme="https").geturl()
        try:
            with urlopen(url, timeout=DOWNLOAD_S) as answer:
                packed: bytes = answer.read(BILL_BYTES + 1)
        except (URLError, OSError, ValueError) as error:
            raise ProviderUnclear(type(error).__name__) from error
        if len(packed) > BILL_BYTES:
            raise BillBroken("too large")
        return packed

    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, kept: bool = False
    ) -> ProviderNotice:
        """Verify the form as it came: without sign and sign_type, sorted, RSA2."""
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200)
        except ValueError as error:
            raise BadNotification("unreadable") from error
        form = dict(pairs)
        if len(form) != len(pairs):
            raise BadNotification("a field twice")
        sign = form.pop("sign", "")
        if form.pop("sign_type", "") != "RSA2":
            raise BadNotification("sign type")
        try:
            genuine = self._client.verify(dict(form), sign)
        except Exception as error:
            raise BadNotification(f"unreadable: {type(error).__name__}") from error
        if not genuine:
            raise BadNotification("signature")
        if form.get("app_id") != self._appid:
            raise BadNotification("another app")
        if self._seller and form.get("seller_id") != self._seller:
            raise BadNotification("another seller")
        number = form.get("out_trade_no", "")
        if form.get("refund_fee") or form.get("gmt_refund"):
            # A refund tells again as TRADE_SUCCESS or TRADE_CLOSED: it is no payment.
            refund = form.get("out_biz_no", "")
            if not refund:
                return ProviderNotice("other", number)
            return ProviderNotice("refund", number, refund, RefundSays(state="unclear"))
        if form.get("trade_status") not in _TRADE:
            return ProviderNotice("other", number)
        return ProviderNotice("payment", number, says=_outcome(form))

    def answer(self, taken: bool, why: str) -> tuple[int, str, str]:
        return 200, "text/plain", "success" if taken else "failure"

    def _call(self, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """One call; a signed business error is a no, everything else proves nothing."""
        try:
            told = do()
        except AliPayValidationError as error:
            raise ProviderUnclear("the answer is not signed by Alipay") from error
        except AliPayException as error:
            raise ProviderUnclear(str(error)[:200]) from error
        except (URLError, OSError, ValueError, KeyError) as error:
            raise ProviderUnclear(type(error).__name__) from error
        code, sub = str(told.get("code")), str(told.get("sub_code", ""))
        if code == "10000":
            return told
        if code in _UNCLEAR or sub in _UNCLEAR:
            raise ProviderUnclear(f"{code} {sub}")
        raise ProviderRefused(f"{code} {sub} {told.get('sub_msg', '')}"[:200])


def _outcome(told: Mapping[str, Any]) -> Outcome:
    state = _TRADE.get(str(told.get("trade_status")))
    if state is None:
        raise ProviderUnclear(f"trade_status {told.get('trade_status')}")
    paid_at = told.get("gmt_payment") or told.get("send_pay_date")
    return Outcome(
        state=state,  # type: ignore[arg-type]
        amount_fen=_fen(str(told.get("total_amount", ""))),
        provider_no=str(told.get("trade_no") or ""),
        paid_at=_city_time(paid_at) if paid_at and state == "paid" else None,
    )


def _city_time(text: str) -> datetime:
    """Alipay's local time, aware. A time of tomorrow is not believed (its clock, not ours)."""
    at = datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CITY)
    return min(at, clock.real() + timedelta(minutes=5))


def _fen(yuan: str) -> int | None:
    """`6.00` → 600, without a float between; None for anything else."""
    found = _YUAN.fullmatch(yuan)
    return int(found[1]) * 100 + int(found[2]) if found else None
