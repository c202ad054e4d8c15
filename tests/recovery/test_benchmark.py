"""The benchmark of the lowering measures the real thing, and never on anybody's data (P1.4)."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core import clock
from devices.models import Command
from payments import services as payments
from payments.models import SandboxTrade
from payments.providers.sandbox.client import notification
from recovery.models import RecoveryOrder, SettlementOrder
from tests.recovery.conftest import told
from tests.street import TEST


@pytest.mark.django_db(transaction=True)
def test_the_benchmark_pays_over_http_and_sees_the_frame_at_the_lock(live: Any) -> None:
    """P1.4: no timed assert; the figures are for people."""
    out = StringIO()
    call_command("benchmark_lowering", url=live.http, repeats=2, json=True, stdout=out)
    found = json.loads(out.getvalue())
    assert (found["repeats"], found["debts"]) == (2, 2)
    assert found["answered_ms"] > 0 and 0 < found["median_ms"] <= found["p95_ms"]
    assert 0 < found["raise_median_ms"] <= found["raise_p95_ms"]
    assert found["ratio"] > 1
    paid = SettlementOrder.objects.count()
    assert paid == RecoveryOrder.objects.filter(state="moved", ended_by="payment").count() > 2
    assert Command.objects.filter(action="LowerLock", state="done").count() == paid


def test_the_benchmark_refuses_a_database_that_is_in_use(merchant: Any) -> None:
    with pytest.raises(CommandError, match="in use"):
        call_command("benchmark_lowering", url="http://127.0.0.1:1", repeats=2)


def test_a_payment_asks_the_database_no_more_than_it_must(
    raised: RecoveryOrder, django_assert_max_num_queries: Any
) -> None:
    """P1.4: what stands between a notification and the lock, two debts; it was 106 once."""
    bill = payments.open_order(items=[("recovery.order", raised.pk)], actor=TEST)
    attempt = payments.begin_attempt(
        order_id=bill.pk, provider="sandbox", return_url="/", actor=TEST
    )
    SandboxTrade.objects.filter(out_trade_no=attempt.out_trade_no).update(
        state="paid", paid_at=clock.real()
    )
    trade = SandboxTrade.objects.get(out_trade_no=attempt.out_trade_no)
    _address, headers, body = notification(trade)
    with django_assert_max_num_queries(71):  # the clock's setting is read again where it takes long
        answer = payments.receive_notification("sandbox", headers, body)
    assert answer.status == 204
    raised.refresh_from_db()
    assert (raised.state, told(raised)) == ("paid", ["RaiseLock", "LowerLock"])
