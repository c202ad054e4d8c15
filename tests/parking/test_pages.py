"""Pages show what is theirs to whom it is, and change things by plain forms."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from core.models import AuditEntry
from core.money import plain_yuan
from parking import selectors, services
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment, ReviewItem, Section
from payments.models import Order
from tests.parking.test_plates import reading
from tests.people import prove
from tests.street import PLATE, TEST, new_section


def body(answer: Any) -> str:
    return str(answer.content.decode())


# ── Owners ───────────────────────────────────────────────────────────────────────────────────
def test_a_berth_is_found_by_the_code_on_its_sign(
    anonymous: Client, berth: Berth, stay_of: Any
) -> None:
    answer = anonymous.get(reverse("parking.home"), {"berth": " a-001 "})
    assert answer.url == "/b/A-001/"
    wrong = anonymous.get(reverse("parking.home"), {"berth": "Z-9"})
    assert "Z-9" in body(wrong)


def test_whoever_stands_at_the_berth_pays_and_sees_no_strangers_plate(
    anonymous: Client, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    page = body(anonymous.get(selectors.berth_path("A-001")))
    assert "12345" not in page
    assert "1••45" in page
    assert "08:10" in page
    assert "¥6.00" in page
    answer = anonymous.post(f"/s/{stay_token(stay.pk)}/")
    assert answer.url == reverse("payments.order", args=[Order.objects.get().token])


def test_its_proven_holder_sees_the_plate_whole(
    owner_client: Client, owner: Any, berth: Berth, stay_of: Any
) -> None:
    stay_of(berth, PLATE, ago_min=50)
    prove(owner, PLATE.text, "blue")
    assert "12345" in body(owner_client.get("/b/A-001/"))


def test_an_empty_berth_says_so(anonymous: Client, berth: Berth) -> None:
    assert anonymous.get("/b/A-001/").status_code == 200
    assert anonymous.get("/b/NO-1/").status_code == 404


def test_a_forged_link_opens_nothing(anonymous: Client, berth: Berth) -> None:
    assert anonymous.get("/s/forged/").status_code == 404


def test_paying_ahead_by_its_pages(
    anonymous: Client, section: Section, berth: Berth, stay_of: Any
) -> None:
    """P2.4-P2.6, without JavaScript and without an account."""
    stay_of(berth, PLATE, ago_min=3)
    first = anonymous.post(
        "/prepay/", {"section": section.pk, "plate": "沪a·12345", "minutes": 60, "colour": ""}
    )
    url = first.url
    assert "A-001" in body(anonymous.get(url))
    anonymous.post(url, {"do": "choose", "berth": "A-001"})
    anonymous.post(url, {"do": "submit", "plate": "沪A98765", "colour": "blue"})
    page = body(anonymous.get(url))
    assert 'role="alert"' in page
    assert "12345" not in page.replace("98765", "")
    anonymous.post(url, {"do": "submit", "plate": PLATE.text, "colour": "blue"})
    assert Prepayment.objects.get().state == "confirmed"
    assert "¥6.00" in body(anonymous.get(url))
    paid = anonymous.post(url, {"do": "pay"})
    assert paid.url.startswith("/o/")


# ── Merchants ────────────────────────────────────────────────────────────────────────────────
def test_the_street_costs_the_same_queries_however_long_it_is(
    merchant_client: Client,
    merchant: Any,
    section: Section,
    stay_of: Any,
    django_assert_max_num_queries: Any,
) -> None:
    for code in ("A-001", "A-002"):
        stay_of(Berth.objects.get(code=code), None, ago_min=10)
    new_section(merchant, code="B", name="江苏路", berths=20)
    with django_assert_max_num_queries(26):
        page = body(merchant_client.get(reverse("parking.street")))
    assert "江苏路" in page
    assert page.count('class="berth ') >= 23


def test_a_list_of_stays_costs_the_same_queries_however_long_it_is(
    merchant_client: Client,
    section: Section,
    stay_of: Any,
    django_assert_max_num_queries: Any,
    clock: Any,
) -> None:
    for _again in range(6):
        clock.advance(timedelta(hours=1))
        stay_of(Berth.objects.get(code="A-001"), PLATE, minutes=20)
    with django_assert_max_num_queries(12):
        page = body(merchant_client.get(reverse("parking.stays")))
    assert page.count("/merchant/stays/") >= 6


def test_stays_of_one_fee_are_each_on_one_page_however_the_list_is_turned(
    merchant_client: Client, berth: Berth, stay_of: Any, clock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("parking.tables.StayTable.page_rows", 2)
    for _again in range(6):
        clock.advance(timedelta(hours=1))
        stay_of(berth, PLATE, minutes=30)
    shown: list[int] = []
    for number in (1, 2, 3):
        page = merchant_client.get(f"/merchant/stays/?sort=-fee&page={number}")
        shown += [one.pk for one in page.context["table"].page]
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) == 6


def test_stays_are_filtered_sorted_and_exported(
    merchant_client: Client, section: Section, stay_of: Any, clock: Any
) -> None:
    stay_of(Berth.objects.get(code="A-001"), PLATE, minutes=90)
    stay_of(Berth.objects.get(code="A-002"), None, ago_min=10)
    due = body(merchant_client.get("/merchant/stays/?state=due&plate=沪a1&sort=-due"))
    assert "<span>愚园路停车场 1</span>" in due
    assert "<span>愚园路停车场 2</span>" not in due
    file = merchant_client.get("/merchant/stays/?state=due&export=csv&why=a+court+asks")
    lines = file.getvalue().decode().splitlines()
    assert len(lines) == 2
    assert "沪A12345" in lines[1]


def test_an_exported_list_adds_up_and_ends_somewhere(
    merchant_client: Client,
    operator_client: Client,
    section: Section,
    stay_of: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = stay_of(Berth.objects.get(code="A-001"), PLATE, minutes=90)
    stay_of(Berth.objects.get(code="A-002"), None, minutes=90)
    monkeypatch.setattr("core.sheets.MOST_ROWS", {"csv": 1, "xlsx": 1})
    english = {"accept-language": "en"}
    file = merchant_client.get(
        "/merchant/stays/?export=csv&sort=arrived&why=a+court+asks", headers=english
    )
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
    assert [row["Due (yuan)"] for row in rows] == [plain_yuan(first.due_fen), None]
    assert rows[0]["Due (yuan)"] == "12.00"
    assert rows[1]["Stay"] == "CSV holds the first 1 of these 2 rows: narrow the list."

    whole = operator_client.post(
        "/admin/parking/parkingsession/export/", {"format": "0", "resource": ""}, headers=english
    )
    told = list(csv.DictReader(io.StringIO(whole.getvalue().decode("utf-8-sig"))))
    assert [row["Due (yuan)"] for row in told] == ["12.00", None]


def test_no_file_of_stays_runs_what_somebody_typed(
    merchant_client: Client, operator_client: Client, section: Section, stay_of: Any
) -> None:
    stay = stay_of(Berth.objects.get(code="A-001"), PLATE, minutes=90)
    Section.objects.filter(pk=section.pk).update(name='=HYPERLINK("http://x.example")')
    ParkingSession.objects.filter(pk=stay.pk).update(plate_text="@SUM(1+1)")
    english = {"accept-language": "en"}
    take = "/admin/parking/parkingsession/export/"
    files = [
        merchant_client.get("/merchant/stays/?export=csv&why=a+court+asks", headers=english),
        operator_client.post(take, {"format": "0", "resource": "", "why": "x"}, headers=english),
    ]
    for file in files:
        assert "stays-20260302-" in file["Content-Disposition"]
        (row,) = csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig")))
        assert row["Section"] == """'=HYPERLINK("http://x.example")"""
        assert row["Plate"] == "'@SUM(1+1)"
        assert row["State"] == "To pay"

    offered = body(operator_client.get(take, headers=english))
    assert "Stay, Arrived, Section, Berth, Plate, Colour, Left, State" in offered
    assert "plate_text" not in offered
    book = operator_client.post(take, {"format": "1", "resource": "", "why": "x"}, headers=english)
    head, cells = load_workbook(io.BytesIO(book.getvalue())).active.iter_rows()
    told = {one.value: cell for one, cell in zip(head, cells, strict=True)}
    assert told["Section"].data_type == told["Plate"].data_type == "s"
    assert told["Plate"].value == "'@SUM(1+1)"
    assert told["Due (yuan)"].value == 12
    assert told["Arrived"].is_date


