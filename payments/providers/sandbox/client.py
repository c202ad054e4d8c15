"""The sandbox's client, and the other side of it: a page, and signed messages.

It behaves as the real ones do: the payer is sent to its page, it tells us over HTTP what
happened, tells again until it is heard, and can be asked. Its signature is an HMAC-SHA256 over
timestamp, nonce and body. Refused in production.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from core import clock
from payments.errors import BadNotification
from payments.models import SandboxTrade
from payments.providers.base import (
    Asked,
    Begun,
    Outcome,
    ProviderNotice,
    ProviderRefused,
    RefundAsked,
    RefundSays,
    Way,
)
from payments.states import TradeState

CLOCKS_DIFFER_S = 300
NOTIFY_WAITS_S = (15, 15, 30, 180, 600, 1200, 1800)


class SandboxClient:
    """See payments.providers.base.Client."""

    signature_headers: tuple[str, ...] = (
        "x-sandbox-timestamp",
        "x-sandbox-nonce",
        "x-sandbox-signature",
    )

    def begin(self, asked: Asked) -> Begun:
        SandboxTrade.objects.get_or_create(
            out_trade_no=asked.out_trade_no,
            defaults={
                "amount_fen": asked.amount_fen,
                "title": asked.title[:127],
                "return_url": asked.return_url,
                "notify_url": asked.notify_url,
            },
        )
        page = reverse("payments.sandbox", args=[asked.out_trade_no])
        if asked.way == Way.CODE:
            return Begun(qr=settings.PUBLIC_URL + page)
        return Begun(pay_url=page)

    def query(self, out_trade_no: str) -> Outcome:
        trade = SandboxTrade.objects.filter(out_trade_no=out_trade_no).first()
        if trade is None:
            return Outcome(state="absent")
        state = {"paid": "paid", "closed": "closed"}.get(trade.state, "pending")
        return Outcome(
            state=state,  # type: ignore[arg-type]
            amount_fen=trade.amount_fen,
            provider_no=f"SANDBOX{trade.pk}",
            paid_at=trade.paid_at,
        )

    def close(self, out_trade_no: str) -> None:
        waiting = SandboxTrade.objects.filter(out_trade_no=out_trade_no, state=TradeState.WAITING)
        if not waiting.update(state=TradeState.CLOSED):
            raise ProviderRefused("ORDERPAID")

    @transaction.atomic
    def refund(self, asked: RefundAsked) -> RefundSays:
        rows = SandboxTrade.objects.select_for_update(no_key=True).filter(
            out_trade_no=asked.out_trade_no
        )
        trade = rows.filter(state=TradeState.PAID).first()
        if trade is None:
            raise ProviderRefused("NOT_PAID")
        known = trade.refunds.get(asked.out_refund_no)
        if known is None:
            if sum(trade.refunds.values()) + asked.amount_fen > trade.amount_fen:
                raise ProviderRefused("NOT_ENOUGH")
            trade.refunds[asked.out_refund_no] = asked.amount_fen
            trade.save(update_fields=["refunds"])
        return RefundSays(state="done", provider_no=f"SANDBOX{asked.out_refund_no}")

    def query_refund(self, asked: RefundAsked) -> RefundSays:
        return self.refund(asked)

    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, kept: bool = False
    ) -> ProviderNotice:
        stamp, nonce = headers.get("x-sandbox-timestamp", ""), headers.get("x-sandbox-nonce", "")
        said = headers.get("x-sandbox-signature", "")
        if not hmac.compare_digest(_signature(stamp, nonce, body).encode(), said.encode()):
            raise BadNotification("signature")
        if not kept and abs(clock.real().timestamp() - float(stamp)) > CLOCKS_DIFFER_S:
            raise BadNotification("timestamp more than 5 minutes off")
        told: dict[str, Any] = json.loads(body)
        return ProviderNotice(
            "payment",
            told["out_trade_no"],
            says=Outcome(
                state="paid",
                amount_fen=told["amount_fen"],
                provider_no=told["provider_no"],
                paid_at=datetime.fromisoformat(told["paid_at"]),
            ),
        )

    def answer(self, taken: bool, why: str) -> tuple[int, str, str]:
        if taken:
            return 204, "text/plain", ""
        return (401 if why == "signature" else 500), "text/plain", why[:100]


def pay_at_sandbox(out_trade_no: str) -> SandboxTrade:
    """What the sandbox does when the payer presses pay on its page: paid once, told at once."""
    waiting = SandboxTrade.objects.filter(out_trade_no=out_trade_no, state=TradeState.WAITING)
    waiting.update(state=TradeState.PAID, paid_at=clock.real(), next_notify_at=clock.real())
    trade = SandboxTrade.objects.get(out_trade_no=out_trade_no)
    if trade.state == TradeState.PAID and trade.notified_at is None:
        tell(trade)
    return trade


def tell(trade: SandboxTrade) -> bool:
    """Send the signed notification once; False keeps it for the next try."""
    url, headers, body = notification(trade)
    wait_s = NOTIFY_WAITS_S[min(trade.notify_tries, len(NOTIFY_WAITS_S) - 1)]
    try:
        heard = requests.post(url, data=body, headers=headers, timeout=5).status_code in (200, 204)
    except requests.RequestException:
        heard = False
    SandboxTrade.objects.filter(pk=trade.pk).update(
        notified_at=clock.real() if heard else None,
        next_notify_at=None if heard else clock.real() + timedelta(seconds=wait_s),
        notify_tries=trade.notify_tries + 1,
    )
    return heard


def notification(trade: SandboxTrade) -> tuple[str, dict[str, str], bytes]:
    """Address, headers and body of the message about a paid trade; signed anew each time."""
    assert trade.paid_at is not None
    body = json.dumps(
        {
            "out_trade_no": trade.out_trade_no,
            "amount_fen": trade.amount_fen,
            "provider_no": f"SANDBOX{trade.pk}",
            "paid_at": trade.paid_at.isoformat(),
        }
    ).encode()
    stamp, nonce = str(int(clock.real().timestamp())), secrets.token_hex(8)
    headers = {
        "Content-Type": "application/json",
        "X-Sandbox-Timestamp": stamp,
        "X-Sandbox-Nonce": nonce,
        "X-Sandbox-Signature": _signature(stamp, nonce, body),
    }
    return trade.notify_url, headers, body


def _signature(stamp: str, nonce: str, body: bytes) -> str:
    key = hashlib.sha256(f"bowei sandbox {settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, f"{stamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()
