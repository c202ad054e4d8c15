"""Whole plates need a right and a reason; who looks, takes, enters or is refused is noted."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import LoginCode, SmsMessage, SmsReceipt, User
from arrears import services as arrears
from arrears.models import Debt
from core import audit, links, personal
from core.models import AuditEntry
from core.plates import masked
from parking import services as parking
from parking.models import Berth, PlateReading, ReviewItem, Section, Sighting
from tests.arrears.conftest import debt, pass_time  # noqa: F401
from tests.conftest import BEGIN
from tests.people import PASSWORD, logged_in, staff, with_rights
from tests.street import OTHER_PLATE, PLATE

DEBTS = "/api/v1/arrears/debts/"
STAYS = "/api/v1/parking/stays/"


def noted(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


# ── Plates ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("role", ["owner", "manager", "cashier", "attendant"])
@pytest.mark.parametrize("address", [DEBTS, STAYS])
def test_the_interface_masks_plates_unless_who_may_says_why(
    debt: Debt,  # noqa: F811
    merchant_user: User,
    role: str,
    address: str,
):
    person = merchant_user if role == "owner" else staff(debt.merchant, role)
    client = logged_in(person)
    one = f"{address}{debt.pk if address == DEBTS else debt.stay_id}/"
    for path in (address, one):
        told = client.get(path).content.decode()
        assert PLATE.text not in told
        assert masked(PLATE.text) in told
        asked = client.get(path, {"why": "a court asks"})
        if role in ("owner", "manager"):
            assert PLATE.text in asked.content.decode()
        else:
            assert asked.status_code == 403
    found = noted("plates seen whole")
    assert {(one.actor, one.reason) for one in found} == (
        {(person.actor, "a court asks")} if role in ("owner", "manager") else set()
    )
    assert PLATE.text not in str([one.facts for one in found])


@pytest.mark.parametrize("role", ["owner", "attendant"])
def test_questions_and_photographs_are_masked_but_for_who_answers_one(
    berth: Berth, stay_of: Any, merchant_user: User, role: str, question: ReviewItem
):
    person = merchant_user if role == "owner" else staff(berth.section.merchant, role)
    client = logged_in(person)
    reviews, one = "/api/v1/parking/reviews/", f"/api/v1/parking/reviews/{question.pk}/"
    sighting = f"/api/v1/parking/sightings/{question.sighting_id}/"
    may_answer = role == "owner"
    for path in (reviews, sighting) if may_answer else (sighting,):
        told = client.get(path).content.decode()
        assert PLATE.text not in told
        assert masked(PLATE.text) in told
        asked = client.get(path, {"why": "a court asks"})
        assert asked.status_code == (200 if may_answer else 403)
    if not may_answer:
        assert client.get(one).status_code == 403
        return
    assert PLATE.text in client.get(one).content.decode()  # who answers it has to read it
    assert noted("plates seen whole")[-1].reason == f"question {question.pk}"


@pytest.fixture
def question(berth: Berth, merchant: Any, enrolled: Any, seen: Any, clock: Any) -> ReviewItem:
    """A plate that was settled, and is doubted."""
    sighting = seen(enrolled("C-001", "camera", merchant), merchant, berth=berth)
    PlateReading.objects.create(
        sighting=sighting,
        text=PLATE.text,
        colour="blue",
        state="confirmed",
        why="test",
        read_at=clock.now(),
        candidates=[{"text": PLATE.text, "probability": 0.9, "characters": [0.9] * 7}],
    )
    parking.settle_plate(sighting_id=sighting.pk, plate=PLATE, by="system:tests", why="test")
    return parking.doubt_plate(sighting_id=sighting.pk, actor="user:7")


# Who stands at a berth compares a vehicle with its plate; what is past they need not know.
def whole_and_masked(page: str) -> tuple[set[str], set[str]]:
    """The serials of PLATE and OTHER_PLATE that a page shows whole, and those that it masks."""
    serials = {plate.text[2:] for plate in (PLATE, OTHER_PLATE)}
    hidden = {serial: f"{serial[0]}••{serial[-2:]}" for serial in serials}
    return (
        {one for one in serials if f">{one}<" in page},
        {one for one in serials if f">{hidden[one]}<" in page},
    )


def kept_in_pictures(page: str) -> set[str]:
    """Which plates the photographs of a page leave visible; "" for none."""
    tokens = re.findall(r'src="/photographs/([^/"]+)/"', page)
    found = [links.read("photograph", one, max_age_s=60)["keeps"] for one in tokens]
    return {personal.unseal(one) if one else "" for one in found}


@pytest.fixture
def past_and_present(section: Section, stay_of: Any, seen: Any, enrolled: Any) -> Any:
    """PLATE was at A-001 and has left, OTHER_PLATE stands at A-002; each was photographed."""
    camera = enrolled("C-001", "camera", section.merchant)
    found = []
    for number, plate, minutes in (("1", PLATE, 30), ("2", OTHER_PLATE, None)):
        berth = section.berths.get(number=number)
        stay = stay_of(berth, plate, minutes=minutes)
        sighting = seen(camera, section.merchant, berth=berth, seed=int(number))
        Sighting.objects.filter(pk=sighting.pk).update(stay=stay)
        found.append(stay)
    return found


@pytest.mark.parametrize("role", ["cashier", "attendant"])
def test_an_attendant_reads_whole_plates_of_stays_that_stand_there_alone(
    past_and_present: Any, role: str
):
    gone, there = past_and_present
    client = logged_in(staff(gone.section.merchant, role))
    both, none = {"12345", "67890"}, set[str]()
    listed = client.get("/merchant/stays/").content.decode()
    of_gone = client.get(f"/merchant/stays/{gone.pk}/").content.decode()
    of_there = client.get(f"/merchant/stays/{there.pk}/").content.decode()
    assert whole_and_masked(of_there) == ({"67890"}, none)
    assert kept_in_pictures(of_there) == {OTHER_PLATE.text}
    if role == "cashier":
        assert whole_and_masked(listed) == (both, none)
        assert whole_and_masked(of_gone) == ({"12345"}, none)
        assert kept_in_pictures(of_gone) == {PLATE.text}
    else:
        assert whole_and_masked(listed) == ({"67890"}, {"12345"})
        assert whole_and_masked(of_gone) == (none, {"12345"})
        assert kept_in_pictures(of_gone) == {""}


@pytest.mark.parametrize("role", ["cashier", "attendant"])
def test_who_reads_masked_plates_finds_a_vehicle_by_its_whole_plate_alone(
    past_and_present: Any, role: str
):
    gone, there = past_and_present
    client = logged_in(staff(gone.section.merchant, role))

    def found(typed: str) -> set[int]:
        page = client.get("/merchant/stays/", {"plate": typed})
        return {one.pk for one in page.context["table"].page}

    assert found("沪a·123 45") == {gone.pk}
    assert found("234") == ({gone.pk} if role == "cashier" else set())
    assert found("") == {gone.pk, there.pk}


@pytest.mark.parametrize("role", ["cashier", "attendant"])
def test_a_plate_that_waits_on_the_street_is_whole_while_its_vehicle_stands_there(
    past_and_present: Any, role: str
):
    gone, there = past_and_present
    client = logged_in(staff(gone.section.merchant, role))
    for stay in past_and_present:
        ReviewItem.objects.create(
            kind="plate",
            why="doubted",
            merchant=stay.section.merchant,
            stay=stay,
            opened_at=stay.arrived_at,
        )
    page = client.get("/merchant/").content.decode()
    if role == "cashier":
        assert whole_and_masked(page) == ({"12345", "67890"}, set())
    else:
        assert whole_and_masked(page) == ({"67890"}, {"12345"})
    assert there.state == "parked"


@pytest.mark.parametrize("role", ["cashier", "attendant"])
def test_an_attendant_reads_debts_masked_and_whole_only_what_is_left_at_a_vehicle(
    debt: Debt,  # noqa: F811
    role: str,
):
    arrears.object(debt_ids=[debt.pk], reason="amount", text="no", actor="owner")
    client = logged_in(staff(debt.merchant, role))
    page = client.get("/merchant/debts/").content.decode()
    for part in ('id="disputes"', 'id="list"'):
        shown = whole_and_masked(page.partition(part)[2].partition("</section>")[0])
        wanted = ({"12345"}, set()) if role == "cashier" else (set(), {"12345"})
        assert shown == wanted, part


def test_a_paper_notice_names_the_vehicle_that_it_is_left_at(
    debt: Debt,  # noqa: F811
    attendant: User,
):
    client = logged_in(attendant)
    page = client.get("/merchant/debts/").content.decode()
    papers = page.partition('id="paper"')[2].partition("</section>")[0]
    assert whole_and_masked(papers) == ({"12345"}, set())
    assert whole_and_masked(page.partition('id="list"')[2]) == (set(), {"12345"})
    street = client.get("/merchant/").content.decode()
    assert whole_and_masked(street) == ({"12345"}, set())


def test_the_desk_needs_the_right_to_files_for_whole_plates(debt: Debt):  # noqa: F811
    looks = with_rights("looks", "parking.view_parkingsession")
    takes = with_rights("takes", "parking.view_parkingsession", "parking.export_parkingsession")
    assert logged_in(looks).get(STAYS, {"why": "curious"}).status_code == 403
    assert PLATE.text not in logged_in(takes).get(STAYS).content.decode()
    assert PLATE.text in logged_in(takes).get(STAYS, {"why": "a court"}).content.decode()
    assert [one.actor for one in noted("plates seen whole")] == [takes.actor]


@pytest.mark.parametrize(
    "page", ["parking.stays", "recovery.list", "devices.list", "payments.money", "monthlycard.lots"]
)
def test_an_attendant_takes_no_list_away_and_others_leave_an_entry(
    page: str, berth: Berth, stay_of: Any, attendant: User, merchant_user: User
):
    stay_of(berth, PLATE, minutes=90)
    address = reverse(page) + "?export=csv"
    if page == "monthlycard.lots":
        address = reverse(page) + "?statements-export=csv"
    refused = logged_in(attendant).get(address)
    assert refused.status_code == 403
    taken = logged_in(merchant_user).get(address)
    assert PLATE.text not in taken.getvalue().decode()
    assert [one.actor for one in noted("list taken as a file")] == [merchant_user.actor]
    assert "export=" not in logged_in(attendant).get(reverse("parking.stays")).content.decode()


def test_who_looks_for_a_plate_stands_in_the_trail_without_the_plate(
    debt: Debt,  # noqa: F811
    attendant: User,
    operator: User,
):
    typed = "沪A·123 45"
    client = logged_in(attendant)
    client.get("/merchant/debts/", {"plate": typed})
    client.get(DEBTS, {"plate": typed})
    client.get("/merchant/stays/", {"plate": typed})
    client.get(STAYS, {"plate": typed})
    logged_in(operator).get(reverse("admin:arrears_debt_changelist"), {"q": typed})
    found = noted("plate looked for")
    assert [(one.actor, one.facts["list"]) for one in found] == [
        (attendant.actor, "arrears.debt"),
        (attendant.actor, "arrears.debt"),
        (attendant.actor, "parking.parkingsession"),
        (attendant.actor, "parking.parkingsession"),
        (operator.actor, "arrears.debt"),
    ]
    assert {one.facts["plate"] for one in found} == {masked(PLATE.text)}
    client.get("/merchant/debts/")
    assert len(noted("plate looked for")) == 5


# ── Entering ─────────────────────────────────────────────────────────────────────────────────────
def test_log_ins_and_what_was_kept_out_stand_in_the_trail(merchant_user: User):
    client = Client()
    address = reverse("accounts.login")
    client.post(address, {"username": merchant_user.username, "password": "wrong"})
    client.post(address, {"username": "nobody here", "password": "wrong"})
    client.post(address, {"username": merchant_user.username, "password": PASSWORD})
    client.post(reverse("accounts.logout"))
    told = [(one.action, one.subject_id, one.actor) for one in AuditEntry.objects.order_by("pk")]
    assert told[-4:] == [
        ("log-in refused", merchant_user.pk, "nobody"),
        ("log-in refused", 0, "nobody"),
        ("logged in", merchant_user.pk, merchant_user.actor),
        ("logged out", merchant_user.pk, merchant_user.actor),
    ]
    assert noted("logged in")[-1].facts == {"network": "127.0.0.1"}
    assert "wrong" not in str(list(AuditEntry.objects.values()))


def test_what_staff_were_refused_stands_in_their_trail_once_a_minute(
    debt: Debt,  # noqa: F811
    attendant: User,
    owner: User,
):
    address = reverse("arrears.waive", args=[debt.pk])
    client = logged_in(attendant)
    for _ in range(3):
        assert client.post(address, {"reason": "x"}).status_code == 403
    looks = with_rights("looks")
    assert logged_in(looks).get(reverse("admin:payments_order_changelist")).status_code == 403
    assert logged_in(owner).get("/merchant/debts/").status_code == 403  # no staff: not noted
    assert [(one.actor, one.facts["method"]) for one in noted("refused")] == [
        (attendant.actor, "POST"),
        (looks.actor, "GET"),
    ]
    assert noted("refused")[0].facts["address"] == "merchant/debts/<int:debt_id>/waive/"


# ── What is kept, and for how long ───────────────────────────────────────────────────────────────
def test_receipts_and_codes_are_forgotten_after_their_time(settings: Any, clock: Any):
    text = SmsMessage.objects.create(
        key="k", phone_sealed=personal.seal("13912345678"), template="login_code", created_at=BEGIN
    )
    for days in (181, 179):
        at = clock.real() - timedelta(days=days)
        SmsReceipt.objects.create(message=text, way="asked", at=at, raw={})
        LoginCode.objects.create(phone_digest="d", code_digest="c", expires_at=at)
    assert services.forget_old() == 2
    assert services.forget_old() == 0
    assert (SmsReceipt.objects.count(), LoginCode.objects.count()) == (1, 1)
    settings.BOWEI_KEEP_TEXTS_DAYS = 10
    assert services.forget_old() == 2


def test_an_entry_of_a_persons_trail_can_be_read_by_who_may(operator: User, merchant_user: User):
    audit.record(merchant_user, "logged in", actor=merchant_user.actor)
    page = logged_in(operator).get(reverse("admin:core_auditentry_changelist"))
    assert "logged in" in page.content.decode()
