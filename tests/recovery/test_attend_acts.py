"""What the attendant's page does at vehicles and locks: each act once, by right, with a new
photograph, and by the phone's word for when it was."""

from datetime import timedelta
from io import BytesIO
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.models import User
from arrears.models import Demand
from core import clock as business_clock
from parking.models import Berth
from recovery.models import RecoveryOrder
from tests.people import logged_in
from tests.recovery.conftest import pay, say

pytestmark = pytest.mark.django_db
ASKED = {"Accept": "application/json", "Accept-Language": "en"}
_taken = count(1)


def picture() -> SimpleUploadedFile:
    data = BytesIO()
    Image.new("RGB", (64, 48), (next(_taken), 90, 200)).save(data, "JPEG")
    return SimpleUploadedFile("p.jpg", data.getvalue())


def act(phone: Client, kind: str, *, ago: timedelta = timedelta(0), **said: Any) -> Any:
    now_ms = int(business_clock.real().timestamp() * 1000)
    at_ms = now_ms - int(ago.total_seconds() * 1000)
    told = {"kind": kind, "id": str(uuid4()), "at_ms": at_ms, "sent_ms": now_ms, **said}
    return phone.post("/attend/acts/", told, headers=ASKED)


@pytest.fixture
def phone(attendant: User) -> Client:
    return logged_in(attendant)


@pytest.fixture
def manager(merchant_user: User) -> Client:
    return logged_in(merchant_user)


def test_a_paper_notice_is_delivered_by_its_photograph_once(phone: Client, paper: Demand) -> None:
    [debt] = paper.debts.all()
    page = phone.get("/attend/", headers=ASKED).content.decode()
    assert f"/attend/paper/{paper.pk}/" in page and 'value="paper"' in page
    slip = phone.get(f"/attend/paper/{paper.pk}/", headers=ASKED).content.decode()
    assert "¥12.00" in slip and "<svg" in slip and "67890" in slip
    said = {"debt": debt.pk, "named_fen": 1200, "id": str(uuid4())}
    refused = act(phone, "paper", **said)
    assert refused.json()["code"] == "no_photograph"
    first, again = (act(phone, "paper", photograph=picture(), **said, at_ms=1) for _n in (1, 2))
    assert first.json()["text"] == "The notice counts as delivered from now on."
    assert again.json() == first.json()
    debt.refresh_from_db()
    assert debt.demanded_at is not None
    assert Demand.objects.filter(state="delivered").count() == 1
    assert phone.get(f"/attend/paper/{paper.pk}/").status_code == 404


def test_nobody_prints_or_delivers_the_notice_of_another_merchant(
    other_merchant_client: Client, paper: Demand
) -> None:
    assert other_merchant_client.get(f"/attend/paper/{paper.pk}/").status_code == 404
    [debt] = paper.debts.all()
    told = act(other_merchant_client, "paper", debt=debt.pk, named_fen=1200, photograph=picture())
    assert told.status_code == 409


def test_an_attendant_places_lowers_and_fetches_and_a_manager_raises(
    phone: Client, manager: Client, order: RecoveryOrder
) -> None:
    def shown(who: Client) -> str:
        return str(who.get("/attend/", headers=ASKED).content.decode())

    assert 'value="place"' in shown(phone) and 'value="look"' not in shown(phone)
    assert act(phone, "place", order=order.pk).json()["code"] == "no_photograph"
    told = act(phone, "place", order=order.pk, photograph=picture()).json()
    assert told["text"] == "The lock stands before the vehicle."
    assert 'value="raise"' not in shown(phone) and 'value="raise"' in shown(manager)
    assert act(phone, "raise", order=order.pk).status_code == 403
    late = act(manager, "raise", order=order.pk, ago=timedelta(minutes=2)).json()
    assert late["code"] == "too_long_ago"
    assert act(manager, "raise", order=order.pk).json()["text"] == "The lock is ordered up."
    say(order, "raised")
    assert 'value="lower"' in shown(phone) and 'value="fetch"' not in shown(phone)
    assert act(phone, "lower", order=order.pk, reason="").json()["code"] == "no_reason"
    told = act(phone, "lower", order=order.pk, reason="a child").json()
    assert told["text"] == "The lock is ordered down."
    say(order, "lowered")
    assert 'value="fetch"' in shown(phone)
    where = {"latitude": 31.2, "longitude": 121.4}
    told = act(phone, "fetch", order=order.pk, photograph=picture(), **where).json()
    assert told["text"] == "The lock is fetched."
    order.refresh_from_db()
    assert order.state == "moved"
    assert order.move.evidence["position"] == [31.2, 121.4]


def test_a_photograph_that_was_taken_before_the_step_before_is_refused(
    phone: Client, order: RecoveryOrder
) -> None:
    told = act(phone, "place", order=order.pk, photograph=picture(), ago=timedelta(hours=2))
    assert told.json()["code"] == "photograph_not_new"
    order.refresh_from_db()
    assert order.state == "bound"


def test_a_manager_binds_with_a_look_of_now_and_each_refusal_is_a_sentence(
    manager: Client, phone: Client, standing: Berth, lock: Any
) -> None:
    said = {"berth": "A-001", "lock": lock.pk, "typed": "沪A12345"}
    assert act(phone, "bind", photograph=picture(), **said).status_code == 403
    nowhere = act(manager, "bind", photograph=picture(), **{**said, "berth": "A-002"}).json()
    assert nowhere["title"] == "No vehicle of yours is known to stand there."
    old = act(manager, "bind", photograph=picture(), ago=timedelta(minutes=11), **said).json()
    assert old["code"] == "too_long_ago"
    told = act(manager, "bind", photograph=picture(), **said).json()
    assert told["text"].startswith("Bound: ")
    assert act(manager, "look", photograph=picture(), order=1, typed="").status_code == 404
    order = RecoveryOrder.objects.get()
    told = act(manager, "look", photograph=picture(), order=order.pk, typed="沪A12345").json()
    assert told["text"] == "The second look is noted."


def test_no_lock_of_another_merchant_is_touched(
    other_merchant_client: Client, order: RecoveryOrder
) -> None:
    for kind in ("place", "raise", "lower", "fetch", "look"):
        assert act(other_merchant_client, kind, order=order.pk, reason="x").status_code == 404


def test_without_javascript_an_act_is_a_form_and_its_answer_a_sentence(
    phone: Client, order: RecoveryOrder
) -> None:
    said = {"kind": "place", "order": order.pk}
    page = phone.post("/attend/acts/", said, headers={"Accept-Language": "en"}, follow=True)
    assert "A photograph is needed for this." in page.content.decode()
    said["photograph"] = picture()
    page = phone.post("/attend/acts/", said, headers={"Accept-Language": "en"}, follow=True)
    assert "The lock stands before the vehicle." in page.content.decode()


def test_after_the_payment_the_lock_is_to_be_fetched(phone: Client, raised: RecoveryOrder) -> None:
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    page = phone.get("/attend/", headers=ASKED).content.decode()
    assert 'value="fetch"' in page
