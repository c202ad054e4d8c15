"""Every address has its line in the table of doors, and its limit holds there."""

from typing import Any

import pytest
from django.test import Client

from config.fuzz.routes import filled, named_routes
from core import deeds, doors
from core.deeds import Deed, Rate

PLACES = {"int": 7, "sha256": "0" * 64}
ALL = sorted(set(named_routes()))
STAFF_ONLY = [(name, route) for name, route in ALL if route.startswith(("merchant/", "admin/"))]
PUBLIC = [one for one in ALL if one not in STAFF_ONLY]


def address(route: str) -> str:
    return "/" + filled(route, lambda kind, _name: PLACES.get(kind, "A-001"))


@pytest.mark.parametrize(("name", "route"), PUBLIC, ids=[f"{n} {r}" for n, r in PUBLIC])
def test_each_door_has_its_deeds(name: str, route: str) -> None:
    """A new address without a line in config/doors.py fails here."""
    pair = doors.pair_of(name, route)
    assert pair is not None, f"{name} ({route}) has no line in config/doors.py"
    assert all(deed.network for deed in pair)


def test_no_line_is_of_an_address_that_is_gone() -> None:
    assert set(doors.table()) <= {name for name, _route in ALL}


def test_an_address_that_nobody_wrote_down_counts_as_the_dearest() -> None:
    assert doors.pair_of("parking.new", "new/") is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_at_each_door_a_stranger_is_told_when_to_come_back(
    method: str, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages say it in a sentence, interfaces in a problem document, both in Retry-After."""
    not_held = []
    for name, route in [*PUBLIC, ("admin:login", "admin/login/")]:
        once = Deed(name=f"test {name} {route} {method}", network=(Rate(1, 300),))
        monkeypatch.setattr(doors, "deed_of", lambda _match, _method, once=once: once)
        here = Client(REMOTE_ADDR="203.0.113.9", headers={"accept-language": "en"})
        first, again = (getattr(here, method)(address(route)) for _each in range(2))
        if (first.status_code == 429, again.status_code == 429) != (False, True):
            not_held.append(f"{name}: {first.status_code} {again.status_code}")
        elif not 290 <= int(again.headers["Retry-After"]) <= 300:
            not_held.append(f"{name}: Retry-After {again.headers['Retry-After']}")
        elif route.startswith("api/v1"):
            told = again.json()
            assert (told["code"], told["facts"]["retry_after_s"]) == (
                "too_many",
                int(again.headers["Retry-After"]),
            )
        else:
            assert "That was too often. Try again in 5 minutes." in again.content.decode()
    assert not_held == []


def test_behind_staffs_doors_a_stranger_finds_nothing(db: None, owner_client: Client) -> None:
    """What is counted as staff's is open to nobody else."""
    found = []
    for name, route in ALL:
        if doors.pair_of(name, route) != (deeds.STAFF, deeds.STAFF) or "(" in route:
            continue
        if route.endswith("/jsi18n/"):  # the words of the desk's scripts
            continue
        for who in (Client(), owner_client):
            answer: Any = who.get(address(route))
            if answer.status_code not in (301, 302, 401, 403, 404, 405):
                found.append(f"{name}: {answer.status_code}")
    assert found == []


def test_no_answer_is_kept_on_the_way_and_no_page_asks_for_a_camera(
    db: None, owner_client: Client
) -> None:
    kept = []
    for name, route in PUBLIC:
        for who in (Client(), owner_client):
            answer: Any = who.get(address(route))
            if not {"no-store", "private"} & set(answer["Cache-Control"].split(", ")):
                kept.append(name)
            assert "camera=()" in answer["Permissions-Policy"]
    assert kept == []
