"""What is asked about a plate, what is entered for a year, who gets a new address: all is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from parking import services
from parking.models import Berth, CloneCase, ParkingSession
from parking.services import holidays, retelling
from tests.parking.test_elsewhere import copied, far, leave  # noqa: F401
from tests.parking.test_holidays import enter
from tests.street import PLATE, TEST
from tests.trail import events, moves, said

pytestmark = pytest.mark.usefixtures("writes_are_whole")


def since_ms(stay: ParkingSession) -> int:
    return int(stay.arrived_at.timestamp() * 1000)


def test_a_copied_plate_is_told_once_and_its_end_too(
    copied: list[ParkingSession],  # noqa: F811
) -> None:
    case = CloneCase.objects.get()
    told = {
        "plate_text": PLATE.text,
        "plate_colour": "blue",
        "since_ms": since_ms(copied[0]),
    }
    assert events("parking.copy_suspected") == [told]
    services.suspect_copy(stay_id=copied[1].pk)
    assert events("parking.copy_suspected") == [told]  # it is known
    services.say_copied(case_id=case.pk, actor="user:1", reason="two seen")
    assert events("parking.copy_over") == []
    for _twice in range(2):
        services.close_case(case_id=case.pk, actor="user:2", reason="seized")
    assert events("parking.copy_over") == [told]
    assert moves(case) == [
        ("open", "copied", "user:1", "two seen"),
        ("copied", "closed", "user:2", "seized"),
    ]


def test_the_desk_says_that_a_plate_is_copied_and_that_the_copy_is_gone(
    copied: list[ParkingSession],  # noqa: F811
    operator_client: Client,
) -> None:
    case = CloneCase.objects.get()
    for deed, state in (("copied", "copied"), ("close", "closed")):
        page = f"/admin/parking/clonecase/{case.pk}/{deed}/"
        assert operator_client.post(page, {"reason": "seen"}, follow=True).status_code == 200
        case.refresh_from_db()
        assert case.state == state


def test_a_year_of_holidays_says_who_entered_which_version(clock: Any) -> None:
    for number in (1, 2):
        row = enter()
        assert said(row) == [("published", TEST, "", {"year": 2027, "number": number})]
    assert holidays.unknown_soon() is None


def test_a_stay_that_had_not_left_after_all_is_told(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, ago_min=90, minutes=80)
    assert events("parking.stay_resumed") == []
    again = stay.left_at + timedelta(seconds=1)
    services.open_stay(berth_id=berth.pk, occurred_at=again, said_by=TEST)
    stay.refresh_from_db()
    assert (stay.state, stay.left_at, stay.due_fen) == ("parked", None, 0)
    assert events("parking.stay_resumed") == [{"stay_id": stay.pk}]
    assert moves(stay)[-1][:2] == ("due", "parked")
    assert moves(stay)[-1][3] == "it had not left"


def test_a_plate_that_was_another_stays_says_that_it_is_unknown_again(
    berth: Berth, enrolled: Any, merchant: Any, seen: Any, clock: Any
) -> None:
    came = clock.now()
    first = services.open_stay(berth_id=berth.pk, occurred_at=came, said_by=TEST)
    clock.advance(timedelta(minutes=60))
    shown = seen(enrolled("H-1", "handheld", merchant), merchant, berth=berth)
    services.settle_plate(sighting_id=shown.pk, plate=PLATE, by=TEST, why="x")
    services.close_stay(berth_id=berth.pk, occurred_at=came + timedelta(minutes=10), said_by=TEST)
    services.open_stay(berth_id=berth.pk, occurred_at=came + timedelta(minutes=50), said_by=TEST)
    stay = ParkingSession.objects.get(pk=first)
    assert (stay.plate_state, stay.plate_text) == ("unread", "")
    assert ("plate unknown again", retelling.SYSTEM, "", {}) in said(stay)
    assert {
        "stay_id": stay.pk,
        "old_text": PLATE.text,
        "old_colour": "blue",
    } in events("parking.plate_corrected")
