"""Hands for the tests of money: open, pay, tell, and look at the books."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import Model, Sum

from accounts.models import Merchant
from core.models import AuditEntry, OutboxEvent
from payments import providers, services
from payments.models import Attempt, LedgerEntry, LedgerTransfer, Order, SandboxTrade
from payments.providers.sandbox import client as sandbox
from tests.payments import kiosk

TEST = "system:tests"


@pytest.fixture(autouse=True)
def _whole(writes_are_whole: None) -> None:
    """No service of a test here writes or locks in pieces."""


@pytest.fixture(autouse=True)
def _wiring(settings: Any) -> Iterator[None]:
    settings.BOWEI_WIRING = "tests.payments.wiring"
    providers.forget()
    yield
    providers.forget()


@pytest.fixture
def order(merchant: Merchant, clock: Any) -> Order:
    """An open order over one bill of ¥6.00."""
    return open_order(merchant, 600)


def open_order(merchant: Merchant, *amounts_fen: int) -> Order:
    """An open order over bills of these amounts, numbered from 1."""
    things = [kiosk.owe(n, fen, merchant.pk) for n, fen in enumerate(amounts_fen, start=1)]
    return services.open_order(items=things, actor=TEST)


def begin(order: Order) -> Attempt:
    """An attempt in the sandbox, waiting for the payer."""
    return services.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/o/x/done/", actor="owner"
    )


def payer_pays(attempt: Attempt) -> SandboxTrade:
    """The payer pays on the sandbox's page; nobody has told us yet."""
    from core import clock

    trades = SandboxTrade.objects.filter(out_trade_no=attempt.out_trade_no)
    trades.filter(state="waiting").update(state="paid", paid_at=clock.real())
    return trades.get()


def tell(attempt: Attempt) -> services.NotificationReply:
    """The sandbox's signed message about a paid trade reaches us."""
    trade = SandboxTrade.objects.get(out_trade_no=attempt.out_trade_no)
    _url, headers, body = sandbox.notification(trade)
    return services.receive_notification("sandbox", headers, body)


def pay(order: Order) -> Attempt:
    """The whole way: begun, paid, told."""
    attempt = begin(order)
    payer_pays(attempt)
    assert tell(attempt).status == 204
    attempt.refresh_from_db()
    return attempt


def events(topic: str) -> list[dict[str, Any]]:
    return [event.data for event in OutboxEvent.objects.filter(topic=topic).order_by("pk")]


def moved(model: type[Model], target: str) -> int:
    """How often a row of this model was moved to this state."""
    rows = AuditEntry.objects.filter(subject=model._meta.label_lower, to_state=target)
    return rows.count()


def books() -> dict[str, int]:
    """The balance of every account; asserts that all of it sums to 0."""
    rows = LedgerEntry.objects.values("account").annotate(fen=Sum("amount_fen"))
    balances = {row["account"]: row["fen"] for row in rows if row["fen"]}
    assert sum(balances.values()) == 0
    return balances


def transfers() -> list[str]:
    return [key.split(":")[0] for key in LedgerTransfer.objects.values_list("key", flat=True)]


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Runs functions at the same moment, each on a thread and connection of its own."""
    from tests.payments.threads import at_once

    return at_once
