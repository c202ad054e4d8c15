"""Nuonuo's open platform (诺税通), V2.0: issues a 数电票, and takes one back by a red letter.

What was published and what is assumed: docs/money.md.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import requests

from core import clock
from core.calendar import CITY
from payments.invoices.base import InvoiceAsked, InvoiceSays, IssuerUnclear

GATEWAY = "https://sdk.nuonuo.com/open/v1/services"
PREFIX = "nuonuo.OpeMplatform."
TIMEOUT_S = (5, 30)
DONE, UNKNOWN_NUMBER, KNOWN_NUMBER = "E0000", "E9500", "E9106"
ISSUED, REFUSED = {"2"}, {"22"}
RED_REFUSED = {"16"}
ORDINARY = "pc"  # 数电普票, which is what a parking fee gets
SELLER = "0"
SERVICE_ENDED = "3"  # 服务中止, the reason for the red letter


class Nuonuo:
    """Asks for one seller: the merchant of this code, with its own tax number and authorisation."""

    name = "nuonuo"

    def __init__(self, settings: Mapping[str, Any], merchant_code: str) -> None:
        self.settings = settings
        self.seller = settings["sellers"][merchant_code]

    # ── What we ask ──────────────────────────────────────────────────────────────────────────
    def issue(self, asked: InvoiceAsked) -> InvoiceSays:
        seller, yuan = self.seller, _yuan(asked.amount_fen)
        order = {
            "orderNo": asked.number,
            "buyerName": asked.buyer_name,
            "buyerTaxNum": asked.buyer_tax_no,
            "salerTaxNum": seller["taxnum"],
            "clerk": seller["clerk"],
            "invoiceDate": f"{clock.real().astimezone(CITY):%Y-%m-%d %H:%M:%S}",
            "invoiceType": "1",
            "invoiceLine": ORDINARY,
            "pushMode": "-1",
            "extensionNumber": seller.get("extension", ""),
            "invoiceDetail": [
                {
                    "goodsName": seller["goods_name"],
                    "goodsCode": seller["goods_code"],
                    "withTaxFlag": "1",
                    "num": "1",
                    "price": yuan,
                    "taxIncludedAmount": yuan,
                    "taxRate": seller["tax_rate"],
                }
            ],
        }
        code, said = self._ask("requestBillingNew", {"order": order})
        if code in (DONE, KNOWN_NUMBER):
            return InvoiceSays(stands="pending")
        return InvoiceSays(stands="refused", problem=_problem(code, said))

    def query(self, asked: InvoiceAsked) -> InvoiceSays:
        code, said = self._ask("queryInvoiceResult", {"orderNos": [asked.number]})
        rows = said.get("result") or []
        if code == UNKNOWN_NUMBER or (code == DONE and not rows):
            return InvoiceSays(stands="absent")
        if code != DONE:
            raise IssuerUnclear(_problem(code, said))
        row = rows[0]
        if str(row.get("status")) in REFUSED:
            problem = str(row.get("failCause") or row.get("statusMsg") or "refused")
            return InvoiceSays(stands="refused", problem=problem[:300])
        number = row.get("allElectronicInvoiceNumber") or row.get("invoiceNo") or ""
        if str(row.get("status")) in ISSUED and number:
            return InvoiceSays(stands="done", fapiao_no=number, url=str(row.get("pdfUrl") or ""))
        return InvoiceSays(stands="pending")

    def reverse(self, asked: InvoiceAsked) -> InvoiceSays:
        body = {
            "billId": asked.number,
            "blueInvoiceLine": ORDINARY,
            "applySource": SELLER,
            "blueElecInvoiceNumber": asked.fapiao_no,
            "sellerTaxNo": self.seller["taxnum"],
            "sellerName": self.seller["name"],
            "buyerName": asked.buyer_name,
            "buyerTaxNo": asked.buyer_tax_no,
            "redReason": SERVICE_ENDED,
            "extensionNumber": self.seller.get("extension", ""),
        }
        code, said = self._ask("saveInvoiceRedConfirm", body)
        if code == DONE:
            return InvoiceSays(stands="pending")
        return InvoiceSays(stands="refused", problem=_problem(code, said))

    def query_reversal(self, asked: InvoiceAsked) -> InvoiceSays:
        body = {"identity": SELLER, "billId": asked.number}
        code, said = self._ask("queryInvoiceRedConfirm", body)
        if code != DONE:
            raise IssuerUnclear(_problem(code, said))
        rows = (said.get("result") or {}).get("list") or []
        if not rows:
            return InvoiceSays(stands="absent")
        row = rows[0]
        if str(row.get("openStatus")) == "1":
            return InvoiceSays(stands="done", fapiao_no=str(row.get("redInvoiceNumber") or ""))
        if str(row.get("billStatus")) in RED_REFUSED:
            return InvoiceSays(stands="refused", problem=str(row.get("billMessage") or "refused"))
        return InvoiceSays(stands="pending")

    # ── How we ask ───────────────────────────────────────────────────────────────────────────
    def _ask(self, method: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The code of the answer and all of it. Raises IssuerUnclear."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        asked = {
            "senid": secrets.token_hex(16),
            "nonce": str(10_000_000 + secrets.randbelow(90_000_000)),
            "timestamp": str(int(clock.real().timestamp())),
            "appkey": self.settings["app_key"],
        }
        headers = {
            "Content-Type": "application/json;charset=utf-8",
            "X-Nuonuo-Sign": sign(self.settings["app_secret"], content, **asked),
            "accessToken": self.seller["token"],
            "userTax": self.seller["taxnum"],
            "method": PREFIX + method,
        }
        try:
            answer = requests.post(
                self.settings.get("gateway") or GATEWAY,
                params=asked,
                data=content.encode(),
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
            answer.raise_for_status()
            said = answer.json()
            return str(said["code"]), said
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise IssuerUnclear(type(error).__name__) from error


def sign(secret: str, content: str, *, senid: str, nonce: str, timestamp: str, appkey: str) -> str:
    """X-Nuonuo-Sign: HMAC-SHA1 over the path's parts, the public parameters and the body."""
    said = f"a=services&l=v1&p=open&k={appkey}&i={senid}&n={nonce}&t={timestamp}&f={content}"
    digest = hmac.new(secret.encode(), said.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


def _problem(code: str, said: Mapping[str, Any]) -> str:
    return f"{code} {said.get('describe') or ''}".strip()[:300]
