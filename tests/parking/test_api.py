"""The interface: what a stranger may not see does not exist for them."""

from typing import Any

import pytest
from django.test import Client

from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment, Section
from payments.models import Order
from tests.parking.test_pages import question  # noqa: F401
from tests.street import PLATE

API = "/api/v1/parking"
JSON = "application/json"


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


def test_without_valkey_a_counted_question_is_put_off_with_a_sentence(
    anonymous: Client, berth: Berth, stay_of: Any, settings: Any
) -> None:
    stay_of(berth, PLATE)
    here = settings.CACHES["default"]
    away = {**here, "LOCATION": "unix:///nonexistent/valkey.sock?db=0"}
    settings.CACHES = {"default": away}
    put_off = anonymous.get(f"{API}/berths/A-001/")
    assert (put_off.status_code, put_off.json()["code"]) == (503, "unavailable")
    settings.CACHES = {"default": here}
    assert anonymous.get(f"{API}/berths/A-001/").status_code == 200


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
        ("anonymous", 403),
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
