"""A person gets everything, has it corrected, or is forgotten; the books stay true."""

import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts import own_data, services, tasks
from accounts.models import Consent, DataRequest, PlateHolding, SmsMessage, User
from accounts.states import RequestState
from core import audit
from core.errors import Invalid, Missing, Refused
from core.models import AuditEntry
from payments.models import Order
from tests import trail
from tests.people import logged_in, prove, with_rights

PAGE = "/me/data/"


def code_for(client: Client, kind: str, text: str = "") -> str:
    """The code that the page has sent to this person's phone."""
    assert client.post(PAGE, {"kind": kind, "text": text}).status_code == 200
    return re.findall(r"\d{6}", SmsMessage.objects.latest("pk").text)[0]


def asked(client: Client, kind: str, text: str = "") -> DataRequest:
    code = code_for(client, kind, text)
    assert client.post(PAGE, {"kind": kind, "text": text, "code": code}).status_code == 302
    return DataRequest.objects.latest("pk")


def files() -> list[Path]:
    return [one for one in (Path(settings.MEDIA_ROOT) / "own_data").rglob("*") if one.is_file()]


def test_who_asks_is_asked_for_a_code_again(owner: User, owner_client: Client, clock: Any) -> None:
    assert owner_client.get(PAGE).status_code == 200
    code_for(owner_client, "export")
    wrong = owner_client.post(PAGE, {"kind": "export", "code": "000000"})
    assert wrong.status_code == 400
    assert not DataRequest.objects.exists()
    row = asked(owner_client, "export")
    assert (row.user, row.state) == (owner, RequestState.ASKED)
    assert asked(owner_client, "export").pk == row.pk  # not twice
    assert Client().get(PAGE).status_code == 302


def test_everything_comes_as_a_file_once(
    owner: User, owner_client: Client, stranger_client: Client, clock: Any
) -> None:
    prove(owner, "沪A12345", "blue")
    row = asked(owner_client, "export")
    tasks.make_own_data(row.pk)
    tasks.make_own_data(row.pk)  # a task may come twice
    row.refresh_from_db()
    assert row.state == RequestState.DONE
    [file] = files()
    assert b"12345" not in file.read_bytes()

    url = f"{PAGE}{row.pk}/file/"
    assert stranger_client.post(url).status_code == 404
    assert owner_client.get(url).status_code == 405
    answer = owner_client.post(url)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    told = json.loads(archive.read("data.json"))
    assert told["plates"][0]["plate_text"] == "沪A12345"
    assert told["account"]["phone"] == owner.phone
    assert "沪A12345" in archive.read("read-me.html").decode()
    assert files() == []
    assert owner_client.post(url).status_code == 404
    assert audit.trail(row).filter(action="file fetched").count() == 1


