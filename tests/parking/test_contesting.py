"""Whoever is billed for a stay may say that it was another vehicle, photograph or not."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.errors import Refused
from parking import selectors, services
from parking.errors import NotReadYet
from parking.links import stay_token
from parking.models import Berth, ParkingSession, ReviewItem, Sighting
from tests.parking.test_pages import body
from tests.parking.test_plates import events, reading
from tests.payments.threads import at_once
from tests.street import OTHER_PLATE, PLATE, TEST

NO_PHOTOGRAPH = "这次停车没有照片"


@pytest.fixture
def billed(berth: Berth, stay_of: Any) -> ParkingSession:
    """A stay of PLATE, which a person typed: nobody took a photograph."""
    stay: ParkingSession = stay_of(berth, PLATE, ago_min=50)
    assert not Sighting.objects.exists()
    return stay


def doubted(stay: ParkingSession) -> ReviewItem:
    return services.doubt_plate(stay_id=stay.pk, actor="owner")


def settle(item: ReviewItem, verdict: str, plate: str = "") -> None:
    services.settle_review(
        item_id=item.pk,
        verdict=verdict,
        plate_text=plate,
        plate_colour="blue" if plate else "",
        actor="user:7",
    )


def test_an_owner_contests_a_stay_without_photograph_and_reads_what_follows(
    anonymous: Client, billed: ParkingSession
) -> None:
    page = f"/s/{stay_token(billed.pk, here=True)}/"
    assert anonymous.post(page, {"not_mine": "1"}).status_code == 302
    said = body(anonymous.get(page))
    assert NO_PHOTOGRAPH in said
    assert 'name="not_mine"' not in said  # said once is enough
    assert '<div class="bar">' not in said  # nothing is asked for now; who wants to pay still may
    assert "¥6.00" in said
    english = body(anonymous.get(page, HTTP_ACCEPT_LANGUAGE="en"))
    assert "There is no photograph of this stay: a person decides by the berth" in english


@pytest.mark.parametrize("who", ["operator_client", "merchant_client"])
def test_who_looks_is_told_that_there_is_no_photograph_and_sees_what_there_is(
    who: str, request: Any, billed: ParkingSession, clock: Any
) -> None:
    client: Client = request.getfixturevalue(who)
    item = doubted(billed)
    name = "admin:parking_reviewitem_look" if who == "operator_client" else "parking.review"
    url = reverse(name, args=[item.pk])
    page = body(client.get(url))
    assert NO_PHOTOGRAPH in page
    assert "愚园路停车场" in page
    assert TEST in page  # who said that the berth was taken
    assert "08:10" in page  # when it came
    client.post(url, {"do": "keep"})
    billed.refresh_from_db()
    assert (billed.plate_text, billed.plate_state) == (PLATE.text, "settled")
    assert events("parking.question_over") == [{"stay_id": billed.pk}]
    client.post(url, {"do": "undo"})
    item.refresh_from_db()
    assert (item.state, ParkingSession.objects.get().plate_text) == ("open", PLATE.text)


def test_the_merchants_street_names_the_question_and_its_missing_photograph(
    merchant_client: Client, billed: ParkingSession
) -> None:
    doubted(billed)
    page = body(merchant_client.get(reverse("parking.street")))
    assert "。没有照片。" in page
    english = body(merchant_client.get(reverse("parking.street"), HTTP_ACCEPT_LANGUAGE="en"))
    assert "vehicle&#x27;s plate. There is no photograph." in english


def test_the_right_plate_takes_the_stay_over_and_may_be_undone(billed: ParkingSession) -> None:
    item = doubted(billed)
    settle(item, "plate", OTHER_PLATE.text)
    billed.refresh_from_db()
    assert billed.plate_text == OTHER_PLATE.text
    assert events("parking.plate_corrected")[-1]["old_text"] == PLATE.text
    services.undo_review(item_id=item.pk, actor="user:7")
    billed.refresh_from_db()
    assert (billed.plate_text, billed.plate_state) == ("", "review")  # asked again
    with pytest.raises(Refused):
        settle(item, "keep")  # there is nothing to keep


def test_where_nobody_can_tell_nobody_is_billed(
    billed: ParkingSession, berth: Berth, clock: Any
) -> None:
    item = doubted(billed)
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    settle(item, "unreadable")
    billed.refresh_from_db()
    assert (billed.state, billed.due_fen) == ("settled", 0)
    assert (billed.plate_text, billed.plate_state) == ("", "unreadable")


def test_a_doubted_photograph_that_nobody_can_read_bills_nobody_either(
    berth: Berth, enrolled: Any, merchant: Any, seen: Any, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, None)
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    sighting = seen(camera, merchant, berth=berth, kind="camera", purpose="arrival")
    services.take_reading(sighting_id=sighting.pk, reading=reading())
    item = doubted(stay)
    assert selectors.stay(stay.pk).questions
    clock.advance(timedelta(hours=1))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    settle(item, "unreadable")
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen, stay.plate_text) == ("settled", 0, "")
    assert not selectors.stay(stay.pk).questions


def test_a_photograph_that_came_since_is_shown_and_is_no_answer(
    merchant_client: Client,
    billed: ParkingSession,
    berth: Berth,
    enrolled: Any,
    merchant: Any,
    seen: Any,
) -> None:
    item = doubted(billed)
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    sighting = seen(camera, merchant, berth=berth, kind="camera", purpose="arrival")
    services.take_reading(sighting_id=sighting.pk, reading=reading(PLATE.text))
    item.refresh_from_db()
    assert item.state == "open"
    page = body(merchant_client.get(reverse("parking.review", args=[item.pk])))
    assert NO_PHOTOGRAPH not in page
    assert "<figure>" in page


def test_each_stay_without_photograph_is_a_question_of_its_own_and_only_one(
    berth: Berth, section: Any, stay_of: Any
) -> None:
    first = stay_of(berth, PLATE, ago_min=50)
    second = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=50)
    assert doubted(first).pk == doubted(first).pk
    assert doubted(second).stay_id == second.pk  # a question of its own
    assert ReviewItem.objects.filter(state="open").count() == 2


def test_where_no_plate_is_known_there_is_none_to_contest(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, None, ago_min=50)
    with pytest.raises(NotReadYet):
        doubted(stay)


@pytest.mark.django_db(transaction=True)
def test_the_same_stay_contested_twice_at_once_is_one_question(
    transactional_db: None, billed: ParkingSession
) -> None:
    results = at_once(*[lambda: doubted(billed).pk] * 3)
    assert len(set(results)) == 1, results
    assert ReviewItem.objects.filter(state="open", stay=billed).count() == 1
