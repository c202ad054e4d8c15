"""What all tests share: databases of their own, the held clock, a live server, a browser."""

import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection

from config import server
from config.local.processes import wait_until
from core import clock as business_clock
from core import limits, outbox
from tests import transactions

pytest_plugins = [name for name in ("tests.people", "tests.street") if find_spec(name)]

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Monday
BROWSER_PATIENCE_MS = 120_000
NO_BROWSER = "no browser was found"
BROWSER_PACKAGES = "chromium fonts-wqy-zenhei"
NO_POOLER = "no pooler was found"

transactions.tell_blocks_of_django_apart()

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # begun with & by a shell; programs inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


# ── Databases and files ─────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Django's, and at the end without connections that threads or processes left open."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def _nothing_remembered(request: pytest.FixtureRequest) -> None:
    """Neither Valkey nor this process remembers the test before."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        cache.clear()
        business_clock.forget()
        limits.forget()


@pytest.fixture
def writes_are_whole(request: pytest.FixtureRequest) -> Iterator[None]:
    """No service of the test wrote or locked in pieces: a process may die between them."""
    asked = {"db", "transactional_db"} & set(request.fixturenames)
    if not asked and request.node.get_closest_marker("django_db") is None:
        yield
        return
    request.getfixturevalue("_django_db_helper")  # whichever of the two it is
    with transactions.watched() as found:
        yield
    assert not found, "\n".join(found)


@pytest.fixture(scope="session", autouse=True)
def _media() -> Iterator[None]:
    """Photographs of a run lie in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bowei-media-") as folder:
        django_settings.MEDIA_ROOT = Path(folder)
        yield


# ── Time and what follows ───────────────────────────────────────────────────────────────────────
@pytest.fixture
def clock(db: None) -> Iterator[ModuleType]:
    """`core.clock`, held at Monday 2026-03-02 09:00 in the city; `clock.advance(…)` moves it."""
    business_clock.hold(BEGIN)
    yield business_clock
    business_clock.forget()


@pytest.fixture
def run_reactions(db: None) -> Callable[[], int]:
    """Runs what follows from the events so far, and what follows from that; how many ran."""
    return partial(outbox.run_pending, raise_errors=True)


# ── The real server and a real browser ──────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Live:
    """The whole application on a free port of this machine, in a thread of the test."""

    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@pytest.fixture
def live(transactional_db: None, settings: Any) -> Iterator[Live]:
    """A real uvicorn: real sockets, the test's own database, rows visible as soon as committed."""
    from config.asgi import application

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        settings.PUBLIC_URL = f"http://127.0.0.1:{port}"
        web = uvicorn.Server(
            uvicorn.Config(
                application,
                **server.OPTIONS,
                loop="asyncio",
                log_level="warning",
                timeout_graceful_shutdown=2,
            )
        )
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        assert wait_until(lambda: web.started, timeout_s=60, every_s=0.01)
        yield Live(port)
        web.should_exit = True
        thread.join(10)


@pytest.fixture
def process_env(transactional_db: None) -> dict[str, str]:
    """The environment for a real process (`manage.py …`) that works on the test's database."""
    database = connection.settings_dict
    host = database["HOST"] or database["OPTIONS"].get("host", "")
    port = database["PORT"]
    place = f"host={host}" + (f"&port={port}" if port else "")
    user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    url = f"postgresql://{user}@/{database['NAME']}?{place}"
    return {**os.environ, "DATABASE_URL": url}


def chromium() -> str | None:
    """The browser on this machine, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture
def browser(live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Playwright browser: `browser.new_page(locale="zh-CN", base_url=live.http)`."""
    executable = chromium()
    if executable is None:
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    # Playwright runs an event loop in this thread, which Django takes for asynchronous code.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(
            executable_path=executable,
            args=[*quiet, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        yield _patient(chrome)
        chrome.close()


def _patient(chrome: Any) -> Any:
    """The browser, whose pages wait as long as a busy machine needs before they give up."""

    def waiting(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(**options: Any) -> Any:
            found = make(**options)
            found.set_default_timeout(BROWSER_PATIENCE_MS)
            return found

        return made

    chrome.new_page, chrome.new_context = waiting(chrome.new_page), waiting(chrome.new_context)
    return chrome


@pytest.fixture
def pooler() -> str:
    """The PgBouncer on this machine."""
    executable = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if executable is None:
        pytest.skip(NO_POOLER)
    return executable


# ── What did not run, said at the end ───────────────────────────────────────────────────────────
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if "pooler" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.pooler)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    for why, needs, packages in (
        (NO_BROWSER, "a browser", BROWSER_PACKAGES),
        (NO_POOLER, "a pooler", "pgbouncer"),
    ):
        mine = [report for report in skipped if why in str(report.longrepr)]
        if not mine:
            continue
        terminalreporter.section("not run")
        for report in mine:
            terminalreporter.line(report.nodeid)
        terminalreporter.line(
            f"{len(mine)} tests need {needs}. Debian's packages make them run: "
            f"apt-get install {packages}"
        )
