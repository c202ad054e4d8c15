"""WeChat Pay, API v3, by wechatpayv3 (docs/facts.md 5; its gaps are closed here).

On a phone an H5 page is opened, beside a screen a native QR code is shown, inside WeChat the bridge
of its browser lays a sheet over our page (JSAPI), for the payer whom WeChat names for this app.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from core import clock
from payments.errors import BadNotification
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
from payments.providers.files import gunzipped
from payments.providers.wechat.bills import read_bill

TIMEOUT_S = (3, 8)
OPEN, API = "https://open.weixin.qq.com", "https://api.weixin.qq.com"
CLOCKS_DIFFER_S = 300  # a notification is signed anew at each resend, so this is safe
_TRADE = {
    "SUCCESS": "paid",
    "REFUND": "paid",  # paid, and later given back in part or whole
    "NOTPAY": "pending",
    "USERPAYING": "pending",
    "ACCEPT": "pending",
    "CLOSED": "closed",
    "REVOKED": "closed",
    "PAYERROR": "failed",
}
_REFUND = {"SUCCESS": "done", "PROCESSING": "sent", "CLOSED": "failed", "ABNORMAL": "sent"}
_NO_BILL = ("NO_STATEMENT_EXIST", "STATEMENT_CREATING")
_OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}")
_HEX = re.compile(r"[0-9A-Fa-f]{8,64}")


class WeChatClient:
    """See payments.providers.base.Client."""

    signature_headers: tuple[str, ...] = (
        "wechatpay-signature",
        "wechatpay-timestamp",
        "wechatpay-nonce",
        "wechatpay-serial",
        "wechatpay-signature-type",
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._appid = settings["appid"]
        self._mchid = settings["mchid"]
        self._client = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=self._mchid,
            appid=self._appid,
            apiv3_key=settings["apiv3_key"],
            private_key=settings["private_key"],
            cert_serial_no=settings["cert_serial_no"],
            cert_dir=settings.get("cert_dir"),
            public_key=settings.get("public_key"),
            public_key_id=settings.get("public_key_id"),
            timeout=TIMEOUT_S,
        )
        self._core = self._client._core
        if settings.get("cert_dir") and settings.get("public_key"):
            self._core._init_certificates()  # both, while WeChat migrates the merchant
        self._app_secret = settings.get("app_secret", "")
        self._gateway = settings.get("gateway", "").rstrip("/")
        if self._gateway:
            self._core._gate_way = self._gateway

    def begin(self, asked: Asked) -> Begun:
        way: dict[str, Any] = {
            Way.CODE: {"pay_type": WeChatPayType.NATIVE},
            Way.SHEET: {"pay_type": WeChatPayType.JSAPI, "payer": {"openid": asked.payer}},
            Way.PAGE: {
                "pay_type": WeChatPayType.H5,
                "scene_info": {"payer_client_ip": asked.client_ip, "h5_info": {"type": "Wap"}},
            },
        }[asked.way]
        told = self._call(
            lambda: self._client.pay(
                description=asked.title[:127],
                out_trade_no=asked.out_trade_no,
                amount={"total": asked.amount_fen, "currency": "CNY"},
                time_expire=asked.expires_at.astimezone(CITY).isoformat(timespec="seconds"),
                notify_url=asked.notify_url,
                **way,
            )
        )
        if asked.way == Way.CODE:
            return Begun(qr=told["code_url"])
        if asked.way == Way.SHEET:
            return Begun(sheet=told["prepay_id"])
        back = quote(asked.return_url, safe="")
        return Begun(pay_url=f"{told['h5_url']}&redirect_url={back}")

    def introduce_at(self, back: str, state: str) -> str:
        asked = urlencode(
            {
                "appid": self._appid,
                "redirect_uri": back,
                "response_type": "code",
                "scope": "snsapi_base",  # says who it is to us, and asks nobody
                "state": state,
            }
        )
        return f"{self._gateway or OPEN}/connect/oauth2/authorize?{asked}#wechat_redirect"

    def payer(self, code: str) -> str:
        """The openid of whoever brought this code. The answer is not signed: TLS alone vouches."""
        asked = {
            "appid": self._appid,
            "secret": self._app_secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        try:
            answer = requests.get(
                f"{self._gateway or API}/sns/oauth2/access_token", params=asked, timeout=TIMEOUT_S
            )
            told = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnclear(type(error).__name__) from None  # its words hold the secret
        if not isinstance(told, dict) or answer.status_code != 200:
            raise ProviderUnclear(f"status {answer.status_code}")
        if told.get("errcode") in (-1, 45009, 45011):  # busy, or asked too often
            raise ProviderUnclear(f"errcode {told['errcode']}")
        openid = str(told.get("openid") or "")
        if not _OPENID.fullmatch(openid):
            raise ProviderRefused(f"errcode {told.get('errcode')}")
        return openid

    def sheet(self, begun: str) -> dict[str, str]:
        """The parameters of getBrandWCPayRequest."""
        stamp, nonce = str(int(clock.real().timestamp())), secrets.token_hex(16)
        package = f"prepay_id={begun}"
        return {
            "appId": self._appid,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._client.sign([self._appid, stamp, nonce, package]),
        }

    def query(self, out_trade_no: str) -> Outcome:
        try:
            told = self._call(lambda: self._client.query(out_trade_no=out_trade_no))
        except _NotFound:
            return Outcome(state="absent")
        return self._outcome(told)

    def close(self, out_trade_no: str) -> None:
        self._call(lambda: self._client.close(out_trade_no=out_trade_no))

    def refund(self, asked: RefundAsked) -> RefundSays:
        return self._refund_says(
            self._call(
                lambda: self._client.refund(
                    out_refund_no=asked.out_refund_no,
                    out_trade_no=asked.out_trade_no,
                    reason=asked.reason[:80],
                    amount={
                        "refund": asked.amount_fen,
                        "total": asked.total_fen,
                        "currency": "CNY",
                    },
                )
            )
        )

    def query_refund(self, asked: RefundAsked) -> RefundSays:
        try:
            told = self._call(lambda: self._client.query_refund(asked.out_refund_no))
        except _NotFound:
            return self.refund(asked)
        return self._refund_says(told)

    def bill(self, day: date) -> Bill:
        """Asked for by a signed call; what is downloaded is not signed, so its SHA-1 from the
        signed answer proves it."""
        try:
            told = self._call(lambda: self._client.trade_bill(f"{day:%Y-%m-%d}", tar_type="GZIP"))
        except ProviderRefused as error:
            if str(error).split(" ")[0] in _NO_BILL:
                raise BillAbsent from error
            raise
        url = str(told.get("download_url", ""))
        if told.get("hash_type") != "SHA1" or not url.startswith(self._core._gate_way + "/"):
            raise BillBroken("another digest or place than agreed")
        file = self._download(url)
        if hashlib.sha1(file, usedforsecurity=False).hexdigest() != told.get("hash_value"):
            raise BillBroken("another digest")
        return read_bill(file)

    def _download(self, url: str) -> bytes:
        try:
            status, packed = self._client.download_bill(url)
        except requests.RequestException as error:
            raise ProviderUnclear(type(error).__name__) from error
        if status != 200 or not isinstance(packed, bytes):
            raise ProviderUnclear(f"status {status}")
        return gunzipped(packed)

    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, kept: bool = False
    ) -> ProviderNotice:
        """Verify, then decrypt. The package looks at no timestamp, and raises for odd headers."""
        if not kept:
            self._check_time(headers.get("wechatpay-timestamp", ""))
        self._check_serial(headers.get("wechatpay-serial", ""))
        try:
            told = self._client.callback(dict(headers), body)
        except Exception as error:
            raise BadNotification(f"unreadable: {type(error).__name__}") from error
        if not told:
            raise BadNotification("signature")
        return self._told(str(told.get("event_type", "")), told["resource"])

    def answer(self, taken: bool, why: str) -> tuple[int, str, str]:
        if taken:
            return 204, "application/json", ""
        body = json.dumps({"code": "FAIL", "message": why[:60]}, ensure_ascii=False)
        return (401 if why == "signature" else 500), "application/json", body

    def _told(self, event: str, resource: dict[str, Any]) -> ProviderNotice:
        number = str(resource.get("out_trade_no", ""))
        if event.startswith("REFUND."):
            says = self._refund_says({**resource, "status": resource.get("refund_status")})
            return ProviderNotice("refund", number, str(resource.get("out_refund_no", "")), says)
        if not event.startswith("TRANSACTION."):
            return ProviderNotice("other", number)
        if resource.get("appid") != self._appid or resource.get("mchid") != self._mchid:
            raise BadNotification("another app or merchant")
        if not _in_yuan(resource):
            raise BadNotification("another currency")
        if str(resource.get("trade_state")) not in _TRADE:
            return ProviderNotice("other", number)
        return ProviderNotice("payment", number, says=self._outcome(resource))

    def _outcome(self, told: Mapping[str, Any]) -> Outcome:
        state = _TRADE.get(str(told.get("trade_state")))
        if state is None:
            raise ProviderUnclear(f"trade_state {told.get('trade_state')}")
        if told.get("mchid", self._mchid) != self._mchid:
            raise ProviderUnclear("another merchant")
        if not _in_yuan(told):
            raise ProviderUnclear("another currency")
        paid_at = told.get("success_time")
        return Outcome(
            state=state,  # type: ignore[arg-type]
            amount_fen=(told.get("amount") or {}).get("total"),
            provider_no=str(told.get("transaction_id") or ""),
            paid_at=datetime.fromisoformat(paid_at) if paid_at else None,
        )

    def _refund_says(self, told: Mapping[str, Any]) -> RefundSays:
        status = str(told.get("status"))
        state = _REFUND.get(status, "unclear")
        return RefundSays(
            state=state,  # type: ignore[arg-type]
            provider_no=str(told.get("refund_id") or ""),
            problem="" if state in ("done", "sent") and status != "ABNORMAL" else status,
        )

    def _check_time(self, stamp: str) -> None:
        try:
            off_s = abs(clock.real().timestamp() - int(stamp))
        except ValueError as error:
            raise BadNotification("no timestamp") from error
        if off_s > CLOCKS_DIFFER_S:
            raise BadNotification("timestamp more than 5 minutes off")

    def _check_serial(self, serial: str) -> None:
        """A serial that we do not hold is refused here: the package would go and fetch it."""
        if serial == self._core._public_key_id:
            return
        held = [certificate.serial_number for certificate in self._core._certificates]
        if not _HEX.fullmatch(serial) or int(serial, 16) not in held:
            raise BadNotification("unknown serial")

    def _call(self, do: Callable[[], tuple[int, Any]]) -> dict[str, Any]:
        """One call; 4xx is a no, everything else that is not a signed 2xx proves nothing."""
        try:
            status, text = do()
        except requests.RequestException as error:
            raise ProviderUnclear(type(error).__name__) from error
        except Exception as error:  # the package raises bare Exceptions, for a bad signature too
            raise ProviderUnclear(str(error)[:200]) from error
        try:
            told: dict[str, Any] = json.loads(text) if text else {}
        except ValueError:
            told = {}
        if 200 <= status < 300:
            return told
        code = str(told.get("code", status))
        if status == 404 and code in ("ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"):
            raise _NotFound(code)
        if status in (400, 401, 403, 404) and code not in ("SYSTEM_ERROR", "FREQUENCY_LIMITED"):
            raise ProviderRefused(f"{code} {told.get('message', '')}"[:200])
        raise ProviderUnclear(code)


def _in_yuan(told: Mapping[str, Any]) -> bool:
    """Whether its amount is fen, as we have asked for; it says so only once there is one."""
    return (told.get("amount") or {}).get("currency", "CNY") == "CNY"


class _NotFound(ProviderRefused):
    pass
