"""The link of a demand ends when what it asked for has been over for a while."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from arrears.models import Debt, Demand
from arrears.selectors import dues
from arrears.states import DebtState, DemandState
from core.errors import LinkEnded


def test_a_demands_link_ends_two_weeks_after_its_last_debt(debt: Any, clock: Any) -> None:
    demand = Demand.objects.create(
        plate_text="沪A12345",
        channel="page",
        due_at=clock.now(),
        made_at=clock.now(),
        state=DemandState.MADE,
    )
    demand.debts.add(debt)
    clock.advance(timedelta(days=400))
    assert dues.demand_of(demand.token) == demand  # still owed

    Debt.objects.filter(pk=debt.pk).update(state=DebtState.PAID, ended_at=clock.now())
    clock.advance(timedelta(days=13, hours=23))
    assert dues.demand_of(demand.token) == demand
    clock.advance(timedelta(hours=2))
    with pytest.raises(LinkEnded):
        dues.demand_of(demand.token)
    answer = Client().get(f"/dues/{demand.token}/")
    assert answer.status_code == 410
    assert "phone number" in answer.content.decode() or "手机号" in answer.content.decode()


def test_a_demand_that_was_dropped_opens_nothing(debt: Any, clock: Any) -> None:
    demand = Demand.objects.create(
        plate_text="沪A12345",
        channel="page",
        due_at=clock.now(),
        made_at=clock.now(),
        state=DemandState.DROPPED,
    )
    demand.debts.add(debt)
    with pytest.raises(LinkEnded):
        dues.demand_of(demand.token)
