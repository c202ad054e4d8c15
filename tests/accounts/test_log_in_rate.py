"""Hashing passwords is dear: one network may ask for it so many times a minute, on every page."""

from dataclasses import replace

import pytest
from django.test import Client

from accounts.models import LoginCode, User
from config import doors
from core import deeds
from core.deeds import Rate


@pytest.fixture(autouse=True)
def _three_a_minute(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    three = replace(deeds.LOG_IN, network=(Rate(3, 60),))
    for name, (look, send) in doors.DOORS.items():
        if send is deeds.LOG_IN:
            monkeypatch.setitem(doors.DOORS, name, (look, three))


def tries(path: str, network: str, count: int, **form: str) -> list[int]:
    client = Client(REMOTE_ADDR=network)
    return [client.post(path, form).status_code for _each in range(count)]


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_a_network_that_tries_too_many_passwords_is_told_to_wait(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    check = User.check_password

    def counted(user: User, raw: str) -> bool:
        looked.append(raw)
        return check(user, raw)

    monkeypatch.setattr(User, "check_password", counted)
    User.objects.create_user("anna", password="a right one", is_staff=True)
    form = {"username": "anna", "password": "a wrong one"}
    assert tries(path, "203.0.113.9", 5, **form) == [200, 200, 200, 429, 429]
    assert len(looked) == 3
    assert tries(path, "203.0.113.10", 1, **form) == [200]  # another network is not concerned


def test_the_addresses_of_one_ipv6_user_count_together() -> None:
    form = {"username": "anna", "password": "a wrong one"}
    codes = [tries("/login/", f"2001:db8:1:2::{n}", 1, **form)[0] for n in range(4)]
    assert codes == [200, 200, 200, 429]


def test_codes_are_not_sent_to_every_number_that_a_network_can_think_of() -> None:
    client = Client(REMOTE_ADDR="203.0.113.9")
    codes = [client.post("/me/login/", {"phone": f"1380000000{n}"}).status_code for n in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert LoginCode.objects.count() == 3
