"""Each step that asks for a licence takes it, at every door; too old a list opens none (P4.2)."""

from datetime import timedelta

from core.models import StoredImage
from monthlycard import services
from monthlycard.models import Card
from tests.monthlycard.conftest import PLATE
from tests.monthlycard.test_cards import applied
from tests.people import TEST
from tests.street import photograph

API = "/api/v1/monthlycard"
FORM = {"plan": "month", "plate": PLATE[0], "colour": "blue"}


def picture(seed: int = 1):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from core import images

    return SimpleUploadedFile("licence.jpg", images.load(photograph(seed)), "image/jpeg")


def apply(client, **more):
    return client.post(f"{API}/cards/", {**FORM, **more}, content_type="application/json")


def test_an_applicant_sends_the_licence_by_the_interface(world, owner_client, operator_client):
    sent = owner_client.post(f"{API}/licences/", {"photograph": picture()})
    assert sent.status_code == 201
    answer = apply(owner_client, evidence=sent.json()["evidence"])
    assert (answer.status_code, answer.json()["state"]) == (201, "applied")
    card = Card.objects.get()
    assert StoredImage.objects.filter(pk=card.evidence_sha).exists()
    shown = operator_client.get(f"/admin/monthlycard/card/{card.pk}/change/").content.decode()
    assert "/photograph" in shown
    assert services.accept_licence(card_id=card.pk, actor=TEST)


def test_nobody_applies_with_a_photograph_of_another(world, owner_client, stranger_client):
    sent = stranger_client.post(f"{API}/licences/", {"photograph": picture()}).json()["evidence"]
    for evidence in (sent, photograph(5), "a" * 64):
        assert apply(owner_client, evidence=evidence).status_code == 404
    assert not Card.objects.exists()


def test_an_application_without_the_licence_gets_it_later_by_either_door(
    world, owner, owner_client, stranger_client
):
    card = applied(owner, world.plan)
    page = owner_client.get("/cards/", headers={"Accept-Language": "en"}).content.decode()
    assert "We have no photograph of the vehicle licence yet" in page
    assert "We are looking at your vehicle licence" not in page
    for door in (f"{API}/cards/{card.number}/licence/", f"/cards/{card.number}/licence/"):
        Card.objects.update(evidence_sha="")
        field = "photograph" if door.startswith(API) else "licence"
        assert stranger_client.post(door, {field: picture()}).status_code == 404
        assert owner_client.post(door, {field: picture()}).status_code in (200, 302)
        card.refresh_from_db()
        assert card.evidence_sha
    assert services.accept_licence(card_id=card.pk, actor=TEST)
    late = owner_client.post(f"{API}/cards/{card.number}/licence/", {"photograph": picture(2)})
    assert late.status_code == 404


def test_a_lot_goes_by_a_list_of_a_day_and_by_no_older_one(list_lot, card, clock):
    """P4.5."""
    plate, colour = PLATE
    list_lot.sync()
    synced = list_lot.synced_at
    assert list_lot.decide("entry", plate, colour, synced + timedelta(hours=24)).card
    stale = list_lot.decide("entry", plate, colour, synced + timedelta(hours=24, seconds=1))
    assert (stale.card, stale.reason) == (False, "list_too_old")
    clock.advance(timedelta(hours=25))
    list_lot.sync()
    assert list_lot.decide("entry", plate, colour, list_lot.now()).card


def test_a_lot_reads_the_sharpest_of_its_frames(list_lot, card):
    """P4.1."""
    import io

    from PIL import Image

    def frame(colour: int) -> bytes:
        out = io.BytesIO()
        picture = Image.new("L", (16, 16), 0)
        for x in range(0, 16, 2):
            picture.paste(colour, (x, 0, x + 1, 16))
        picture.save(out, "PNG")
        return out.getvalue()

    blurred, sharp = frame(20), frame(255)
    list_lot.sync()
    seen = list_lot.enter_seen(
        [blurred, sharp], lambda data: PLATE if data == sharp else ("沪Z00000", "blue")
    )
    assert (seen.plate_text, seen.flow) == (PLATE[0], "card")