def test_another_merchant_sees_nothing_of_it(
    other_merchant_client: Client, merchant_client: Client, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    url = reverse("parking.merchant_stay", args=[stay.pk])
    assert merchant_client.get(url).status_code == 200
    assert other_merchant_client.get(url).status_code == 404
    assert "12345" not in body(other_merchant_client.get("/merchant/stays/"))


def test_staff_end_and_cancel_a_stay_with_a_reason(
    merchant_client: Client, berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=90)
    url = reverse("parking.merchant_stay", args=[stay.pk])
    form = {"do": "close", "left_at": "2026-03-02T08:45", "reason": "我看见它走了"}
    assert merchant_client.post(url, form).status_code == 302
    stay.refresh_from_db()
    assert stay.state == "due"
    assert merchant_client.post(url, {"do": "void", "void-reason": ""}).status_code == 400
    assert merchant_client.post(url, {"do": "void", "void-reason": "错误"}).status_code == 302
    stay.refresh_from_db()
    assert stay.state == "void"
    assert AuditEntry.objects.filter(subject_id=stay.pk, to_state="void", reason="错误").exists()


def test_an_attendant_may_not_cancel(
    attendant: Any, berth: Berth, stay_of: Any, client: Client
) -> None:
    client.force_login(attendant, backend="django.contrib.auth.backends.ModelBackend")
    stay = stay_of(berth, PLATE, ago_min=90)
    answer = client.post(
        reverse("parking.merchant_stay", args=[stay.pk]), {"do": "void", "void-reason": "x"}
    )
    stay.refresh_from_db()
    assert stay.state == "parked"
    assert answer.status_code == 403


# ── The review of a reading ──────────────────────────────────────────────────────────────────
@pytest.fixture
def question(berth: Berth, enrolled: Any, merchant: Any, seen: Any, stay_of: Any) -> ReviewItem:
    stay_of(berth, None)
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    sighting = seen(camera, merchant, berth=berth, kind="camera", purpose="arrival")
    services.take_reading(
        sighting_id=sighting.pk, reading=reading(confident=False, why="weak_character")
    )
    return ReviewItem.objects.get()


@pytest.mark.parametrize("who", ["operator_client", "merchant_client"])
def test_a_person_chooses_a_candidate_and_may_undo(
    who: str, request: Any, question: ReviewItem
) -> None:
    client: Client = request.getfixturevalue(who)
    name = "admin:parking_reviewitem_look" if who == "operator_client" else "parking.review"
    url = reverse(name, args=[question.pk])
    page = body(client.get(url))
    assert 'data-key="2"' in page
    assert "沪A12346/blue" in page
    client.post(url, {"do": "plate", "choice": "沪A12346/blue"})
    assert ParkingSession.objects.get().plate_text == "沪A12346"
    client.post(url, {"do": "undo"})
    question.refresh_from_db()
    assert (question.state, ParkingSession.objects.get().plate_text) == ("open", "")
    client.post(url, {"do": "type", "plate": "沪A12347", "colour": "blue"})
    assert ParkingSession.objects.get().plate_text == "沪A12347"


def test_the_operators_desk_opens_each_list(operator_client: Client, question: ReviewItem) -> None:
    for model in (
        "section",
        "berth",
        "tariff",
        "tariffversion",
        "parkingsession",
        "sighting",
        "platereading",
        "imageorder",
        "inspectiontask",
        "berthevent",
        "prepayment",
        "reviewitem",
        "handheldpost",
    ):
        answer = operator_client.get(reverse(f"admin:parking_{model}_changelist"))
        assert answer.status_code == 200, model


def test_the_operator_opens_ends_and_cancels_by_hand(
    operator_client: Client, berth: Berth, clock: Any
) -> None:
    begin = reverse("admin:parking_parkingsession_open_stay")
    form = {
        "berth": "A-001",
        "arrived_at": "2026-03-02T08:00",
        "plate": "",
        "colour": "",
        "reason": "sensor broken",
    }
    assert operator_client.get(begin).status_code == 200
    assert operator_client.post(begin, form).status_code == 302
    stay = ParkingSession.objects.get()
    page = reverse("admin:parking_parkingsession_change", args=[stay.pk])
    assert operator_client.get(page).status_code == 200
    end = reverse("admin:parking_parkingsession_end_stay", args=[stay.pk])
    operator_client.post(end, {"left_at": "2026-03-02T08:59", "reason": "seen"})
    stay.refresh_from_db()
    assert stay.state == "due"
    cancel = reverse("admin:parking_parkingsession_cancel_stay", args=[stay.pk])
    operator_client.post(cancel, {"reason": "a test drive"})
    stay.refresh_from_db()
    assert stay.state == "void"


def test_a_tariff_that_is_none_is_refused_at_the_desk(
    operator_client: Client, section: Section
) -> None:
    url = reverse("admin:parking_tariffversion_add")
    form = {
        "tariff": section.tariff_id,
        "number": 2,
        "terms": '{"windows": []}',
        "valid_from_0": "2026-04-01",
        "valid_from_1": "00:00:00",
    }
    answer = operator_client.post(url, form)
    assert answer.status_code == 200
    assert section.tariff.versions.count() == 1


def test_who_has_left_pays_with_berth_and_plate_and_no_account(
    anonymous: Client, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    for wrong in ({"berth": "A-001", "plate": "沪A12346"}, {"berth": "A-002", "plate": PLATE.text}):
        page = body(anonymous.post("/left/", wrong))
        assert "这个泊位没有这个车牌的未付费用。" in page
    found = anonymous.post("/left/", {"berth": "a-001", "plate": "沪a·12345"})
    page = body(anonymous.get(found.url))
    assert "¥12.00" in page
    assert "12345" not in page
    anonymous.post(found.url)
    assert Order.objects.get().items.get().subject_id == stay.pk
