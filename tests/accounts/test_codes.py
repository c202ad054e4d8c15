"""Codes by text: few, however many ask at once; what strangers ask for is not taken from owners."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.models import LoginCode, SmsMessage
from core import deeds
from tests.people import OWNER_PHONE

MOST = deeds.CODE.thing[0].most
HERE = deeds.CODE_FROM_HERE.thing[0].most


def ask(client: Client, phone: str = OWNER_PHONE) -> int:
    return client.post("/me/login/", {"phone": phone}).status_code


def newest_code() -> str:
    return SmsMessage.objects.latest("pk").params["code"]


def log_in(client: Client) -> int:
    return client.post("/me/login/", {"phone": OWNER_PHONE, "code": newest_code()}).status_code


def used_up(phone: str = OWNER_PHONE) -> None:
    """Strangers of some networks ask until nothing is left."""
    for n in range(2 * MOST):
        ask(Client(REMOTE_ADDR=f"203.0.113.{n}"), phone)


def test_strangers_do_not_use_up_the_hour_of_who_has_logged_in_before(db: None) -> None:
    owner = Client(REMOTE_ADDR="192.0.2.1")
    assert (ask(owner), log_in(owner)) == (200, 302)
    owner.post("/logout/")
    used_up()
    assert LoginCode.objects.count() == 1 + MOST - 1
    assert ask(Client(REMOTE_ADDR="192.0.2.1")) == 429  # another browser of the same house
    assert (ask(owner), log_in(owner)) == (200, 302)


def test_one_network_does_not_use_up_a_phones_hour(db: None) -> None:
    said = [ask(Client(REMOTE_ADDR="203.0.113.9")) for _each in range(MOST)]
    assert said == [200] * HERE + [429] * (MOST - HERE)
    assert ask(Client(REMOTE_ADDR="192.0.2.1")) == 200


def test_a_strangers_code_and_guesses_do_not_touch_the_owners(db: None) -> None:
    owner, stranger = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="203.0.113.9")
    ask(owner)
    code = newest_code()
    assert ask(stranger) == 200
    form = {"phone": OWNER_PHONE, "code": "no"}
    for _each in range(6):
        assert stranger.post("/me/login/", form).status_code == 400
    assert stranger.post("/me/login/", {**form, "code": code}).status_code == 400  # not sent here
    assert owner.post("/me/login/", {**form, "code": code}).status_code == 302


def test_one_browser_asks_for_few_numbers(db: None) -> None:
    browser = Client(REMOTE_ADDR="192.0.2.1")
    browser.get("/me/login/")
    most = deeds.CODE.browser[0].most
    said = [ask(browser, f"1380000{n:04d}") for n in range(most + 2)]
    assert said == [200] * most + [429] * 2
    made_up = Client(REMOTE_ADDR="192.0.2.1")
    made_up.cookies["bowei_browser"] = "another"
    assert ask(made_up, "13800009999") == 200
    assert "bowei_browser" in made_up.cookies


def test_who_must_wait_is_told_how_long_and_what_was_typed_stays(db: None) -> None:
    used_up()
    page = Client(REMOTE_ADDR="192.0.2.1").post("/me/login/", {"phone": OWNER_PHONE})
    assert page.status_code == 429
    assert 3500 < int(page.headers["Retry-After"]) <= 3600
    assert "60 分钟后" in page.content.decode()
    assert f'value="{OWNER_PHONE}"' in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_thirty_at_a_time_get_no_more_than_the_hour_holds() -> None:
    def one(n: int) -> int:
        try:
            return ask(Client(REMOTE_ADDR=f"203.0.113.{n}"))
        finally:
            connection.close()

    with ThreadPoolExecutor(30) as pool:
        said = list(pool.map(one, range(30)))
    assert said.count(200) == MOST
    assert set(said) == {200, 429}
    assert LoginCode.objects.count() == SmsMessage.objects.count() == MOST
