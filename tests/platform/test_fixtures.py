"""The fixtures that all tests lean on do what they say."""

from datetime import timedelta
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from core import clock as business_clock
from tests.conftest import BEGIN


def test_business_time_is_held_at_the_beginning_and_moved_by_the_test(clock):
    assert business_clock.now() == BEGIN

    clock.advance(timedelta(hours=3))

    assert business_clock.now() == BEGIN + timedelta(hours=3)


def test_each_process_has_a_database_and_a_valkey_database_of_its_own(db):
    worker = settings.REDIS_URL.rpartition("=")[2].rpartition("/")[2]

    assert connection.settings_dict["NAME"].startswith("test_")
    assert int(worker) > 0
    cache.set("here", 1)
    assert cache.get("here") == 1


def test_the_cache_forgets_between_tests(db):
    assert cache.get("here") is None


def test_the_live_server_answers_over_a_real_socket(live):
    with urlopen(f"{live.http}/health/alive/") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_the_browser_opens_a_page_of_the_live_server(browser, live, locale):
    page = browser.new_page(locale=locale, base_url=live.http)

    answer = page.goto("/health/alive/")

    assert answer is not None
    assert answer.status == 200
