"""Codes on paper, and codes that somebody finds strange."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from django.test import Client
from PIL import Image

from accounts.models import Merchant
from core import clock, limits, paper, qr
from core.errors import Invalid
from core.models import AuditEntry
from parking import services
from parking.errors import NoBerth
from parking.links import berth_url
from parking.models import Berth, Section, SignDoubt, SignReport
from parking.selectors import berth_path
from tests.people import logged_in, with_rights
from tests.street import new_section

ENGLISH = {"accept-language": "en"}


def pages(printed: bytes) -> int:
    assert printed.startswith(b"%PDF-")
    return len(re.findall(rb"/Type /Page\b(?!s)", printed))


def everything(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


# ── On paper ────────────────────────────────────────────────────────────────────────────────────
def test_a_printed_code_is_read_as_the_berth_s_address(berth: Berth) -> None:
    address = berth_url(berth.code, berth.address_version)
    picture = cv2.imdecode(np.frombuffer(qr.png(address).read(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address
    scratched = picture.copy()
    side = scratched.shape[0]
    scratched[side * 5 // 8 : side * 6 // 8, side * 5 // 8 : side * 6 // 8] = 0
    assert cv2.QRCodeDetector().detectAndDecode(scratched)[0] == address


@pytest.mark.parametrize(("berths", "sheets"), [(1, 1), (8, 1), (9, 2)])
def test_eight_signs_stand_on_a_sheet(merchant: Merchant, clock: Any, berths: int, sheets: int):
    section = new_section(merchant, code="Q", name="长宁路（延安西路—虹桥路）", berths=berths)
    printed = services.print_signs(
        services.berths_to_print([section.pk], merchant_id=merchant.pk), actor="user:1"
    )
    assert pages(printed) == sheets
    entry = AuditEntry.objects.get(action="signs_printed")
    assert (entry.actor, len(entry.facts["berths"])) == ("user:1", berths)


def test_a_merchant_prints_its_own_berths_alone(
    section: Section, road: Section, merchant_client: Client
) -> None:
    page = merchant_client.get("/merchant/signs/", headers=ENGLISH).content.decode()
    assert section.name in page
    assert road.name not in page
    answer = merchant_client.post("/merchant/signs/", {"section": [section.pk]})
    assert answer["Content-Type"] == "application/pdf"
    assert pages(everything(answer)) == 1
    refused = merchant_client.post("/merchant/signs/", {"section": [road.pk]}, headers=ENGLISH)
    assert refused.status_code == 400
    assert "Choose at least one berth." in refused.content.decode()


def test_the_counter_s_code_opens_where_anybody_finds_a_stay(merchant_client: Client) -> None:
    answer = merchant_client.post("/merchant/signs/", {"counter": "1"})
    assert pages(everything(answer)) == 1


def test_who_may_not_keep_devices_prints_none(section: Section, attendant: Any) -> None:
    client = logged_in(attendant)
    assert client.post("/merchant/signs/", {"section": [section.pk]}).status_code == 403
    assert not AuditEntry.objects.filter(action="signs_printed").exists()


def test_more_than_a_bundle_is_asked_for_in_parts(section: Section, monkeypatch: Any) -> None:
    monkeypatch.setattr(paper, "MOST", 2)
    berths = services.berths_to_print([section.pk], merchant_id=section.merchant_id)
    with pytest.raises(Invalid, match="too_many_berths"):
        services.print_signs(berths, actor="user:1")


def test_without_a_font_the_page_says_so(
    section: Section, merchant_client: Client, settings: Any
) -> None:
    settings.BOWEI_PRINT_FONT = "/nonexistent/font.ttf"
    answer = merchant_client.post("/merchant/signs/", {"section": [section.pk]}, headers=ENGLISH)
    assert answer.status_code == 503
    assert "a font with Chinese characters is missing" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="signs_printed").exists()


def test_the_desk_prints_the_berths_that_are_chosen(section: Section) -> None:
    client = logged_in(with_rights("printer", "parking.view_berth", "parking.readdress_berth"))
    ids = list(Berth.objects.values_list("pk", flat=True))
    answer = client.post(
        "/admin/parking/berth/", {"action": "print_signs", "_selected_action": ids}
    )
    assert answer["Content-Type"] == "application/pdf"
    assert pages(everything(answer)) == 1


# ── Strange ones ────────────────────────────────────────────────────────────────────────────────
def test_anybody_may_say_that_a_code_looks_strange(berth: Berth, anonymous: Client) -> None:
    page = anonymous.get(f"/real/report/?berth={berth.code}", headers=ENGLISH)
    assert "geolocation=(self)" in page["Permissions-Policy"]
    assert "geolocation=()" in anonymous.get("/real/")["Permissions-Policy"]
    answer = anonymous.post(
        "/real/report/",
        {"place": "愚园路 1 号", "text": "a sticker over it", "berth": berth.code},
        headers=ENGLISH,
    )
    assert "Somebody goes there and looks." in answer.content.decode()
    report = SignReport.objects.get()
    assert (report.kind, report.berth_id, report.place) == ("said", berth.pk, "愚园路 1 号")
    assert (report.latitude, report.state) == (None, "open")


def test_a_report_says_something_and_names_a_berth_that_is_one(
    section: Section, anonymous: Client
) -> None:
    empty = anonymous.post("/real/report/", {}, headers=ENGLISH).content.decode()
    assert "Say where it is, or what is strange about it." in empty
    wrong = anonymous.post("/real/report/", {"berth": "Z-999", "text": "typed"}, headers=ENGLISH)
    assert "typed" in wrong.content.decode()  # stays typed
    assert not SignReport.objects.exists()
    with pytest.raises(NoBerth):
        services.report_sign(berth_code="Z-999")


@pytest.mark.parametrize(("north", "kind"), [(31.2005, "said"), (31.2100, "away")])
def test_a_position_far_from_the_berth_is_noticed(berth: Berth, north: float, kind: str) -> None:
    Berth.objects.filter(pk=berth.pk).update(latitude=31.2, longitude=121.4)
    report = services.report_sign(berth_code=berth.code, position=(north, 121.4))
    assert report.kind == kind


def test_two_positions_far_apart_are_noticed_where_the_berth_s_is_not_known(berth: Berth) -> None:
    first = services.report_sign(berth_code=berth.code, position=(31.2, 121.4))
    second = services.report_sign(berth_code=berth.code, position=(31.3, 121.4))
    assert [first.kind, second.kind] == ["said", "away"]
    assert second.away_m is not None
    assert 11_000 < second.away_m < 11_200


def not_mine(berth: Berth, network: str) -> None:
    """Somebody scans the berth's code and says that what stands there is not theirs."""
    limits.forget()
    phone = Client(REMOTE_ADDR=network)
    page = phone.get(berth_path(berth.code)).content.decode()
    found = re.search(r'action="(/s/[^"]+)"', page)
    assert found
    phone.post(found[1], {"not_mine": "1"})


