"""Whatever is typed into any address, by anybody, is answered: never with an error of ours."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from config import pictures
from config.fuzz.routes import filled, routes
from parking.links import stay_token
from parking.models import ParkingSession
from parking.states import StayState
from recovery.models import RecoveryOrder

ASKED = [
    *["page", "page_size", "sort", "state", "plate", "berth", "section", "order", "search", "q"],
    *["since", "until", "format", "export", "next", "version", "file", "kind", "stay", "lot", "id"],
    *["doubtful", "colour", "month", "day", "o", "p", "e", "_to_field", "_popup"],
]
GIVEN = [
    *["stay", "debt", "named_fen", "reason", "text", "plate", "colour", "berth", "choice", "do"],
    *["plan", "lot", "lock", "phone", "code", "action", "amount", "provider", "verdict", "answer"],
    *["section", "minutes", "left_at", "arrived_at", "order", "number", "next", "key", "index"],
]
HOSTILE = ["²", "9" * 5000, "9999-12-31", "0001-01-01", "-1", "\x1b[31m", "💩' OR 1=1 --"]
PLACES = ["\0", "²", "9" * 400, "9999-12-31", "💩"]
NUMBERS = ["0", "9" * 19, "9" * 400, "9" * 5000]
BODIES = [
    b"[" * 50_000 + b"]" * 50_000,
    b"[]",
    b"7",
    b'"text"',
    b"null",
    b"\xff\xfe",
    rb'{"reason": "\u0000", "plate": "\ud800"}',
    json.dumps({name: {"a": [1]} for name in [*GIVEN, "stay_id", "at"]}).encode(),
    json.dumps(dict.fromkeys([*GIVEN, "stay_id", "sighting"], 2**62)).encode(),
    json.dumps(dict.fromkeys([*GIVEN, "left_at", "at"], "9999-12-31T23:59:59Z")).encode(),
]


class Cast:
    """Those who type, by name, and what went wrong."""

    def __init__(self) -> None:
        self.clients = {"anonymous": Client(raise_request_exception=False)}
        for audience in (pictures.OWNER, pictures.MERCHANT, pictures.OPERATOR):
            client = Client(raise_request_exception=False)
            client.cookies[settings.SESSION_COOKIE_NAME] = pictures.session_of(audience)
            self.clients[audience] = client
        self.faults: set[str] = set()

    def who_may_try(self, route: str) -> Iterator[tuple[str, Client]]:
        """The desk is the operator's alone; elsewhere everybody types."""
        for name, client in self.clients.items():
            if name == pictures.OPERATOR or not route.startswith("/admin/"):
                yield name, client

    def ask(self, route: str, path: str, *, method: str = "get", **what: Any) -> None:
        for name, client in self.who_may_try(route):
            answer = getattr(client, method)(path, **what)
            if answer.status_code >= 500:
                self.faults.add(f"{name} {method} {route}: {path[:60]!r} {str(what)[:80]}")


@pytest.fixture
def cast(morning: None) -> Cast:
    return Cast()


def typed(kind: str, value: str, number: str) -> str:
    return number if kind == "int" else quote(value, safe="")


def listed() -> list[str]:
    """Routes to walk; the desk's many models share their pages: those of a few stand for all."""
    desk = ("/admin/parking/", "/admin/arrears/dispute/", "/admin/core/", "/admin/login/")
    found = [one for one in routes() if "logout" not in one]
    return [one for one in found if not one.startswith("/admin/") or one.startswith(desk)]


def test_no_place_of_an_address_can_be_filled_so_that_it_breaks(cast: Cast) -> None:
    for route in listed():
        if "<" not in route:
            continue
        for at, value in enumerate(PLACES):
            path = filled(route, lambda kind, _name: typed(kind, value, NUMBERS[at % 4]))  # noqa: B023
            cast.ask(route, path)
            if at < 2:
                cast.ask(route, path, method="post", data={})
    assert cast.faults == set()


