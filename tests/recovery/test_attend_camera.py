"""The attendant's phone reads plates with its camera: a real browser whose camera shows a drawn
street, the real reader in a process of its own."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from config.local.processes import wait_until
from core import wake
from core.models import StoredImage
from core.plates import Plate
from parking.models import Berth, ParkingSession
from parking.services import glances
from parking.services.glances import ReaderBusy
from parking.vision import Candidate, Reading
from parking.vision.training.drawing import draw_scene
from payments.models import Attempt
from tests.conftest import BROWSER_PATIENCE_MS, chromium
from tests.people import logged_in
from tests.recovery.test_attend_offline import shoot
from tests.recovery.test_busy_reader import Processes
from tests.recovery.test_pages import session_of

SEEN = Plate.of("沪B6K92M", "blue")
ENGLISH = {"Accept-Language": "en"}
PICTURE = "document.querySelector('#camera video').videoWidth"
READ = "/attend/plate/"


def upload(data: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile("plate.jpg", data or draw_scene(SEEN.text, "blue", seed=2))


def reading(*found: tuple[str, float], confident: bool = True) -> Reading:
    return Reading(
        candidates=tuple(
            Candidate(text=text, probability=share, characters=(share,) * len(text))
            for text, share in found
        ),
        colour="blue",
        colour_confidence=1.0,
        corners=None,
        sharpness=100.0,
        confident=confident,
        why="",
        model="",
    )


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[Reading | None], list[bytes]]:
    """Says at once what a reader would, without one: the photographs that it was given."""

    def as_said(said: Reading | None) -> list[bytes]:
        given: list[bytes] = []

        def ask(key: str) -> None:
            photograph = glances.take(key)
            assert photograph is not None
            given.append(photograph)
            assert glances.take(key) is None  # the reader has it alone
            glances.tell(key, said)

        monkeypatch.setattr(glances, "_ask", ask)
        return given

    return as_said


@pytest.mark.django_db
def test_what_was_read_stands_in_the_field_and_no_photograph_is_kept(
    attendant: User, reads: Any
) -> None:
    given = reads(reading(("沪B6K92M", 0.997), ("沪B6K92N", 0.001)))
    phone = logged_in(attendant)
    page = phone.post(READ, {"photograph": upload()}, headers=ENGLISH)  # without JavaScript
    text = page.content.decode()
    assert page.status_code == 200
    assert 'value="沪B·6K92M"' in text and "Read, 99 % sure." in text and "沪B·6K92N · 0 %" in text
    asked = {**ENGLISH, "Accept": "application/json"}
    told = phone.post(READ, {"photograph": upload()}, headers=asked).json()
    assert [one["text"] for one in told["plates"]] == ["沪B·6K92M", "沪B·6K92N"]
    assert len(given) == 2
    assert not StoredImage.objects.exists()
    assert wake.client().keys("*parking.glance*") == []


@pytest.mark.django_db
def test_what_is_doubtful_or_nothing_is_said_so(attendant: User, reads: Any) -> None:
    phone, asked = logged_in(attendant), {**ENGLISH, "Accept": "application/json"}
    reads(reading(("沪B6K92M", 0.4), confident=False))
    told = phone.post(READ, {"photograph": upload()}, headers=asked).json()
    assert told["text"] == "Hard to read, 40 % sure. Compare each character."
    for nothing in (reading(), None):
        reads(nothing)
        told = phone.post(READ, {"photograph": upload()}, headers=asked).json()
        assert told == {"plates": [], "text": "No plate was found in it. Go nearer, or type it."}


@pytest.mark.django_db
def test_no_photograph_a_forged_one_and_a_busy_reader_are_refused_in_words(
    attendant: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, asked = logged_in(attendant), {**ENGLISH, "Accept": "application/json"}
    assert phone.post(READ, headers=asked).status_code == 400
    assert phone.post(READ, {"photograph": upload(b"GIF89a")}, headers=asked).status_code == 400
    monkeypatch.setattr(glances, "MOST_WAIT_S", 0.1)
    monkeypatch.setattr(glances, "_ask", lambda key: None)
    told = phone.post(READ, {"photograph": upload()}, headers=asked)
    assert (told.status_code, told.json()["title"]) == (
        503,
        "The reader has no time just now. Type the plate.",
    )


@pytest.mark.django_db
def test_only_this_page_is_given_the_camera(attendant: User, anonymous: Client) -> None:
    phone = logged_in(attendant)
    assert "camera=(self)" in phone.get("/attend/")["Permissions-Policy"]
    assert "camera=()" in phone.get("/merchant/")["Permissions-Policy"]
    assert "camera=()" in anonymous.get("/attend/")["Permissions-Policy"]


# ── In a browser ─────────────────────────────────────────────────────────────────────────────
def answers() -> bool:
    try:
        glances.glance(draw_scene(SEEN.text, "blue", seed=2))
    except ReaderBusy:
        return False
    return True


@pytest.fixture
def reader(process_env: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """The worker of the vision queue, its networks loaded."""
    found = Processes(process_env, tmp_path)
    found.reader()
    assert wait_until(answers, timeout_s=300)
    yield
    found.stop()
    wake.client().delete("vision")


@pytest.fixture
def camera(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A browser whose camera shows a drawn street with the vehicle."""
    film = tmp_path / "street.mjpeg"
    film.write_bytes(draw_scene(SEEN.text, "blue", seed=2, size=(1280, 720)) * 2)
    chrome = browser.browser_type.launch(
        executable_path=chromium(),
        args=[
            "--disable-gpu",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ],
    )
    yield chrome
    chrome.close()


