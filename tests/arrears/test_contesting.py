"""An objection is easy for who holds the plate or can type all of it, and nobody else's to make."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from arrears import selectors, services
from arrears.models import Debt, Dispute
from core import deeds, links
from core.deeds import Rate
from parking import selectors as parking
from parking.links import stay_token
from parking.models import Berth, ParkingSession
from tests.people import prove
from tests.street import OTHER_PLATE, PLATE


def contest_of(stay: ParkingSession, **proof: Any) -> str:
    return reverse("arrears.contest", args=[stay_token(stay.pk, **proof)])


def body(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def due(berth: Berth, stay_of: Any) -> ParkingSession:
    """A stay of PLATE that left unpaid from A-001."""
    stay: ParkingSession = stay_of(berth, minutes=90)
    return stay


@pytest.mark.parametrize("address", ["berth", "stay"])
def test_no_page_that_everybody_may_open_gives_the_right_to_object_away(
    anonymous: Client, berth: Berth, stay_of: Any, address: str
) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    path = "/b/A-001/" if address == "berth" else f"/s/{stay_token(stay.pk)}/"
    page = body(anonymous.get(path))
    assert "/object/" in page
    assert 'href="/object/' not in page
    asked = body(anonymous.get(contest_of(stay)))
    assert 'name="plate"' in asked
    assert "12345" not in asked


def test_who_types_the_whole_plate_at_the_berth_objects_and_it_holds_at_once(
    anonymous: Client, debt: Debt
) -> None:
    answer = anonymous.post(contest_of(debt.stay), {"plate": " 沪a·12345"})
    assert (
        anonymous.post(answer.url, {"reason": "amount", "text": "Ten minutes."}).status_code == 302
    )
    debt.refresh_from_db()
    assert debt.state == Debt.State.DISPUTED


def test_whoever_types_another_plate_holds_nothing(anonymous: Client, debt: Debt) -> None:
    answer = anonymous.post(contest_of(debt.stay), {"plate": OTHER_PLATE.text})
    assert answer.status_code == 400
    assert "/object/" not in answer.headers.get("Location", "")
    debt.refresh_from_db()
    assert (debt.state, Dispute.objects.count()) == ("open", 0)


def test_the_proven_holder_and_who_was_written_to_are_asked_nothing(
    owner_client: Client,
    owner: Any,
    anonymous: Client,
    stranger_client: Client,
    due: ParkingSession,
) -> None:
    prove(owner, PLATE.text, "blue")
    assert owner_client.get(contest_of(due)).url.startswith("/object/")
    told = contest_of(due, of=links.vehicle(PLATE.text, "blue"))
    assert anonymous.get(told).url.startswith("/object/")
    other = contest_of(due, of=links.vehicle(OTHER_PLATE.text, "blue"))
    assert anonymous.get(other).status_code == 200
    assert stranger_client.get(contest_of(due)).status_code == 200


def test_who_found_the_stay_by_its_whole_plate_need_not_type_it_again(
    anonymous: Client, due: ParkingSession
) -> None:
    found = anonymous.post(reverse("parking.left"), {"berth": "A-001", "plate": PLATE.text})
    page = body(anonymous.get(found.url))
    [path] = [
        part.split('"')[0] for part in page.split('href="') if "/object/" in part.split('"')[0]
    ][:1]
    assert anonymous.get(path).url.startswith("/object/")


def test_a_town_cannot_be_gone_through_from_one_network(
    anonymous: Client, section: Any, stay_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deeds, "CONTEST", replace(deeds.CONTEST, network=(Rate(2, 3600),)))
    stays = [stay_of(place, ago_min=50) for place in Berth.objects.order_by("code")]
    links = [f"/s/{stay_token(one.pk, here=True)}/" for one in stays]
    said = [anonymous.post(link, {"not_mine": "1"}) for link in links]
    assert [one.status_code for one in said] == [302, 302, 429]
    assert [bool(parking.doubt_of(one.pk)) for one in stays] == [True, True, False]
    guess = anonymous.post(contest_of(stays[0]), {"plate": OTHER_PLATE.text})
    assert guess.status_code == 429  # one count for every way to contest


def test_the_holder_is_not_held_up_by_what_others_of_the_network_did(
    anonymous: Client,
    owner_client: Client,
    owner: Any,
    berth: Berth,
    stay_of: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deeds, "CONTEST", replace(deeds.CONTEST, network=(Rate(1, 3600),)))
    stay = stay_of(berth, ago_min=50)
    prove(owner, PLATE.text, "blue")
    for _ in range(3):
        anonymous.post(contest_of(stay), {"plate": OTHER_PLATE.text})
    assert owner_client.post(f"/s/{stay_token(stay.pk)}/", {"not_mine": "1"}).status_code == 302


def test_an_objection_and_its_answer_are_for_whoever_wrote_them(
    anonymous: Client, debt: Debt
) -> None:
    path = selectors.object_path([debt.stay_id])
    kept = anonymous.post(path, {"reason": "other", "text": "I was in Suzhou."}).url
    services.settle_dispute(
        dispute_id=Dispute.objects.get().pk, verdict="rejected", answer="Look.", actor="user:1"
    )
    for mine in (anonymous.get(kept), anonymous.get(path), Client().get(kept)):
        assert "I was in Suzhou." in body(mine)
        assert "Look." in body(mine)
    others = body(Client().get(path))
    assert "Suzhou" not in others
    assert "Look." not in others


def test_a_second_holder_may_say_their_own_words_meanwhile(
    anonymous: Client, owner_client: Client, debt: Debt
) -> None:
    path = selectors.object_path([debt.stay_id])
    anonymous.post(path, {"reason": "other", "text": "I was in Suzhou."})
    assert 'id="objection"' not in body(anonymous.get(path))
    page = body(owner_client.get(path))
    assert "Suzhou" not in page
    assert 'id="objection"' in page
    owner_client.post(path, {"reason": "amount", "text": "Too much."})
    assert "Too much." in body(owner_client.get(path))
    assert "Too much." not in body(anonymous.get(path))
    assert Dispute.objects.filter(state="open").count() == 2


def test_a_stay_whose_plate_nobody_knows_is_nobodys_to_contest(
    anonymous: Client, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, None, ago_min=50)
    assert "/object/" not in body(anonymous.get("/b/A-001/"))
    assert anonymous.post(contest_of(stay), {"plate": PLATE.text}).status_code == 400
