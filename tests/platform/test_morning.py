"""A demo begins with something to see, and its street takes up what stands there."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from arrears.models import BlacklistEntry, Debt
from config.demo import town
from config.local.processes import wait_until
from config.local.system import ROOT
from core.models import AuditEntry, OutboxDelivery
from devices.models import Device
from monthlycard.models import Card
from parking.models import Berth, BerthEvent, ParkingSession, ReviewItem
from payments import services as payments
from recovery.models import RecoveryOrder

PATIENCE_S = 90


@pytest.fixture
def prepared(transactional_db: None, clock: Any, settings: Any, tmp_path: Path) -> Path:
    """A demo's folder and database, as `prepare_demo` leaves them."""
    settings.DATA_DIR = tmp_path
    call_command("prepare_demo")
    return tmp_path


class StreetProcess:
    """`manage.py simulate_street`, as the demo runs it."""

    def __init__(self, env: dict[str, str], url: str, folder: Path) -> None:
        self.command = [sys.executable, "manage.py", "simulate_street", "--url", url]
        self.env = {**env, "BOWEI_DATA": str(folder)}
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Connected, with everything reported that stood there before."""
        self.running.append(subprocess.Popen(self.command, cwd=ROOT, env=self.env))
        devices = Device.objects.filter(online=False)
        assert wait_until(lambda: not devices.exists(), timeout_s=PATIENCE_S)

    def kill(self) -> None:
        self.running[-1].kill()
        self.running[-1].wait()
        devices = Device.objects.filter(online=True)
        assert wait_until(lambda: not devices.exists(), timeout_s=PATIENCE_S)


@pytest.fixture
def street(live: Any, process_env: dict[str, str], prepared: Path) -> Iterator[StreetProcess]:
    street = StreetProcess(process_env, live.http, prepared)
    yield street
    for process in street.running:
        process.kill()
        process.wait()


def test_a_demo_begins_with_something_on_every_desk(prepared, clock):
    states = ParkingSession.objects.values_list("state", flat=True)
    assert {"parked", "due", "settled"} == set(states)
    assert BlacklistEntry.objects.filter(state="active").count() == 2
    assert Debt.objects.filter(state="open", demanded_at=None).exists()  # an inspector's work
    assert ReviewItem.objects.get(state="open").why == "weak_character"
    assert Card.objects.get().state == "active"

    order = RecoveryOrder.objects.get()
    assert (order.state, order.plate_text) == ("raised", town.OWNER_PLATE[0])
    assert order.berth.lock_up
    assert order.stay.state == "parked"
    assert not OutboxDelivery.objects.exists()
    assert not Device.objects.filter(online=True).exists()  # until the street connects

    assert clock.now() >= town.BEGIN
    assert not clock._setting()[1]  # time runs


def test_a_demo_that_is_prepared_again_goes_on_where_it_was(prepared, clock):
    before = (ParkingSession.objects.count(), (prepared / "town.json").read_text())
    clock.move_to(clock.now() + timedelta(days=1))  # it lay still for a day

    call_command("prepare_demo")

    assert (ParkingSession.objects.count(), (prepared / "town.json").read_text()) == before
    last = AuditEntry.objects.latest("pk").at
    assert clock.now() - last < timedelta(minutes=2)


def test_a_street_that_was_killed_takes_up_what_stands_and_lowers_its_lock(street, run_reactions):
    stood = list(ParkingSession.objects.filter(state="parked").order_by("pk"))
    arrivals = BerthEvent.objects.filter(stay__in=stood, kind="arrived")
    order = RecoveryOrder.objects.select_related("device").get()

    def said_again(times: int) -> bool:
        return arrivals.filter(times__gte=times).count() == len(stood)

    street.start()
    assert wait_until(lambda: said_again(2), timeout_s=PATIENCE_S)
    street.kill()
    street.start()
    assert wait_until(lambda: said_again(3), timeout_s=PATIENCE_S)

    now_there = ParkingSession.objects.filter(pk__in=[stay.pk for stay in stood])
    assert list(now_there.order_by("pk").values_list("state", "arrived_at", "doubtful")) == [
        ("parked", stay.arrived_at, False) for stay in stood
    ]
    order.refresh_from_db()
    assert (order.state, order.lock_position, order.problem) == ("raised", "raised", "")

    bill = payments.open_order(items=[("recovery.order", order.pk)], actor="owner")
    payments.pay_at_counter(bill.pk, "user:1")

    def is_down() -> bool:
        run_reactions()
        order.refresh_from_db()
        return order.state == "lowered"

    assert wait_until(is_down, timeout_s=PATIENCE_S)
    assert order.lock_position == "lowered"
    assert not Berth.objects.get(pk=order.berth_id).lock_up
