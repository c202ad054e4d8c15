"""Who sees which photograph: copies with strangers covered, originals with a noted reason."""

import base64
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from core import audit, images
from core.errors import Missing
from core.models import ShownImage
from parking import tasks
from tests.people import logged_in, with_rights
from tests.street import photograph

WHERE = {0x8825: {1: "N", 2: (31.0, 13.0, 12.0)}}  # EXIF: 31° 13′ 12″ north


def with_place() -> bytes:
    """A phone's JPEG that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(WHERE[0x8825])
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (7, 90, 30)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def says_where(data: bytes) -> bool:
    return bool(Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Copies that were handed to the vision queue."""
    found: list[str] = []
    monkeypatch.setattr(tasks.hide_strangers, "apply_async", lambda args, **_: found.append(*args))
    return found


def test_until_strangers_are_covered_nobody_is_shown_a_photograph(
    client: Client, db: None, sent: list[str]
) -> None:
    sha256 = photograph(1)
    url = images.url(sha256)

    first = client.get(url)
    assert (first.status_code, first["Content-Type"]) == (202, "image/svg+xml")
    assert first["Cache-Control"] == "no-store"
    assert images.load(sha256) not in first.content
    assert tasks.hide_again() == 1
    assert sent == [ShownImage.objects.get(original=sha256, plate_text="").key]

    images.put_shown(sent[0], b"covered")
    then = client.get(url)
    assert (then.status_code, then.content) == (200, b"covered")
    assert then["Referrer-Policy"] == "no-referrer"
    assert client.get("/photographs/forged/").status_code == 404


def test_a_copy_is_made_once_for_each_plate_that_stays_visible(
    client: Client, db: None, sent: list[str]
) -> None:
    sha256 = photograph(2)
    for keeps in ("", "沪A12345", ""):
        client.get(images.url(sha256, keeps=keeps))
    assert tasks.hide_again() == 2
    assert tasks.hide_again() == 0
    assert len(set(sent)) == 2
    assert images.put_shown(sent[0], b"one")
    assert not images.put_shown(sent[0], b"one")  # its task came twice


def test_an_address_names_no_plate(db: None) -> None:
    sha256 = photograph(3)
    token = images.url(sha256, keeps="沪A12345").split("/")[2]
    sealed = token.partition(":")[0].rpartition(".")[2]
    assert b"12345" not in base64.urlsafe_b64decode(sealed)
    assert sha256 not in token


def test_a_task_that_got_lost_is_sent_again_and_given_up_in_the_end(
    client: Client, db: None, sent: list[str]
) -> None:
    sha256 = photograph(4)
    client.get(images.url(sha256))
    for _time in range(tasks.MOST_READS):
        ShownImage.objects.update(ask_at=timezone.now() - timedelta(seconds=1))
        assert tasks.hide_again() == 1
    ShownImage.objects.update(ask_at=timezone.now() - timedelta(seconds=1))
    assert tasks.hide_again() == 0
    with pytest.raises(Missing):
        images.shown(sha256, "")  # rather none than one that shows strangers
    assert client.get(images.url(sha256)).status_code == 404


def test_the_task_covers_a_photograph(client: Client, db: None) -> None:
    sha256 = photograph(5)
    url = images.url(sha256)
    client.get(url)
    tasks.hide_strangers(ShownImage.objects.get().key)
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.content != images.load(sha256)
    assert Image.open(io.BytesIO(answer.content)).size == (64, 48)


def test_an_original_opens_with_a_reason_for_the_person_it_was_asked_by(
    operator: Any, stranger: Any
) -> None:
    sha256 = images.keep(with_place(), by="device:C-1")
    assert says_where(images.load(sha256))
    mine, asking = logged_in(operator), images.asking_url(sha256, person_id=operator.pk)

    assert mine.get(asking).status_code == 200
    assert mine.post(asking, {"why": ""}).status_code == 200  # asked again
    opened = mine.post(asking, {"why": "the owner says it is another car"})["Location"]
    seen = mine.get(opened)
    assert seen.status_code == 200
    assert Image.open(io.BytesIO(seen.content)).size == (64, 48)
    assert not says_where(seen.content)
    mine.get(opened)

    [entry] = audit.trail(operator).filter(action="original photograph seen")
    assert entry.reason == "the owner says it is another car"
    assert entry.facts == {"photograph": sha256[:16]}
    for other in (Client(), logged_in(stranger)):
        assert other.get(opened).status_code == 404
        assert other.post(asking, {"why": "let me see"}).status_code == 404


def test_an_original_of_the_desk_opens_for_nobody_else(db: None, merchant_client: Client) -> None:
    url = images.original_url(photograph(6), why="licence of claim 1")
    assert logged_in(with_rights("looks", "parking.view_sighting")).get(url).status_code == 200
    assert merchant_client.get(url).status_code == 404
