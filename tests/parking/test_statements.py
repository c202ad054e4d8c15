"""What an arrival, a departure and what follows ask of the database (docs/decisions/0080)."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from celery.app.task import Task
from django.db import connection
from django.test.utils import CaptureQueriesContext

import parking.vision
from accounts.models import Merchant
from core import clock, outbox
from core.models import OutboxDelivery
from devices.models import Device
from devices.rules import frames
from devices.services import commands, connections, enroll, reception
from parking import tasks
from parking.models import Berth, BerthSensor, CameraCoverage, ParkingSession, Sighting
from parking.vision import Candidate, Reading
from tests.street import TEST, new_photograph

COLD = 3  # statements that only a first time asks: the clock's setting, a tariff's first use


@dataclass
class Street:
    """A berth with a sensor and a camera, and what each thing that happens there has asked."""

    links: dict[str, connections.Link]
    asked: dict[str, int] = field(default_factory=dict)

    def say(self, device: str, action: str, **payload: Any) -> Any:
        call = frames.Call(f"{action}{clock.now().timestamp()}", action, payload)
        kind, _id, answer = json.loads(
            reception.receive(self.links[device], call.encode(), call).frame
        )
        assert kind == frames.RESULT, answer
        return answer

    @contextmanager
    def counted(self, what: str) -> Iterator[None]:
        with CaptureQueriesContext(connection) as caught:
            yield
        self.asked[what] = self.asked.get(what, 0) + len(caught)

    def reacts(self, what: str) -> None:
        with self.counted(what):
            outbox.run_pending(raise_errors=True)

    def arrives(self, plate: str, see: Callable[[str], AbstractContextManager[None]]) -> None:
        now_ms = int(clock.now().timestamp() * 1000)
        with self.counted("arrival"):
            self.say("S-1", "VehicleArrived", berth_code="A-001", occurred_at_ms=now_ms)
        self.reacts("arrival, reactions")
        with self.counted("order to the camera"):
            (due,) = commands.take_due(self.links["C-1"]) or []
            commands.acknowledge(self.links["C-1"], due.message_id)
        number = json.loads(due.frame)[3]["command_id"]
        seen: dict[str, Any] = {"sha256": new_photograph(), "occurred_at_ms": now_ms + 2000}
        with self.counted("photograph"):
            self.say(
                "C-1",
                "ImageTaken",
                berth_code="A-001",
                purpose="arrival",
                command_id=number,
                **seen,
            )
            self.say("C-1", "CommandResult", command_id=number, outcome="done", details={})
        self.reacts("photograph, reactions")
        with see(plate), self.counted("reading"):
            tasks.read_plate.run(Sighting.objects.latest("pk").pk)
        self.reacts("reading, reactions")

    def leaves(self) -> None:
        now_ms = int(clock.now().timestamp() * 1000)
        with self.counted("departure"):
            self.say("S-1", "VehicleLeft", berth_code="A-001", occurred_at_ms=now_ms)
        self.reacts("departure, reactions")


@pytest.fixture
def street(section: Any, merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> Street:
    monkeypatch.setattr(Task, "apply_async", lambda task, args=(), **options: None)
    berth, links = Berth.objects.get(code="A-001"), {}
    for code, kind, place in (("S-1", "sensor", BerthSensor), ("C-1", "camera", CameraCoverage)):
        device, key = enroll(code=code, kind=kind, merchant_id=merchant.pk, name=code, actor=TEST)
        links[code] = connections.log_in(code, key)
        place.objects.create(berth=berth, device=Device.objects.get(pk=device.pk))
    outbox.run_pending()
    return Street(links)


@pytest.fixture
def see(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AbstractContextManager[None]]:
    """Within it the reader reads this plate."""

    @contextmanager
    def reads(plate: str) -> Iterator[None]:
        sure = Candidate(text=plate, probability=0.97, characters=(0.97,) * 7)
        reading = Reading(
            candidates=(sure,),
            colour="blue",
            colour_confidence=0.99,
            corners=None,
            sharpness=200.0,
            confident=True,
            why="confident",
            model="test",
        )
        with monkeypatch.context() as patch:
            patch.setattr(parking.vision, "read_image", lambda data, *, region=None: reading)
            yield

    return reads


def test_a_stay_asks_no_more_than_it_must(street: Street, see: Any) -> None:
    """An arrival with its photograph asked 179 before the laws were kept, a departure 77."""
    street.arrives("沪A12345", see)
    clock.advance(timedelta(minutes=90))
    street.leaves()
    clock.advance(timedelta(minutes=5))
    street.asked.clear()

    street.arrives("沪C55555", see)
    clock.advance(timedelta(minutes=90))
    street.leaves()

    assert ParkingSession.objects.latest("pk").state == "due"
    assert not OutboxDelivery.objects.exists()
    most = {
        "arrival": 27,
        "arrival, reactions": 17,
        "order to the camera": 10,
        "photograph": 39,
        "photograph, reactions": 5,
        "reading": 25,
        "reading, reactions": 23,
        "departure": 37,
        "departure, reactions": 43,
    }
    over = {what: count for what, count in street.asked.items() if count > most[what] + COLD}
    assert not over, street.asked
