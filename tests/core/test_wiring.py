"""config/wiring.py is refused where something in it does not fit its place."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import wiring
from core.checks import wiring_fits
from devices.events import CommandDone, CommandFailed
from parking import reactions as parking
from parking.events import ImageTaken
from tests.core.test_outbox import Happened, note

ROOT = Path(__file__).resolve().parents[2]


def complaints() -> list[str]:
    return [str(one.msg) for one in wiring_fits(None)]


def test_the_wiring_as_it_stands_fits() -> None:
    assert complaints() == []


@pytest.mark.parametrize(
    ("table", "wrong", "why"),
    [
        ("REACTIONS", {ImageTaken: (note,)}, "note does not take ImageTaken"),
        ("REACTIONS", {CommandDone: (parking.next_camera,)}, "does not take CommandDone"),
        ("REACTIONS", {Happened: (lambda: None,)}, "does not take 1 values"),
        ("REACTIONS", {Happened: ("tests.core.test_outbox.note",)}, "is no function"),
        ("MESSAGES", {"VehicleArrived": (parking.order_image,)}, "does not take 2 values"),
        ("SWEEPS", [parking.order_image], "does not take 0 values"),
        ("NEEDS", [lambda: []], "does not take 1 values"),
    ],
)
def test_what_does_not_fit_is_named_at_start_up(
    table: str, wrong: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, table, wrong)
    [said] = complaints()
    assert why in said


def test_one_reaction_may_follow_several_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "REACTIONS", {CommandFailed: (parking.next_camera,)})
    assert complaints() == []


MISTAKES = """
from core import outbox
from core.transition import transition
from core.wiring import on
from devices.rules import protocol
from devices.rules.listening import heard
from parking import events, messages, reactions
from parking.models import ParkingSession
from parking.states import StayState

on(events.LeftUnpayd, reactions.order_image)
on(events.LeftUnpaid, reactions.order_image)
heard(protocol.VehicleLeft, messages.image_taken)
outbox.add(events.LeftUnpaid(session_id=1))
outbox.add("parking.left_unpaid")
ParkingSession.objects.filter(state=StayState.PARKT)
transition(ParkingSession(), source=StayState.PARKED, target="due", actor="system:tests")
"""


def test_the_type_checker_finds_misspelt_events_and_states_and_a_listener_of_another_shape() -> (
    None
):
    """What `./bowei check` says of them, line by line."""
    file = ROOT / "mistakes_in_wiring.py"
    file.write_text(MISTAKES)
    try:
        said = subprocess.run(
            [sys.executable, "-m", "mypy", file.name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    finally:
        file.unlink()
    wrong = {line.split(":")[1] for line in said.splitlines() if line.startswith(file.name)}
    first = MISTAKES.splitlines().index("on(events.LeftUnpayd, reactions.order_image)") + 1
    assert wrong == {str(first + at) for at in range(7)}, said