@pytest.mark.django_db(transaction=True)
def test_from_the_vehicle_to_its_cash_with_the_camera_within_twenty_seconds(
    section: Any,
    stay_of: Callable[..., ParkingSession],
    live: Any,
    reader: None,
    camera: Any,
    attendant: User,
) -> None:
    stay_of(Berth.objects.get(code="A-001"), SEEN, ago_min=90)
    context = camera.new_context(
        base_url=live.http, locale="zh-CN", viewport={"width": 360, "height": 740}
    )
    context.set_default_timeout(BROWSER_PATIENCE_MS)
    context.add_cookies(session_of(live, attendant))
    page = context.new_page()
    page.goto("/attend/")
    begun = time.monotonic()
    page.locator("#reading [data-camera]").click()
    assert wait_until(lambda: page.evaluate(PICTURE) > 0, timeout_s=60)
    shoot(page, "attend-camera")
    page.locator("#camera [data-take]").click()
    page.locator("#read", has_text="%").wait_for()
    read_s = time.monotonic() - begun
    assert page.locator("#look-up [name=plate]").input_value() == SEEN.display
    shoot(page, "attend-read")
    page.locator("#look-up button").click()
    page.locator(".qr").wait_for()
    bill_s = time.monotonic() - begun
    page.locator("button.large").click()
    page.locator("a.button.wide").wait_for()
    took_s = time.monotonic() - begun
    print(f"four touches: plate {read_s:.1f} s, bill {bill_s:.1f} s, cash {took_s:.1f} s")
    assert took_s < 20
    assert Attempt.objects.get().amount_fen == 1200
    context.close()


@pytest.mark.django_db(transaction=True)
def test_without_a_camera_the_phones_own_takes_the_photograph(
    live: Any, browser: Any, attendant: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glances, "_ask", lambda key: glances.tell(key, reading(("沪B6K92M", 0.9))))
    context = browser.new_context(base_url=live.http, locale="en-GB")
    context.add_cookies(session_of(live, attendant))
    page = context.new_page()
    page.goto("/attend/")
    with page.expect_file_chooser() as chooser:
        page.locator("#reading [data-camera]").click()
    picture = draw_scene(SEEN.text, "blue", seed=2)
    chooser.value.set_files({"name": "p.jpg", "mimeType": "image/jpeg", "buffer": picture})
    page.locator("#read", has_text="%").wait_for()
    assert page.locator("#look-up [name=plate]").input_value() == SEEN.display
    context.close()
