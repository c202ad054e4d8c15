"""What other rows are told of stays."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import translation

from parking import selectors, services
from parking.models import Berth, Section
from tests.parking.test_money import pay
from tests.parking.test_plates import reading
from tests.street import OTHER_PLATE, PLATE


def test_the_facts_of_a_stay_speak_the_readers_language(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, minutes=90)
    with translation.override("en"):
        assert [line["text"] for line in selectors.stay(stay.pk).lines] == ["Parking"]
    with translation.override("zh-hans"):
        facts = selectors.stay(stay.pk)
    assert facts.lines[0]["text"] == "停车"
    assert (facts.due_fen, facts.berth_code, facts.ground) == (1200, "A-001", "own")


def test_unpaid_stays_and_history_are_of_that_vehicle_alone(
    section: Section, stay_of: Any, clock: Any
) -> None:
    mine = stay_of(Berth.objects.get(code="A-001"), PLATE, minutes=90)
    paid = stay_of(Berth.objects.get(code="A-002"), PLATE, minutes=90)
    stay_of(Berth.objects.get(code="A-003"), OTHER_PLATE, minutes=90)
    pay(("parking.stay", paid.pk))
    clock.advance(timedelta(minutes=1))
    assert [one.id for one in selectors.unpaid_stays_of("沪A12345", "blue")] == [mine.pk]
    assert [one.id for one in selectors.unpaid_stays_of("沪A12345", "")] == [mine.pk]
    assert selectors.unpaid_stays_of("沪A12345", "yellow") == []
    found = selectors.history_of("沪A12345", "blue", clock.now())
    assert {one.id for one in found} == {mine.pk, paid.pk}


def test_the_plate_in_a_photograph_is_told_to_its_merchant_alone(
    section: Section, merchant: Any, other_merchant: Any, enrolled: Any, seen: Any
) -> None:
    sighting = seen(enrolled("H-001", "handheld", merchant), merchant)
    before = selectors.seen_in_image(sighting.image_sha, merchant_id=merchant.pk)
    assert before is not None
    assert (before.plate, before.purpose, before.berth_id) == (None, "capture", None)
    services.take_reading(sighting_id=sighting.pk, reading=reading())
    seen_now = selectors.seen_in_image(sighting.image_sha, merchant_id=merchant.pk)
    assert seen_now is not None
    assert seen_now.plate == PLATE
    assert selectors.seen_in_image(sighting.image_sha, merchant_id=other_merchant.pk) is None


def test_the_street_tells_each_berth_apart(
    section: Section, stay_of: Any, merchant: Any, clock: Any, merchant_client: Client
) -> None:
    paid = stay_of(Berth.objects.get(code="A-001"), PLATE, ago_min=50)
    pay(("parking.stay", paid.pk))
    stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=50)
    services.show_lock(berth_id=Berth.objects.get(code="A-003").pk, up=True)
    [strip] = selectors.street(merchant.pk)
    assert [berth["state"] for berth in strip.berths] == ["paid", "unpaid", "free"]
    assert (strip.taken, strip.total, strip.locks_up) == (2, 3, 1)
    figures = selectors.figures(merchant.pk)
    assert (figures.taken, figures.money_fen, figures.locks_up) == (2, 600, 1)
    clock.advance(timedelta(minutes=40))
    [strip] = selectors.street(merchant.pk)
    assert strip.berths[0]["state"] == "over"
    assert [item["tag"] for item in selectors.needs(merchant.pk)] == ["超时"]
    answer = merchant_client.get("/merchant/street.json").json()
    assert [one["state"] for one in answer["sections"][0]["berths"]] == ["over", "unpaid", "free"]