def known(route: str) -> str:
    """The route of something that there is, where its places are easily filled."""
    stay = ParkingSession.objects.filter(state=StayState.DUE).order_by("pk").first()
    order = RecoveryOrder.objects.order_by("pk").first()
    assert stay is not None and order is not None
    tokens = {"/s/": stay_token(stay.pk), "/api/v1/parking/stays/": stay_token(stay.pk)}
    codes = {"berth_code": stay.berth.code, "code": order.code, "token": order.token}
    codes["token"] = next(
        (token for begin, token in tokens.items() if route.startswith(begin)), order.token
    )
    return filled(
        route, lambda kind, name: stay.pk if kind == "int" else codes.get(name, str(stay.pk))
    )


def mixtures(names: list[str]) -> Iterator[dict[str, str]]:
    """The hostile values dealt out to these names, three times in other ways."""
    for turn in (0, 2, 5):
        yield {name: HOSTILE[(at + turn) % len(HOSTILE)] for at, name in enumerate(names)}


def test_no_query_breaks_a_page(cast: Cast) -> None:
    for route in listed():
        for told in mixtures(ASKED):
            cast.ask(route, known(route), data=told)
    assert cast.faults == set()


def test_a_moment_that_no_list_of_the_desk_can_be_asked_for_shows_all_rows(cast: Cast) -> None:
    desk = cast.clients[pictures.OPERATOR]
    years = [("__year", one) for one in ("9999", "-1", "9" * 20)]
    for how, typed in [*years, ("__range", "9999-12-31"), ("__in", "yesterday")]:
        for list_of, column in (
            ("parking_parkingsession", "arrived_at"),
            ("devices_device", "last_heard_at"),
            ("core_auditentry", "at"),
        ):
            place = reverse(f"admin:{list_of}_changelist")
            answer = desk.get(place, {column + how: typed}, follow=True)
            assert answer.status_code == 200, (place, how, typed)


def test_of_a_list_that_no_address_can_ask_for_there_is_no_file(cast: Cast) -> None:
    desk = cast.clients[pictures.OPERATOR]
    place = reverse("admin:parking_parkingsession_export")
    form = {"format": "0", "resource": "0"}
    for column, typed in [("arrived_at__year", "9999"), ("berth__id__exact", "²"), ("x", "1")]:
        asked = f"{place}?{urlencode({column: typed})}"
        assert desk.get(asked).status_code in (200, 404), asked
        assert desk.post(asked, form).status_code in (200, 404), asked


def test_no_form_breaks_what_takes_it(cast: Cast) -> None:
    for route in listed():
        for told in mixtures(GIVEN):
            cast.ask(route, known(route), method="post", data=told)
    assert cast.faults == set()


def test_no_body_breaks_an_interface(cast: Cast) -> None:
    for route in listed():
        if route.startswith("/api/"):
            for body in BODIES:
                told = {"data": body, "content_type": "application/json"}
                cast.ask(route, known(route), method="post", **told)
    assert cast.faults == set()


def test_what_no_text_holds_is_refused_at_the_door(cast: Cast) -> None:
    client = cast.clients[pictures.MERCHANT]
    assert client.get("/merchant/debts/", {"plate": "a\0b"}).status_code == 400
    assert client.get("/merchant/stays/", {"\x07": "1"}).status_code == 400
    assert client.post("/prepay/", {"plate": "a\0b"}).status_code == 400
    answer = cast.clients["anonymous"].get("/api/v1/parking/berths/a%00b/")
    assert (answer.status_code, answer.json()["code"]) == (404, "missing")


def test_a_signature_of_other_letters_is_a_wrong_one(anonymous: Client, db: None) -> None:
    path = reverse("payments.notify", args=["sandbox"])
    answer = anonymous.post(
        path,
        data=b"{}",
        content_type="application/json",
        headers={"x-sandbox-signature": "é", "x-sandbox-timestamp": "²"},
    )
    assert 400 <= answer.status_code < 500
