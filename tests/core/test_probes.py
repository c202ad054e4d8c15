"""That nobody reaches our pages is noticed, though everything else lives (docs/rules.md L7)."""

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core import clock as business_clock
from core import outages, probes, tasks
from core.models import Outage, Pulse
from tests.core.test_transition import in_threads

MINUTE = timedelta(minutes=1)


@pytest.fixture
def nobody(settings: Any) -> Callable[[], None]:
    """At our public address nobody listens."""

    def go() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            settings.PUBLIC_URL = f"http://127.0.0.1:{free.getsockname()[1]}"

    return go


def later(span: timedelta) -> None:
    """So long ago everything that pulses was; business goes on as long."""
    business_clock.advance(span)
    for row in Pulse.objects.all():
        row.real_at -= span
        if row.failing_real_since is not None:
            row.failing_real_since -= span
        row.save()


def asked_for(span: timedelta) -> None:
    """A worker has looked each minute for so long."""
    for _minute in range(span // MINUTE):
        later(MINUTE)
        probes.look()


def test_pages_that_nobody_reaches_are_an_outage_until_they_are_back(
    live: Any, clock: Any, nobody: Callable[[], None], settings: Any
) -> None:
    probes.look()
    began_at = clock.now() + MINUTE
    nobody()
    asked_for(10 * MINUTE)
    assert outages.running() == []
    asked_for(MINUTE)
    row = Outage.objects.get()
    assert (row.what, row.began_at, row.ended_at) == ("pages", began_at, None)
    assert outages.running() == [row]
    settings.PUBLIC_URL = live.http
    asked_for(MINUTE)
    row.refresh_from_db()
    assert row.ended_at == clock.now()
    assert outages.running() == []


def test_a_restart_of_the_web_or_of_who_asks_is_no_outage(
    live: Any, clock: Any, nobody: Callable[[], None], settings: Any
) -> None:
    probes.look()
    for _restart in range(3):
        nobody()
        asked_for(9 * MINUTE)
        settings.PUBLIC_URL = live.http
        asked_for(MINUTE)
    nobody()
    asked_for(MINUTE)
    later(60 * MINUTE)  # no worker asked meanwhile
    asked_for(9 * MINUTE)
    assert not Outage.objects.exists()


def test_an_address_that_never_answered_from_here_says_nothing(
    db: None, clock: Any, nobody: Callable[[], None]
) -> None:
    nobody()
    asked_for(30 * MINUTE)
    assert not Outage.objects.exists()


def test_pages_that_end_in_an_error_are_not_there(db: None, clock: Any, settings: Any) -> None:
    said = {"status": 200}

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(said["status"])
            self.end_headers()

        def log_message(self, *_given: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        settings.PUBLIC_URL = f"http://127.0.0.1:{proxy.server_port}"
        probes.look()
        said["status"] = 502
        asked_for(11 * MINUTE)
        assert [one.what for one in outages.running()] == ["pages"]
        said["status"] = 429  # who asks too often has been answered
        asked_for(MINUTE)
        assert outages.running() == []
        proxy.shutdown()


@pytest.mark.django_db
def test_of_several_dispatchers_one_asks_and_only_now_and_then(clock: Any) -> None:
    assert tasks.ask_for_our_pages() == 0
    later(timedelta(seconds=29))
    assert tasks.ask_for_our_pages() == 0
    later(timedelta(seconds=1))
    assert [tasks.ask_for_our_pages() for _dispatcher in range(3)] == [1, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_whoever_finds_it_together_writes_one_outage(clock: Any) -> None:
    outages.failed(outages.PAGES)
    later(11 * MINUTE)
    assert in_threads(6, lambda _number: outages.failed(outages.PAGES)) == []
    assert Outage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_failure_at_once_leave_no_outage_that_nobody_ends(clock: Any) -> None:
    def one(number: int) -> None:
        if number % 2:
            outages.worked(outages.PAGES)
        else:
            outages.failed(outages.PAGES)

    for _round in range(5):
        outages.failed(outages.PAGES)
        later(11 * MINUTE)
        assert in_threads(4, one) == []
        away = {row.what for row in outages.running()}
        assert away <= outages.failing("pages")
        outages.worked(outages.PAGES)
        assert outages.running() == []


@pytest.mark.django_db
@pytest.mark.parametrize("what", sorted(outages.OURS | {outages.SMS}))
def test_whatever_of_ours_is_away_stretches_every_time(clock: Any, what: str) -> None:
    now = clock.now()
    outages.write(what=what, began_at=now, ended_at=None, reason="a trial", actor="user:1")
    clock.advance(timedelta(hours=5))
    assert outages.stretched(now, timedelta(hours=2)) == now + timedelta(hours=7)
