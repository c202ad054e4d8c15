"""A town to look at."""

from datetime import timedelta
from typing import Any

import pytest

from config.demo import day, town
from devices.models import Device


@pytest.fixture
def morning(transactional_db: None, clock: Any) -> None:
    """The demo's town on a morning, with stays, debts, a review and a raised lock."""
    built = town.build()
    town.demo_owner()
    day.build(built)
    Device.objects.update(online=True)
    silent = Device.objects.filter(code__in=["S-Y-007", "S-A-005"])
    silent.update(online=False, silent=True, last_heard_at=clock.real() - timedelta(minutes=32))
