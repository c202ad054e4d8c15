"""A little of the hostile input that the commands send by the hundred thousand."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.fuzz import askers
from config.fuzz.doors import Doors
from config.fuzz.run import Fuzz
from tests.pages.conftest import morning  # noqa: F401

pytestmark = pytest.mark.usefixtures("morning")


def test_no_door_breaks_by_a_little_hostile_input(live: Any) -> None:
    assert "150 inputs" in told_by("fuzz_doors", url=live.http, inputs=150, seed=7)


def test_no_interface_answers_otherwise_than_its_document_says(live: Any) -> None:
    told = told_by("fuzz_interfaces", url=live.http, minutes=5.0, most=120, seed=7)
    assert "0 faults" in told


def told_by(command: str, **options: Any) -> str:
    told = StringIO()
    try:
        call_command(command, stdout=told, **options)
    except CommandError:
        pytest.fail(told.getvalue())
    return told.getvalue()


@pytest.fixture
def broken() -> Iterator[str]:
    """A web server that breaks whatever it is asked."""

    class Breaks(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_error(500)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

    with ThreadingHTTPServer(("127.0.0.1", 0), Breaks) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def test_a_door_that_breaks_is_told_with_the_number_of_its_input(broken: str) -> None:
    asker = [askers.people()["operator"]]
    device = [askers.new_device("camera", "fuzz-0")]
    fuzz = Fuzz(broken, seed=1, doors=Doors(), askers=asker, devices=device, server=None)
    found = fuzz.run(40, 20, told=lambda _found: None)
    assert found.failed
    assert {fault.number for fault in found.faults} <= set(range(40, 60))
    assert "answered 500" in {fault.why for fault in found.faults}
