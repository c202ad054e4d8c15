"""The benchmark of the lowering measures the real thing, and never on anybody's data (P1.4)."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devices.models import Command
from recovery.models import RecoveryOrder, SettlementOrder


@pytest.mark.django_db(transaction=True)
def test_the_benchmark_pays_over_http_and_sees_the_frame_at_the_lock(live: Any) -> None:
    """P1.4: no timed assert; the figures are for people."""
    out = StringIO()
    call_command("benchmark_lowering", url=live.http, repeats=2, json=True, stdout=out)
    found = json.loads(out.getvalue())
    assert (found["repeats"], found["debts"]) == (2, 2)
    assert found["answered_ms"] > 0 and 0 < found["median_ms"] <= found["p95_ms"]
    assert found["ratio"] > 1
    paid = SettlementOrder.objects.count()
    assert paid == RecoveryOrder.objects.filter(state="moved", ended_by="payment").count() > 2
    assert Command.objects.filter(action="LowerLock", state="done").count() == paid


def test_the_benchmark_refuses_a_database_that_is_in_use(merchant: Any) -> None:
    with pytest.raises(CommandError, match="in use"):
        call_command("benchmark_lowering", url="http://127.0.0.1:1", repeats=2)
