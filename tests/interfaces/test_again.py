"""Before what weighs much a person shows anew who they are: every act that docs/acts.csv marks."""

from typing import Any

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse

from accounts import factors
from accounts.models import ActLimit, User
from accounts.proving import PROVED, RECENT_S
from accounts.visits import SessionStore
from arrears.models import Debt
from arrears.states import DebtState
from config.persons.browser import Browser, NotThere
from core import acts, clock, limits
from core.models import AuditEntry
from monthlycard.models import Agreement
from parking.models import ParkingSession
from parking.states import StayState
from tests.accounts.test_log_in import code_now, with_app
from tests.interfaces import test_acts as table
from tests.interfaces.conftest import Town
from tests.pages.test_desk_rights import written
from tests.people import PASSWORD, logged_in


def late(client: Client) -> Client:
    """Their log-in, or last answer, is longer ago than it may be."""
    session = client.session
    session[PROVED] = clock.real().timestamp() - RECENT_S - 1
    session.save()
    return client


def is_asked(answer: Any) -> bool:
    to = answer.headers.get("Location", "")
    body = answer.content.decode()
    return to.startswith("/account/again/") or "again_" in body or "recent_auth" in body


# ── Every one ────────────────────────────────────────────────────────────────────────────────────
def test_every_marked_act_asks_who_has_not_shown_lately_who_they_are(
    town: Town, operator: User
) -> None:
    found, tried = table.things(town), 0
    client, desk = late(town.clerk), late(logged_in(operator))
    for act in table.OURS:
        said = act.address.partition("?")[2]
        marks = [m for m in acts.all_marked().get(act.route, ()) if f"{m.name}={m.value}" == said]
        marks = marks or [
            m for m in acts.all_marked().get(act.route, ()) if not m.name and not said
        ]
        for mark in marks:
            for method in sorted(mark.methods):
                body = {mark.name: mark.value} if mark.name else {}
                path = table.path_of(act, found)
                with transaction.atomic():
                    answer, tables = written(lambda: getattr(client, method.lower())(path, body))  # noqa: B023
                    transaction.set_rollback(True)
                assert is_asked(answer), (method, path)
                assert not tables - table.TRACES, (method, path, tables)
                tried += 1
        limits.forget()
        cache.clear()
    for name in table.DESK:
        label, deed = name.split()
        if not any(mark.value == deed for mark in acts.all_marked().get(f"desk {label}", ())):
            continue
        path, body = _of_the_desk(label, deed)
        with transaction.atomic():
            answer, tables = written(lambda: desk.post(path, body))  # noqa: B023
            transaction.set_rollback(True)
        assert is_asked(answer), name
        assert not tables - table.TRACES, (name, tables)
        tried += 1
    marked = sum(len(mark.methods) for marks in acts.all_marked().values() for mark in marks)
    assert tried == marked > 40


def _of_the_desk(label: str, deed: str) -> tuple[str, dict[str, Any]]:
    desk: Any = next(
        one for one in admin.site._registry.values() if one.model._meta.label_lower == label
    )
    app, model = label.split(".")
    row = desk.model._default_manager.first()
    key = [row.pk if row else 1]
    names = {one.callback.__name__: one.name for one in desk.urls if one.name}
    names |= {one: f"{app}_{model}_{one}" for one in ("add", "change", "delete")}
    if deed == "add":
        return reverse(f"admin:{names[deed]}"), {}
    if deed in names:
        pattern = next(one for one in desk.urls if one.name == names[deed])
        return reverse(f"admin:{names[deed]}", args=key if pattern.pattern.converters else []), {}
    return reverse(f"admin:{app}_{model}_changelist"), {"action": deed, "_selected_action": key}


def test_a_mark_names_an_address_or_a_list_that_is_there() -> None:
    routes = {route for route, _pattern in table.addresses(get_resolver())}
    lists = {f"desk {one.model._meta.label_lower}" for one in admin.site._registry.values()}
    assert set(acts.all_marked()) <= routes | lists


def test_what_gives_money_rights_keys_or_whole_plates_is_marked() -> None:
    marked = {
        f"{place} {mark.value}" for place, marks in acts.all_marked().items() for mark in marks
    }
    for one in ("desk devices.device new_key", "desk accounts.user change"):
        assert one in marked
    assert "merchant/stays/<int:stay_id>/ void" in marked
    assert "desk monthlycard.agreement add" in marked
    for door in ("merchant/debts/<int:debt_id>", "api/v1/arrears/debts/<int:pk>"):
        assert f"{door}/waive/ " in marked


# ── How it is answered ───────────────────────────────────────────────────────────────────────────
def test_what_was_sent_is_done_with_the_answer(town: Town) -> None:
    ActLimit.objects.create(
        each_fen=10**6, day_fen=10**6, why="", said_by="", valid_from="2026-01-01T00:00Z"
    )
    client, address = late(town.clerk), f"/merchant/stays/{town.left.pk}/"
    page = client.post(address, {"do": "void", "void-reason": "a mistake"}).content.decode()
    assert 'name="void-reason" value="a mistake"' in page
    sent = {"do": "void", "void-reason": "a mistake", "again_password": "wrong"}
    assert is_asked(client.post(address, sent))
    assert ParkingSession.objects.get(pk=town.left.pk).state != StayState.VOID
    client.post(address, {**sent, "again_password": PASSWORD})
    assert ParkingSession.objects.get(pk=town.left.pk).state == StayState.VOID
    told = AuditEntry.objects.filter(subject="accounts.visit").order_by("pk")
    assert [one.action for one in told][-2:] == ["not shown anew", "shown anew"]


