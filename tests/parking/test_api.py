"""The interface: what a stranger may not see does not exist for them."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment, Section
from payments.models import Order
from tests.parking.test_pages import question  # noqa: F401
from tests.people import logged_in, with_rights
from tests.street import PLATE

API = "/api/v1/parking"
JSON = "application/json"
DEEDS: dict[str, dict[str, str]] = {
    "close": {"left_at": "2026-03-02T09:00:00+08:00", "reason": "by hand"},
    "void": {"reason": "by hand"},
    "plate": {"plate": "沪A12346", "colour": "blue", "reason": "by hand"},
}


def post(client: Client, path: str, **data: Any) -> Any:
    return client.post(API + path, data, content_type=JSON)


def test_paying_ahead_over_the_interface(
    anonymous: Client, section: Section, berth: Berth, stay_of: Any
) -> None:
    """P2.4-P2.6."""
    stay_of(berth, PLATE, ago_min=3)
    made = post(anonymous, "/prepayments/", plate="沪A12345", minutes=60, section="A")
    assert made.status_code == 201
    token = made.json()["token"]
    found = anonymous.get(f"{API}/prepayments/{token}/candidates/").json()
    assert found[0]["berth_code"] == "A-001"
    assert post(anonymous, f"/prepayments/{token}/berth/", berth="A-001").json()["berth"] == "A-001"
    wrong = post(anonymous, f"/prepayments/{token}/submit/", plate="沪A98765", colour="blue").json()
    assert wrong == {"outcome": "modify", "parts": ["serial"], "attempts_left": 2}
    right = post(anonymous, f"/prepayments/{token}/submit/", plate="沪A12345", colour="blue").json()
    assert right["outcome"] == "confirmed"
    order = post(anonymous, f"/prepayments/{token}/pay/").json()
    assert order["amount_fen"] == 600
    assert order["url"] == f"/o/{Order.objects.get().token}/"
    assert anonymous.delete(f"{API}/prepayments/{token}/").status_code == 204
    assert Prepayment.objects.get().state == "cancelled"


def test_a_refusal_is_a_problem_document(anonymous: Client, section: Section) -> None:
    bad = post(anonymous, "/prepayments/", plate="沪I12345", minutes=60, section="A")
    assert bad.status_code == 400
    assert bad["Content-Type"] == "application/problem+json"
    assert bad.json()["code"] == "bad_plate"
    missing = anonymous.get(f"{API}/prepayments/nobody/")
    assert (missing.status_code, missing.json()["code"]) == (404, "missing")


def test_a_berth_tells_what_is_due_and_no_plate(
    anonymous: Client, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    told = anonymous.get(f"{API}/berths/a-001/").json()
    assert (told["amount_fen"], told["state"]) == (600, "parked")
    assert "12345" not in str(told["plate_masked"])
    order = post(anonymous, f"/stays/{stay_token(stay.pk)}/pay/").json()
    assert order["amount_fen"] == 600
    assert anonymous.get(f"{API}/berths/A-002/").json()["code"] == "berth_free"


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("merchant_client", 200),
        ("operator_client", 200),
        ("other_merchant_client", 404),
        ("stranger_client", 403),
        ("anonymous", 401),
    ],
)
def test_who_may_see_a_stay(
    who: str, status: int, request: Any, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    client: Client = request.getfixturevalue(who)
    assert client.get(f"{API}/stays/{stay.pk}/").status_code == status
    listed = client.get(f"{API}/stays/")
    seen = listed.json().get("results", []) if listed.status_code == 200 else []
    assert bool(seen) == (status == 200)
    voided = post(client, f"/stays/{stay.pk}/void/", reason="mine now")
    assert voided.status_code == status
    stay.refresh_from_db()
    assert (stay.state == "void") == (status == 200)


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("operator_client", 200),
        ("merchant_client", 200),
        ("other_merchant_client", 404),
        ("stranger_client", 403),
    ],
)
def test_who_may_settle_a_reading(
    who: str,
    status: int,
    request: Any,
    question: Any,  # noqa: F811
) -> None:
    client: Client = request.getfixturevalue(who)
    answer = post(
        client, f"/reviews/{question.pk}/settle/", verdict="plate", plate="沪A12346", colour="blue"
    )
    assert answer.status_code == status
    assert ParkingSession.objects.get().plate_text == ("沪A12346" if status == 200 else "")
    if status == 200:
        assert answer.json()["state"] == "settled"
        assert post(client, f"/reviews/{question.pk}/undo/").json()["state"] == "open"


def test_the_right_to_answer_reviews_is_no_right_to_stays(
    question: Any,  # noqa: F811
) -> None:
    """Neither the lists of all merchants, nor a single deed on a stay."""
    stay = ParkingSession.objects.get()
    clerk = with_rights("clerk", "parking.view_reviewitem", "parking.settle_reviewitem")
    client = logged_in(clerk)
    assert [one["id"] for one in client.get(f"{API}/reviews/").json()["results"]] == [question.pk]

    assert client.get(f"{API}/stays/").status_code == 403
    assert client.get(f"{API}/stays/{stay.pk}/").status_code == 403
    assert client.get(f"{API}/sightings/{question.sighting_id}/").status_code == 403
    for deed, given in DEEDS.items():
        assert post(client, f"/stays/{stay.pk}/{deed}/", **given).status_code == 403, deed
    stay.refresh_from_db()
    assert (stay.state, stay.plate_text) == ("parked", "")

    settled = post(client, f"/reviews/{question.pk}/settle/", verdict="plate", plate="沪A12346")
    assert settled.status_code == 200
    stay.refresh_from_db()
    assert stay.plate_text == "沪A12346"


@pytest.mark.parametrize("held", DEEDS)
def test_each_deed_on_a_stay_asks_for_its_own_right(held: str, berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    right = {"close": "end", "void": "void", "plate": "correct"}[held]
    client = logged_in(with_rights("clerk", f"parking.{right}_parkingsession"))
    assert client.get(f"{API}/stays/").status_code == 403
    for deed in [other for other in DEEDS if other != held]:
        assert post(client, f"/stays/{stay.pk}/{deed}/", **DEEDS[deed]).status_code == 403, deed
    stay.refresh_from_db()
    assert (stay.state, stay.plate_text) == ("parked", "沪A12345")

    assert post(client, f"/stays/{stay.pk}/{held}/", **DEEDS[held]).status_code == 200
    stay.refresh_from_db()
    assert (stay.state, stay.plate_text) == {
        "close": ("due", "沪A12345"),
        "void": ("void", "沪A12345"),
        "plate": ("parked", "沪A12346"),
    }[held]


def test_who_may_look_at_all_stays_does_nothing_to_them(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    client = logged_in(with_rights("clerk", "parking.view_parkingsession"))
    listed = client.get(f"{API}/stays/").json()["results"]
    assert [one["id"] for one in listed] == [stay.pk]
    for deed, given in DEEDS.items():
        assert post(client, f"/stays/{stay.pk}/{deed}/", **given).status_code == 403, deed
    stay.refresh_from_db()
    assert (stay.state, stay.plate_text) == ("parked", "沪A12345")


def test_a_right_without_the_desk_is_worth_nothing(berth: Berth, stay_of: Any) -> None:
    stay_of(berth, PLATE, ago_min=50)
    clerk = with_rights("clerk", "parking.view_parkingsession")
    client = logged_in(clerk)
    assert client.get(f"{API}/stays/").status_code == 200
    User.objects.filter(pk=clerk.pk).update(is_staff=False)
    assert client.get(f"{API}/stays/").status_code == 403


def test_stays_are_filtered_over_the_interface(
    merchant_client: Client, section: Section, stay_of: Any
) -> None:
    stay_of(Berth.objects.get(code="A-001"), PLATE, minutes=90)
    stay_of(Berth.objects.get(code="A-002"), None, ago_min=10)
    due = merchant_client.get(f"{API}/stays/?state=due").json()["results"]
    assert [one["berth"] for one in due] == ["A-001"]
    assert merchant_client.get(f"{API}/stays/?state=nonsense").status_code == 400


@pytest.mark.parametrize(
    ("who", "status"),
    [("merchant_client", 201), ("other_merchant_client", 404), ("stranger_client", 403)],
)
def test_who_may_doubt_a_reading(
    who: str,
    status: int,
    request: Any,
    question: Any,  # noqa: F811
) -> None:
    client: Client = request.getfixturevalue(who)
    answer = post(client, "/reviews/", sighting=question.sighting_id)
    assert answer.status_code == status
    seen = client.get(f"{API}/sightings/{question.sighting_id}/")
    assert seen.status_code == (200 if status == 201 else status)
    assert seen.json().get("state", "review") == "review"