def test_a_file_that_nobody_fetches_goes_after_a_day(
    owner: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = own_data.ask(user=owner, kind="export")
    own_data.make_file(row.pk)
    DataRequest.objects.update(file_until=clock.real() - timedelta(seconds=1))
    with pytest.raises(Missing):
        own_data.fetch_file(user=owner, request_id=row.pk)
    own_data.forget_files([row.pk])
    assert files() == []


def test_an_answer_is_due_in_fifteen_working_days(owner: User, clock: Any) -> None:
    row = own_data.ask(user=owner, kind="correction", text="not my name")
    assert row.due_by.astimezone().strftime("%Y-%m-%d") == "2026-03-23"  # from Monday 2026-03-02
    with pytest.raises(Invalid):
        own_data.ask(user=owner, kind="correction")


def test_people_who_work_here_ask_their_employer(merchant_user: User) -> None:
    with pytest.raises(Refused):
        own_data.ask(user=merchant_user, kind="erasure")


def test_a_person_withdraws_what_they_have_asked(
    owner: User, owner_client: Client, stranger_client: Client, clock: Any
) -> None:
    row = own_data.ask(user=owner, kind="erasure")
    assert stranger_client.post(f"{PAGE}{row.pk}/withdraw/").status_code == 404
    assert owner_client.post(f"{PAGE}{row.pk}/withdraw/").status_code == 302
    row.refresh_from_db()
    assert row.state == RequestState.WITHDRAWN


def test_who_is_forgotten_leaves_no_name_and_the_books_stay(
    owner: User, owner_client: Client, clock: Any
) -> None:
    prove(owner, "沪A12345", "blue")
    phone, digest = owner.phone, owner.phone_digest
    paid = Order.objects.create(
        number="20260302090000000001",
        title="x",
        amount_fen=500,
        payer_user=owner,
        expires_at=clock.now(),
        created_at=clock.now(),
        paid_at=clock.now(),
        state=Order.State.PAID,
    )
    row = asked(owner_client, "erasure")
    audit.record(owner, "objected", actor=owner.actor, reason="my sister was ill", number=7)
    own_data.answer(request_id=row.pk, actor="user:1", text="done")
    entry = AuditEntry.objects.get(action="objected")
    assert (entry.reason, entry.facts, entry.actor) == ("", {}, owner.actor)
    assert entry.pk in AuditEntry.objects.get(action="veiled").facts["entries"]

    gone = User.objects.get(pk=owner.pk)
    assert trail.said(gone)[-1] == ("forgotten", "user:1", "", {})
    assert (gone.phone, gone.phone_digest, gone.is_active) == ("", None, False)
    assert gone.username == f"forgotten-{gone.pk}"
    assert not SmsMessage.objects.filter(phone_digest=digest).exists()
    assert not PlateHolding.objects.exclude(plate_text="").filter(user=owner).exists()
    paid.refresh_from_db()
    assert (paid.amount_fen, paid.payer_user_id) == (500, owner.pk)
    assert owner_client.get(PAGE).status_code == 302  # logged out
    row.refresh_from_db()
    assert row.state == RequestState.DONE
    again = services.owner_by_phone(phone)
    assert again.pk != owner.pk  # somebody new
    with pytest.raises(Refused):
        own_data.answer(request_id=row.pk, actor="user:1")


def test_what_is_unpaid_comes_first(owner: User, clock: Any, monkeypatch: Any) -> None:
    Order.objects.create(
        number="20260302090000000001",
        title="x",
        amount_fen=500,
        payer_user=owner,
        expires_at=clock.now(),
        created_at=clock.now(),
    )
    row = own_data.ask(user=owner, kind="erasure")
    with pytest.raises(Refused) as refused:
        own_data.answer(request_id=row.pk, actor="user:1")
    assert refused.value.code == "still_needed"
    owner.refresh_from_db()
    assert owner.is_active


def test_staff_answers_with_a_right_and_a_reason(owner: User, clock: Any) -> None:
    row = own_data.ask(user=owner, kind="correction", text="not my plate")
    page = f"/admin/accounts/datarequest/{row.pk}/answer/"
    looks = logged_in(with_rights("looks", "accounts.view_datarequest"))
    assert looks.get(page).status_code == 403
    answers = logged_in(
        with_rights("answers", "accounts.view_datarequest", "accounts.answer_datarequest")
    )
    assert answers.get(page).status_code == 200
    answers.post(page, {"refuse": "", "answer": ""})
    row.refresh_from_db()
    assert row.state == RequestState.ASKED  # not without a word
    answers.post(page, {"refuse": "", "answer": "It is yours by the licence."})
    row.refresh_from_db()
    assert (row.state, row.answer) == (RequestState.REFUSED, "It is yours by the licence.")
    assert row.decided_by.startswith("user:")


def test_what_a_person_was_told_is_kept_by_version(owner: User, owner_client: Client) -> None:
    for _time in range(2):
        owner_client.post("/me/plates/", {"plate": "沪A12345", "colour": "blue"})
    assert list(Consent.objects.values_list("user", "version")) == [
        (owner.pk, own_data.INFORMATION)
    ]


@pytest.mark.parametrize(("language", "said"), [("en", "Kept for"), ("zh-hans", "保存")])
def test_the_information_is_one_link_away(
    client: Client, db: None, language: str, said: str
) -> None:
    page = client.get("/privacy/", headers={"accept-language": language}).content.decode()
    assert said in page
    assert 'href="/privacy/"' in client.get("/real/").content.decode()


def test_a_sweep_sends_what_was_asked(owner: User, clock: Any, monkeypatch: Any) -> None:
    sent: list[int] = []
    monkeypatch.setattr(tasks.make_own_data, "delay", sent.append)
    row = own_data.ask(user=owner, kind="export")
    assert (tasks.make_asked_files(), tasks.make_asked_files()) == (1, 0)
    assert sent == [row.pk]