def test_a_waiver_waits_for_the_answer_at_each_door(town: Town) -> None:
    client, sent = late(town.clerk), {"reason": "hardship"}
    page = f"/merchant/debts/{town.debt.pk}/waive/"
    interface = f"/api/v1/arrears/debts/{town.debt.pk}/waive/"
    before = town.debt.state
    assert 'name="reason" value="hardship"' in client.post(page, sent).content.decode()
    refused = client.post(interface, sent, content_type="application/json")
    assert refused.json()["code"] == "recent_authentication_required"
    assert Debt.objects.get(pk=town.debt.pk).state == before != DebtState.WAIVED
    client.post(page, {**sent, "again_password": PASSWORD})
    assert Debt.objects.get(pk=town.debt.pk).state == DebtState.WAIVED
    waived = AuditEntry.objects.get(subject="arrears.debt", to_state="waived")
    assert (waived.subject_id, waived.reason) == (town.debt.pk, "hardship")


def test_an_agreement_is_written_with_the_answer_and_not_before(town: Town, operator: User) -> None:
    client, before = late(logged_in(operator)), Agreement.objects.count()
    sent = {
        "lot": town.lots.east.pk,
        "terms": '{"basis": "count", "entry_fen": 1000}',
        "when_expired": "split",
        "period": "week",
        "period_day": 1,
        "silence_agrees_after_h": "",
        "valid_from_0": "2026-03-02",
        "valid_from_1": "00:00",
    }
    address = reverse("admin:monthlycard_agreement_add")
    assert is_asked(client.post(address, sent))
    assert Agreement.objects.count() == before
    client.post(address, {**sent, "again_password": PASSWORD})
    assert Agreement.objects.count() == before + 1


def test_who_has_a_second_factor_answers_with_it(town: Town, merchant_user: User) -> None:
    secret = with_app(merchant_user)
    client = late(logged_in(merchant_user))
    sent = {"again_password": PASSWORD, "next": "/merchant/"}
    assert client.post("/account/again/", sent).status_code == 200
    sent = {"again_code": code_now(secret), "next": "/merchant/"}
    assert client.post("/account/again/", sent).headers["Location"] == "/merchant/"
    assert not is_asked(client.get("/merchant/stays/?why=x"))


def test_an_interface_says_so_and_a_page_of_ours_is_where_to_answer(merchant_user: User) -> None:
    client = late(logged_in(merchant_user))
    answer = client.post("/api/v1/parking/stays/1/void/")
    assert answer.status_code == 403
    problem = answer.json()
    assert problem["code"] == "recent_authentication_required"
    assert problem["facts"] == {"again": "/account/again/"}
    assert client.get("/api/v1/parking/stays/").status_code == 200
    client.post("/account/again/", {"again_password": PASSWORD})
    assert client.post("/api/v1/parking/stays/1/void/").status_code == 404


def test_a_file_with_whole_plates_is_asked_about_and_one_without_is_not(
    merchant_user: User,
) -> None:
    client = late(logged_in(merchant_user))
    assert client.get("/merchant/stays/?export=csv").status_code == 200
    answer = client.get("/merchant/stays/?export=csv&why=police")
    assert answer.headers["Location"].startswith("/account/again/?next=%2Fmerchant%2Fstays%2F")


def test_a_password_that_was_typed_is_not_carried_in_a_page(operator: User, owner: User) -> None:
    client = late(logged_in(operator))
    address = reverse("admin:auth_user_password_change", args=[owner.pk])
    page = client.post(address, {"password1": "a sentence of mine", "usable_password": "true"})
    assert is_asked(page)
    assert "a sentence of mine" not in page.content.decode()


def test_answers_are_few_however_many_are_tried(merchant_user: User) -> None:
    client = late(logged_in(merchant_user))
    for _n in range(8):
        answer = client.post("/account/again/", {"again_password": "wrong"})
    assert answer.status_code == 429
    assert not factors.has_any(merchant_user)


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example/", "javascript:alert(1)"]
)
def test_one_goes_on_to_pages_of_ours_alone(merchant_user: User, path: str) -> None:
    client = late(logged_in(merchant_user))
    sent = {"again_password": PASSWORD, "next": path}
    assert client.post("/account/again/", sent).headers["Location"] == "/account/"


def test_who_acts_in_a_story_answers_as_a_person_does(live: Any, merchant_user: User) -> None:
    browser = Browser(live.http)
    browser.log_in(merchant_user.username, PASSWORD)

    def wait() -> None:
        session = SessionStore(browser.session.cookies["sessionid"])
        session[PROVED] = 0
        session.save()

    wait()
    assert browser.get("/merchant/stays/?why=x").url.endswith("/merchant/stays/?why=x")
    wait()
    with pytest.raises(NotThere):
        browser.api("POST", "/api/v1/parking/stays/1/void/", {"reason": "x"})
