"""The operator's desk: to look is one right, each deed another; nobody acts who may only look."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, path, reverse

from accounts.models import PlateHolding, User
from core.admin import ModelAdmin, ReadOnly, Rights, behind
from core.models import AuditEntry
from devices.models import Device
from monthlycard.models import Card
from parking.models import Berth, ReviewItem
from tests.people import logged_in, with_rights
from tests.street import PLATE

DESKS: list[Any] = list(admin.site._registry.values())
OF_EACH_VISIT = {
    "core_auditentry",
    "accounts_visit",
    "django_admin_log",
}
WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
PAGE = Path(__file__).resolve().parents[2] / "docs" / "desk.md"


def own_rights() -> dict[str, str]:
    """Every right that our models declare beside Django's four, and what it says."""
    return {
        f"{model._meta.app_label}.{codename}": str(words)
        for model in apps.get_models()
        if model.__module__.partition(".")[0] != "django"
        for codename, words in model._meta.permissions
    }


def everything() -> dict[str, str]:
    """What each table holds, in short, but for those that every visit to the desk writes in."""
    said = {}
    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names()) - OF_EACH_VISIT:
            cursor.execute(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")
            said[table] = cursor.fetchone()[0]
    return said


def written(answer_of: Callable[[], Any]) -> tuple[Any, set[str]]:
    """The answer, and the tables that were written in on the way to it."""
    with CaptureQueriesContext(connection) as asked:
        answer = answer_of()
    said = (WRITES.search(one["sql"]) for one in asked.captured_queries)
    return answer, {found[1] for found in said if found} - OF_EACH_VISIT


@pytest.fixture
def onlooker(morning: None) -> User:
    """Somebody who may look at everything."""
    views = Permission.objects.filter(codename__startswith="view_")
    user = with_rights("onlooker")
    user.user_permissions.set(views)
    return user


def _address(desk: Any, pattern: URLPattern) -> str:
    row = desk.get_queryset(None).first()
    values = dict.fromkeys(pattern.pattern.converters, row.pk if row else 1)
    return reverse(f"admin:{pattern.name}", kwargs=values)


def _pages() -> Iterator[tuple[Any, URLPattern]]:
    """Every address that a list of the desk brings with it."""
    for desk in DESKS:
        for pattern in desk.urls:
            if pattern.name:  # else the old address of a row, which leads to the new one
                yield desk, pattern


def _try(client: Client, desk: Any, name: str) -> HttpResponse:
    """Choose this action for every row that the list has."""
    meta = desk.model._meta
    rows = list(desk.get_queryset(None).values_list("pk", flat=True)[:100])
    return client.post(  # type: ignore[return-value]
        reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        {"action": name, "_selected_action": rows, "index": 0, "reason": "because"},
    )


# ── What the desk refuses to be ──────────────────────────────────────────────────────────────────
def _desk(**parts: Any) -> Callable[[], Any]:
    made = type("Made", (ReadOnly,), parts)
    return lambda: made(Device, admin.AdminSite()).urls


def test_an_action_without_a_right_is_not_registered():
    for permissions in (None, [], ["view"], ["explode"], ["rekey", "revoke"]):

        @admin.action(permissions=permissions)
        def burn(desk: Any, request: HttpRequest, rows: Any) -> None: ...

        with pytest.raises(ImproperlyConfigured, match="burn"):
            _desk(actions=[burn])()

    @admin.action(permissions=["revoke"])
    def burn_by_right(desk: Any, request: HttpRequest, rows: Any) -> None: ...

    assert _desk(actions=[burn_by_right])()


def test_a_page_without_a_right_is_not_registered():
    def plain(desk: Any, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def pages(page: Any) -> Any:
        return lambda desk: [path("plain/", page, name="plain"), *ModelAdmin.get_urls(desk)]

    with pytest.raises(ImproperlyConfigured, match="plain"):
        _desk(get_urls=pages(plain))()
    assert _desk(get_urls=pages(behind("view")(plain)))()


def test_every_list_of_the_desk_keeps_to_this():
    assert [desk for desk in DESKS if not isinstance(desk, Rights)] == []
    deeds = [(desk, name) for desk in DESKS for name, _deed in desk.deeds()]
    assert len(deeds) > 60


def test_the_page_about_the_desk_names_every_right_and_no_other():
    told = re.findall(r"^\| `(\w+\.\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert told == sorted(own_rights())


def test_every_right_is_asked_for_somewhere():
    asked = {
        f"{desk.model._meta.app_label}.{right}_{desk.model._meta.model_name}"
        for desk in DESKS
        for page in [*(deed for _name, deed in desk.deeds()), *(p.callback for p in desk.urls)]
        for right in getattr(page, "allowed_permissions", [])
    }
    assert set(own_rights()) <= asked


# ── What people may do ───────────────────────────────────────────────────────────────────────────
def test_who_may_only_look_is_offered_no_action_and_changes_nothing_by_any(
    onlooker: User, rf: RequestFactory
):
    request: Any = rf.get("/")
    request.user = onlooker
    looking, acting = logged_in(onlooker), logged_in(User.objects.get(is_superuser=True))
    Card.objects.update(state="active")
    PlateHolding.objects.update(state="claimed", proven_at=None)
    before, moved = everything(), set()
    for desk in DESKS:
        assert desk.get_actions(request) == {}
        assert desk.get_actions_detail(request, 1) == desk.get_actions_list(request) == []
        for _method, name, _words in desk._get_base_actions():
            answer, tables = written(lambda: _try(looking, desk, name))  # noqa: B023
            assert (answer.status_code in (200, 302, 403), tables) == (True, set()), (desk, name)
            if name == "delete_selected" or not desk.get_queryset(None).exists():
                continue
            with transaction.atomic():
                if written(lambda: _try(acting, desk, name))[1]:  # noqa: B023
                    moved.add(name)
                transaction.set_rollback(True)
    assert everything() == before
    assert moved >= {"revoke", "new_key", "lost_key", "end", "suspend", "prove", "lower_now"}


def test_who_may_only_look_changes_nothing_by_any_page(onlooker: User):
    client = logged_in(onlooker)
    stay = {"reason": "because", "plate": "沪A88888", "colour": "blue", "verdict": "keep"}
    stay |= {"left_at": "2026-03-02T09:00", "berth": "R-001", "format": "0", "post": "yes"}
    before = everything()
    for desk, pattern in _pages():
        address = _address(desk, pattern)
        answer, tables = written(lambda: client.post(address, stay))  # noqa: B023
        assert (answer.status_code in (200, 302, 403, 404), tables) == (True, set()), address
        if answer.status_code == 200:  # the list itself, a row's history: nothing to do there
            assert pattern.name.endswith(("_changelist", "_history")), address
    assert everything() == before

    look = reverse("admin:parking_reviewitem_look", args=[ReviewItem.objects.all()[0].pk])
    assert client.get(look).status_code == 200  # to look at a question is no answer to it


def test_without_any_right_no_page_of_the_desk_opens(morning: None):
    client = logged_in(with_rights("newcomer"))
    for desk, pattern in _pages():
        address = _address(desk, pattern)
        refused = [403, 404] if desk.get_queryset(None).exists() else [403, 404, 302]
        assert client.get(address).status_code in refused, address
        assert client.post(address).status_code in refused, address
        cache.clear()  # so many tries in a minute are too many by themselves


def test_a_right_gives_its_own_deeds_and_no_others(db: None, rf: RequestFactory):
    request: Any = rf.get("/")
    for number, right in enumerate(own_rights()):
        request.user = with_rights(f"clerk{number}", right)
        given = {
            f"{desk.model._meta.app_label}.{one}_{desk.model._meta.model_name}"
            for desk in DESKS
            for one in desk.own_rights()
            if desk.holds(request, one)
        }
        assert given == {right}


# ── Lists as files ───────────────────────────────────────────────────────────────────────────────
def test_a_file_of_whole_plates_needs_its_right_and_is_written_down(berth: Berth, stay_of: Any):
    stay_of(berth, PLATE, minutes=90)
    address = reverse("admin:parking_parkingsession_export") + "?state=due"
    looking = logged_in(with_rights("onlooker", "parking.view_parkingsession"))
    assert looking.post(address, {"format": "0"}).status_code == 403
    assert not AuditEntry.objects.filter(action="list taken as a file").exists()

    rights = ["parking.view_parkingsession", "parking.export_parkingsession"]
    clerk = with_rights("clerk", *rights)
    asked = {"format": "0", "resource": ""}
    answer = logged_in(clerk).post(address, asked)
    assert PLATE.text not in answer.getvalue().decode()  # masked, since nobody said why not
    AuditEntry.objects.get(action="list taken as a file", facts__whole_plates=False)
    answer = logged_in(clerk).post(address, {**asked, "why": "a court asks"})
    head, line = answer.getvalue().decode().strip().splitlines()
    assert PLATE.text in line

    entry = AuditEntry.objects.get(action="list taken as a file", facts__whole_plates=True)
    assert entry.reason == "a court asks"
    assert (entry.actor, entry.subject_id) == (clerk.actor, clerk.pk)
    assert (entry.facts["list"], entry.facts["rows"]) == ("parking.parkingsession", 1)
    assert len(entry.facts["columns"]) == len(head.split(","))
    assert PLATE.text not in str(entry.facts)


@pytest.mark.parametrize("deed", ["delete", "change", "history"])
def test_an_address_of_the_desk_that_names_no_field_is_read_like_any_other(
    operator_client: Client, section: Any, deed: str
) -> None:
    url = reverse(f"admin:parking_section_{deed}", args=[section.pk])
    for send in (operator_client.get, operator_client.post):
        assert send(f"{url}?_to_field=").status_code < 500