def test_a_code_that_several_doubt_is_a_report_once(berth: Berth, stay_of: Any) -> None:
    stay_of(berth, ago_min=30)
    not_mine(berth, "203.0.113.1")
    services.doubt_sign(berth.pk)  # by nobody: a sweep is no stranger
    assert not SignReport.objects.exists()
    with limits.asked_by(limits.Asker(network="203.0.113.1")):
        services.doubt_sign(berth.pk)
    assert not SignReport.objects.exists()
    for network in ("203.0.113.2", "203.0.113.3"):
        with limits.asked_by(limits.Asker(network=network)):
            services.doubt_sign(berth.pk)
    report = SignReport.objects.get()
    assert (report.kind, report.berth_id) == ("twice", berth.pk)
    assert "203.0.113" not in str(list(SignDoubt.objects.values()))


def test_doubts_of_other_days_and_berths_do_not_add_up(section: Section) -> None:
    first, second = Berth.objects.order_by("pk")[:2]
    for berth, network in ((first, "203.0.113.1"), (second, "203.0.113.2")):
        with limits.asked_by(limits.Asker(network=network)):
            services.doubt_sign(berth.pk)
    SignDoubt.objects.filter(berth=first).update(at=clock.real() - timedelta(hours=25))
    with limits.asked_by(limits.Asker(network="203.0.113.3")):
        services.doubt_sign(first.pk)
    assert not SignReport.objects.exists()
    SignDoubt.objects.update(at=clock.real() - timedelta(days=8))
    assert services.forget_doubts() == 3


def test_the_desk_says_that_a_report_is_dealt_with(berth: Berth) -> None:
    report = services.report_sign(berth_code=berth.code)
    looker = logged_in(with_rights("looker", "parking.view_signreport"))
    address = f"/admin/parking/signreport/{report.pk}/change/"
    assert "Send somebody to the berth." in looker.get(address, headers=ENGLISH).content.decode()
    act = {"action": "settle", "_selected_action": [report.pk]}
    looker.post("/admin/parking/signreport/", act)
    report.refresh_from_db()
    assert report.state == "open"
    rights = ("parking.view_signreport", "parking.settle_signreport")
    logged_in(with_rights("settler", *rights)).post("/admin/parking/signreport/", act)
    report.refresh_from_db()
    assert report.state == "done"
    assert services.settle_sign_report(report.pk, actor="user:1") is False


def test_a_photograph_may_go_with_it_and_nothing_else(
    berth: Berth, anonymous: Client, db: None
) -> None:
    bad = BytesIO(b"no picture")
    bad.name = "a.jpg"
    answer = anonymous.post("/real/report/", {"text": "x", "photograph": bad})
    assert answer.status_code == 200
    assert not SignReport.objects.exists()
    good = BytesIO()
    Image.new("RGB", (64, 48), (90, 90, 90)).save(good, "JPEG")
    good.name = "b.jpg"
    good.seek(0)
    anonymous.post("/real/report/", {"text": "x", "photograph": good})
    assert SignReport.objects.get().image_sha
