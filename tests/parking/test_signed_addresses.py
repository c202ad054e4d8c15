"""A berth's printed code opens its stay; a typed number lets pay, and tells nothing else."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.persons.browser import Browser
from config.persons.paying import pay_berth
from core import deeds
from core import live as pages
from core.models import AuditEntry
from parking import selectors, services
from parking.links import LIVES_S, berth_path, berth_url, is_berths, stay_token
from parking.models import Berth, ParkingSession
from payments.models import Order
from tests.people import logged_in, prove, with_rights
from tests.street import PLATE, TEST

API = "/api/v1/parking"
ENGLISH = {"accept-language": "en"}
ARRIVED = "08:10"  # 50 minutes ago


@pytest.fixture
def stay(berth: Berth, stay_of: Any) -> ParkingSession:
    found: ParkingSession = stay_of(berth, PLATE, ago_min=50)
    return found


def body(answer: Any) -> str:
    return str(answer.content.decode())


def tells(answer: Any) -> list[str]:
    """What an answer tells of the vehicle beyond its last two characters."""
    said = body(answer)
    known = [PLATE.text[n : n + 3] for n in range(len(PLATE.text) - 2)]
    marks = [*known, "沪A", "1••", ARRIVED, "T08:10", "T00:10", "50 min", "50 分钟", "data-live"]
    return [mark for mark in marks if mark in said]


def test_a_typed_number_lets_pay_and_tells_two_characters(
    anonymous: Client, stay: ParkingSession
) -> None:
    page = anonymous.get("/b/A-001/", headers=ENGLISH)
    assert "plate ending in <strong>45</strong>" in body(page)
    assert "Pay ¥6.00" in body(page)
    assert tells(page) == []
    [path] = set(re.findall(r'action="(/s/[^"]+)"', body(page)))
    assert tells(anonymous.get(path)) == []
    paid = anonymous.post(path)
    assert Order.objects.get().items.get().subject_id == stay.pk
    assert tells(anonymous.get(paid.url)) == []


def test_so_does_the_interface(anonymous: Client, stay: ParkingSession) -> None:
    answer = anonymous.get(f"{API}/berths/A-001/")
    told = answer.json()
    assert (told["plate_ending"], told["plate_masked"]) == ("45", "")
    assert (told["amount_fen"], told["arrived_at"], told["leave_by"]) == (600, None, None)
    assert tells(answer) == []
    again = anonymous.get(f"{API}/stays/{told['token']}/")
    assert (again.status_code, tells(again)) == (200, [])


def test_the_code_at_the_berth_opens_the_whole_bill(
    anonymous: Client, stay: ParkingSession
) -> None:
    page = body(anonymous.get(selectors.berth_path("A-001"), headers=ENGLISH))
    assert ARRIVED in page
    assert "12345" not in page
    tag = selectors.berth_path("A-001").split("/")[3]
    told = anonymous.get(f"{API}/berths/A-001/{tag}/").json()
    assert told["plate_masked"] == "沪A·1••45"
    assert told["arrived_at"] is not None
    assert anonymous.get(f"{API}/stays/{told['token']}/").json()["arrived_at"] is not None


def test_its_last_part_cannot_be_guessed_from_other_berths_or_versions() -> None:
    tags = {
        berth_path(f"A-{n:03d}", version).split("/")[3] for n in range(50) for version in (1, 2)
    }
    assert len(tags) == 100
    assert all(len(tag) >= 12 for tag in tags)  # 5 bits each
    assert is_berths(berth_path("A-001", 1).split("/")[3].upper(), "A-001", 1)
    assert not is_berths("é" * 16, "A-001", 1)


@pytest.mark.parametrize("tag", ["aaaaaaaaaaaaaaaa", "é", "x" * 500])
def test_a_guess_is_worth_a_typed_number(anonymous: Client, stay: ParkingSession, tag: str) -> None:
    page = anonymous.get(f"/b/A-001/{tag}/", follow=True)
    assert page.redirect_chain[-1][0] == "/b/A-001/"
    assert tells(page) == []
    assert anonymous.get(f"{API}/berths/A-001/{tag}/").json()["code"] == "old_address"
    other = selectors.berth_path("A-002").split("/")[3]
    assert anonymous.get(f"/b/A-001/{other}/").status_code == 302


def test_the_desk_makes_printed_codes_worthless(
    anonymous: Client, stay: ParkingSession, section: Any
) -> None:
    old = selectors.berth_path("A-001")
    clerk = with_rights("clerk", "parking.view_berth")
    deed = {"action": "make_new_addresses", "_selected_action": [stay.berth_id]}
    berths = reverse("admin:parking_berth_changelist")
    logged_in(clerk).post(berths, deed)
    assert selectors.berth_path("A-001") == old
    signer = with_rights("signer", "parking.view_berth", "parking.readdress_berth")
    logged_in(signer).post(berths, deed)
    assert selectors.berth_path("A-001") != old
    assert anonymous.get(old).url == "/b/A-001/"
    assert ARRIVED in body(anonymous.get(selectors.berth_path("A-001")))
    entry = AuditEntry.objects.get(subject_id=stay.berth_id, action="readdressed")
    assert entry.actor == signer.actor
    printed = body(
        logged_in(signer).get(reverse("admin:parking_berth_change", args=[stay.berth_id]))
    )
    assert selectors.berth_path("A-001") in printed


def test_whoever_prints_signs_gets_all_addresses(section: Any) -> None:
    out = io.StringIO()
    call_command("berth_addresses", section="A", stdout=out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [row["berth"] for row in rows] == ["A-001", "A-002", "A-003"]
    assert rows[0]["address"] == berth_url("A-001", 1)


def test_its_holder_sees_all_by_the_number_too(
    owner_client: Client, owner: Any, stay: ParkingSession
) -> None:
    prove(owner, PLATE.text, "blue")
    page = body(owner_client.get("/b/A-001/"))
    assert ARRIVED in page
    assert "12345" in page


def test_who_types_number_and_plate_sees_the_bill_while_the_vehicle_stands_there(
    anonymous: Client, stay: ParkingSession
) -> None:
    found = anonymous.post("/left/", {"berth": "A-001", "plate": PLATE.text})
    assert ARRIVED in body(anonymous.get(found.url))
    wrong = anonymous.post("/left/", {"berth": "A-001", "plate": "沪A12346"})
    assert wrong.status_code == 200
    assert ARRIVED not in body(wrong)


def test_a_typed_number_is_no_right_to_object(anonymous: Client, stay: ParkingSession) -> None:
    token = stay_token(stay.pk)
    page = anonymous.get(f"/s/{token}/object/")
    assert 'name="plate"' in body(page)
    assert tells(page) == []
    asked = anonymous.post(f"/s/{token}/", {"not_mine": "1"})
    assert asked.url == f"/s/{token}/object/"
    assert selectors.doubt_of(stay.pk) is None


def test_who_stands_at_the_berth_objects_but_not_for_all_of_a_town(
    anonymous: Client, section: Any, stay_of: Any
) -> None:
    berths = list(Berth.objects.order_by("code"))
    most = deeds.CONTEST.network[0].most
    said = []
    for n in range(most + 2):
        stay = stay_of(berths[n % 3], PLATE, minutes=20)
        link = f"/s/{stay_token(stay.pk, here=True)}/object/"
        said.append(anonymous.get(link).status_code)
    assert said == [302] * most + [429] * 2


def test_owners_pages_hear_of_their_own_stay_alone(
    anonymous: Client, section: Any, stay: ParkingSession, stay_of: Any, monkeypatch: Any
) -> None:
    topics: list[str] = []
    monkeypatch.setattr(pages, "send", lambda topic, **_data: topics.append(topic))
    page = anonymous.get(selectors.berth_path("A-001"))
    assert page.context["topic"] == f"stay:{stay.pk}"
    with_others = ParkingSession.objects.count()
    stay_of(Berth.objects.get(code="A-002"), None, ago_min=1)
    assert ParkingSession.objects.count() == with_others + 1
    assert page.context["topic"] not in topics


def test_number_after_number_is_refused(anonymous: Client, stay: ParkingSession) -> None:
    """Pages and interface together."""
    paths = ["/b/A-001/", f"{API}/berths/A-001/"]
    most = deeds.BERTH.network[0].most
    said = [anonymous.get(paths[n % 2]).status_code for n in range(most + 1)]
    assert said == [200] * most + [429]
    assert Client(REMOTE_ADDR="192.0.2.7").get("/b/A-001/").status_code == 200


def test_one_berth_is_not_watched_from_many_networks(
    anonymous: Client, stay: ParkingSession
) -> None:
    most = deeds.BERTH.thing[0].most
    said = [
        Client(REMOTE_ADDR=f"198.51.100.{n % 250}").get("/b/A-001/").status_code
        for n in range(most + 1)
    ]
    assert said == [200] * most + [429]
    assert anonymous.get("/b/A-002/").status_code == 200
    assert anonymous.get(selectors.berth_path("A-001")).status_code == 200


def test_a_link_of_a_joined_stay_shows_no_more_than_it_did(
    anonymous: Client, stay: ParkingSession, berth: Berth, clock: Any
) -> None:
    assert timedelta(days=90).total_seconds() == LIVES_S
    services.readdress(berth_ids=[berth.pk], actor=TEST)
    link = f"/s/{stay_token(stay.pk, here=True)}/"
    assert ARRIVED in body(anonymous.get(link))  # of this stay; of no later one


def test_a_drivers_telephone_pays_by_the_code(live: Any, stay: ParkingSession) -> None:
    """The person whom the demo's street and the story are made of."""
    receipt = pay_berth(Browser(live.http), selectors.berth_path("A-001"))
    assert receipt.url.endswith("/done/")
    stay.refresh_from_db()
    assert (stay.prepaid_fen, selectors.doubt_of(stay.pk)) == (600, None)
