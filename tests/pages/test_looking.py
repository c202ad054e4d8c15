"""Looking changes nothing: no GET writes a row, but for what a reading itself delivers, once."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from arrears.models import Contact, Demand
from config import pictures
from config.fuzz.routes import filled, routes
from recovery.models import RecoveryOrder

WRITING = re.compile(r'\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE) "(\w+)"')
SESSIONS = {"accounts_visit"}
# What reading is: a demand is delivered by being read (P3.2), a link is opened, the settlement
# order has reached its owner (P1.5). Each of them once, with what follows from it.
RECEIPTS = {
    "/dues/": {"arrears_demand", "arrears_blacklistentry", "arrears_debt"},
    "/dues/<token>/": {"arrears_contact"},
    "/r/<token>/": {"recovery_settlementorder"},
    "/api/v1/recovery/owner/<token>/": {"recovery_settlementorder"},
}
REFUSED = {"core_auditentry"}  # who works here and was refused stands in the trail
FOLLOWS = {"core_auditentry", "core_outboxevent", "core_outboxdelivery"}


@contextmanager
def writes() -> Iterator[set[str]]:
    """The tables that are written meanwhile, in this test's own connection."""
    tables: set[str] = set()

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        tables.update(WRITING.findall(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield tables
    tables -= SESSIONS


def client_of(audience: str) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = pictures.session_of(audience)
    return client


def numbered(route: str, number: int) -> str:
    return filled(route, lambda *_place: number)


def addresses() -> list[str]:
    """All that can be looked at: the tour's pages, and each address that needs no more than a
    row's number or an owner's link."""
    toured = [page.path for page in pictures.tour()]
    plain = [route for route in routes() if "<" not in route]
    rows = [
        numbered(route, number)
        for route in routes()
        if re.fullmatch(r"(?:[^<]|<int:\w+>)+", route) and "<" in route
        for number in (1, 2)
    ]
    links = [f"/dues/{token}/" for token in Demand.objects.values_list("token", flat=True)[:3]]
    links += [f"/dues/{one}/" for one in Contact.objects.values_list("token", flat=True)[:3]]
    links += [
        f"/api/v1/recovery/owner/{token}/"
        for token in RecoveryOrder.objects.values_list("token", flat=True)
    ]
    found = dict.fromkeys([*toured, *plain, *rows, *links])
    return [path for path in found if "logout" not in path and "/add/" not in path]


def receipts(path: str) -> set[str]:
    shape = re.sub(r"^(/dues|/r|/api/v1/recovery/owner)/[^/]+/$", r"\1/<token>/", path)
    return RECEIPTS[shape] | FOLLOWS if shape in RECEIPTS else set()


def written(clients: Iterable[Client], paths: list[str]) -> dict[str, set[str]]:
    tables: dict[str, set[str]] = {}
    for client in clients:
        for path in paths:
            with writes() as told:
                answer = client.get(path)
            assert answer.status_code < 500, path
            if answer.status_code == 403:
                told -= REFUSED
            if told:
                tables.setdefault(path, set()).update(told)
    return tables


@pytest.fixture
def clients(morning: None) -> list[Client]:
    audiences = (pictures.OWNER, pictures.MERCHANT, pictures.OPERATOR)
    return [Client(), *(client_of(one) for one in audiences)]


def test_no_page_or_interface_writes_a_row_by_being_looked_at(clients: list[Client]) -> None:
    paths = addresses()
    assert len(paths) > 100
    first = written(clients, paths)
    assert {path: found - receipts(path) for path, found in first.items()} == {
        path: set() for path in first
    }
    assert written(clients, paths) == {}
