"""The pages and interfaces: what an owner, a merchant and a stranger see."""

import csv
import io
import os
from pathlib import Path
from typing import Any

import pytest

from arrears import selectors, services
from arrears.models import Assessment, Debt, Demand, Dispute
from core import images, plates
from core.models import AuditEntry
from tests.people import logged_in, prove
from tests.street import OTHER_PLATE, PLATE, photograph

SHOTS = os.environ.get("BOWEI_SHOTS", "")


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


# ── The owner ────────────────────────────────────────────────────────────────────────────────
def test_the_dues_of_a_proven_holder_are_shown_in_full_and_paid_together(
    holder: Any, owner_client: Any, section: Any, stay_of: Any, pass_time: Any
) -> None:
    from parking.models import Berth

    first, second = Berth.objects.filter(section=section)[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=180, minutes=30)]
    pass_time(hours=1)
    page = owner_client.get("/dues/").content.decode()
    assert "18.00" in page
    answer = owner_client.post("/dues/", {"stay": [stay.pk for stay in stays]})
    assert answer.status_code == 302
    assert answer.url.startswith("/o/")
    assert "¥18.00" in owner_client.get(answer.url).content.decode()


def test_a_stranger_sees_and_pays_nothing_of_it(
    holder: Any, debt: Debt, stranger_client: Any, stranger: Any
) -> None:
    prove(stranger, OTHER_PLATE.text, "blue")
    page = stranger_client.get("/dues/").content.decode()
    assert "12.00" not in page
    assert stranger_client.post("/dues/", {"stay": debt.stay_id}).url == "/dues/"


def test_the_dues_ask_for_a_log_in(db: None, anonymous: Any) -> None:
    assert anonymous.get("/dues/").url.startswith("/me/login/")


def test_seeing_the_dues_delivers_the_demand(
    debt: Debt, owner: Any, owner_client: Any, pass_time: Any
) -> None:
    prove(owner, PLATE.text, "blue")
    assert Demand.objects.get().state == "made"
    owner_client.get("/dues/")
    demand = Demand.objects.get()
    assert (demand.state, demand.evidence) == ("delivered", "page")


def test_the_link_of_a_demand_shows_its_debts_with_the_plate_masked(
    holder: Any, debt: Debt, anonymous: Any
) -> None:
    page = anonymous.get(f"/dues/{Demand.objects.get().token}/").content.decode()
    assert "12.00" in page
    assert PLATE.text not in page
    assert "12345" not in page


def test_the_object_page_holds_the_debt_and_shows_the_answer(
    holder: Any, debt: Debt, anonymous: Any
) -> None:
    path = selectors.object_path([debt.stay_id])
    assert anonymous.get(path).status_code == 200
    assert anonymous.post(path, {"text": "no reason"}).status_code == 400
    assert anonymous.post(path, {"reason": "not_mine", "text": "Sold in May."}).status_code == 302
    debt.refresh_from_db()
    assert debt.state == "disputed"
    services.settle_dispute(
        dispute_id=Dispute.objects.get().pk,
        verdict="rejected",
        answer="It is yours.",
        actor="user:1",
    )
    assert "It is yours." in anonymous.get(path).content.decode()


@pytest.mark.parametrize("path", ["/object/forged/", "/why/forged/", "/dues/forged/"])
def test_a_forged_address_opens_nothing(db: None, anonymous: Any, path: str) -> None:
    assert anonymous.get(path).status_code == 404


@pytest.fixture
def decided(past: Any, berth: Any, stay_of: Any, scored: Any, clock: Any) -> Assessment:
    from parking.models import Berth

    past(PLATE, Berth.objects.get(code="A-003"), [None, 300.0, 200.0])
    stay = stay_of(berth)
    services.assess(stay_id=stay.pk)
    row: Assessment = scored(stay)
    return row


def test_the_why_page_gives_the_reasons_in_words_and_takes_an_objection(
    decided: Assessment, anonymous: Any
) -> None:
    path = selectors.why_path(decided.stay_id)
    page = anonymous.get(path, headers={"accept-language": "en"}).content.decode()
    assert "paid late or are still unpaid" in page  # P0.3
    assert "simulated population" in page
    assert PLATE.text not in page
    assert anonymous.post(path, {"do": "delete"}).status_code == 403  # only its subject
    assert anonymous.post(path, {"do": "object"}).status_code == 302
    decided.refresh_from_db()
    assert decided.objected


def test_the_holder_deletes_what_was_concluded(
    decided: Assessment, holder: Any, owner_client: Any
) -> None:
    owner_client.post(selectors.why_path(decided.stay_id), {"do": "delete"})
    decided.refresh_from_db()
    assert decided.state == "deleted"


# ── The merchant ─────────────────────────────────────────────────────────────────────────────
def test_a_merchant_sees_own_debts_only(
    debt: Debt, merchant_client: Any, other_merchant_client: Any
) -> None:
    assert "12.00" in merchant_client.get("/merchant/debts/").content.decode()
    assert "12.00" not in other_merchant_client.get("/merchant/debts/").content.decode()
    english = {"accept-language": "en"}
    address = "/merchant/debts/?export=csv&why=a+court+asks"
    sheet = merchant_client.get(address, headers=english).getvalue()
    row = next(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert (row["Plate"], row["State"], row["Amount (yuan)"]) == (PLATE.text, "Open", "12.00")
    theirs = other_merchant_client.get(address).getvalue()
    assert PLATE.text not in theirs.decode()


def test_the_file_of_debts_runs_nothing_that_somebody_typed(
    debt: Debt, merchant_client: Any
) -> None:
    Debt.objects.filter(pk=debt.pk).update(plate_text="=1+1", plate_colour="\t=1+1")
    debt.section.name = "-2+3"
    debt.section.save()
    address = "/merchant/debts/?export=csv&why=a+court+asks"
    file = merchant_client.get(address, headers={"accept-language": "en"})
    assert "debts-20260305-" in file["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig")))
    assert (row["Plate"], row["Colour"], row["Section"]) == ("'=1+1", "'\t=1+1", "'-2+3")


def test_who_takes_debtors_away_as_a_file_is_noted_and_gets_masked_plates_without_a_reason(
    debt: Debt, merchant_user: Any, cashier: Any, attendant: Any
) -> None:
    def taken(person: Any, more: str = "") -> Any:
        return logged_in(person).get(f"/merchant/debts/?export=csv{more}")

    def notes() -> list[AuditEntry]:
        rows = AuditEntry.objects.filter(action="list taken as a file")
        return list(rows.order_by("pk"))

    assert taken(attendant).status_code == 403
    assert taken(cashier, "&why=curious").status_code == 403
    assert notes() == []

    masked = taken(cashier).getvalue().decode()
    assert PLATE.text not in masked
    assert plates.masked(PLATE.text) in masked
    whole = taken(merchant_user, "&why=a+court+asks").getvalue().decode()
    assert PLATE.text in whole
    first, second = notes()
    assert (first.actor, first.facts["whole_plates"], first.facts["rows"]) == (
        cashier.actor,
        False,
        1,
    )
    assert (second.actor, second.reason) == (merchant_user.actor, "a court asks")


@pytest.fixture
def three_debts(section: Any, stay_of: Any, pass_time: Any) -> list[int]:
    """Debts of ¥12.00, ¥24.00 and again ¥12.00, opened hours after each other; their numbers."""
    for number, minutes in (("1", 90), ("2", 200), ("3", 90)):
        stay_of(section.berths.get(number=number), minutes=minutes)
        pass_time(hours=4)
    for hours in (61, 4, 4):  # one comes due in each
        pass_time(hours=hours)
    return list(Debt.objects.order_by("opened_at").values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("since", [0, 1, 2]),
        ("-since", [2, 1, 0]),
        ("amount", [0, 2, 1]),
        ("-amount", [1, 2, 0]),
        ("", [2, 1, 0]),
        ("plate_text;--", [2, 1, 0]),
    ],
)
def test_a_merchant_sorts_debts_and_what_is_equal_keeps_its_place(
    three_debts: list[int], merchant_client: Any, sort: str, order: list[int]
) -> None:
    wanted = [three_debts[at] for at in order]
    page = merchant_client.get("/merchant/debts/", {"sort": sort})
    assert [one.pk for one in page.context["table"].page] == wanted
    _kind, url = page.context["table"].files()[0]
    sheet = merchant_client.get(f"/merchant/debts/{url}").getvalue().decode().splitlines()
    assert [int(line.split(",")[0]) for line in sheet[1:]] == wanted


def test_another_merchant_waives_and_answers_nothing(
    debt: Debt, other_merchant_client: Any
) -> None:
    [dispute] = services.object(debt_ids=[debt.pk], reason="other", actor="owner")
    waive = f"/merchant/debts/{debt.pk}/waive/"
    assert other_merchant_client.post(waive, {"reason": "x"}).status_code == 404
    answer = {f"d{dispute.pk}-verdict": "upheld", f"d{dispute.pk}-answer": "x"}
    path = f"/merchant/debts/disputes/{dispute.pk}/"
    assert other_merchant_client.post(path, answer).status_code == 404
    dispute.refresh_from_db()
    assert dispute.state == "open"


def test_a_merchant_answers_an_objection_on_the_page(debt: Debt, merchant_client: Any) -> None:
    [dispute] = services.object(debt_ids=[debt.pk], reason="other", text="Why?", actor="owner")
    assert "Why?" in merchant_client.get("/merchant/debts/").content.decode()
    answer = {f"d{dispute.pk}-verdict": "upheld", f"d{dispute.pk}-answer": "You are right."}
    merchant_client.post(f"/merchant/debts/disputes/{dispute.pk}/", answer)
    debt.refresh_from_db()
    assert debt.state == "cancelled"


def test_an_attendant_leaves_a_paper_notice_and_may_not_waive(debt: Debt, attendant: Any) -> None:
    from io import BytesIO

    from tests.people import logged_in

    client = logged_in(attendant)
    picture = BytesIO(images.load(photograph(7)))
    picture.name = "notice.jpg"
    client.post(
        "/merchant/debts/paper/", {"debt": debt.pk, "named_fen": 1200, "photograph": picture}
    )
    debt.refresh_from_db()
    assert debt.demanded_at is not None
    assert client.post(f"/merchant/debts/{debt.pk}/waive/", {"reason": "x"}).status_code == 403


# ── Interfaces ───────────────────────────────────────────────────────────────────────────────
def test_the_interface_shows_each_merchant_own_debts_and_waives_once(
    debt: Debt, merchant_client: Any, other_merchant_client: Any, stranger_client: Any
) -> None:
    base = "/api/v1/arrears/debts"
    assert merchant_client.get(f"{base}/").json()["count"] == 1
    assert other_merchant_client.get(f"{base}/").json()["count"] == 0
    assert other_merchant_client.get(f"{base}/{debt.pk}/").status_code == 404
    refused = stranger_client.get(f"{base}/")
    assert refused.status_code == 403
    assert refused["content-type"] == "application/problem+json"
    waive = f"{base}/{debt.pk}/waive/"
    assert other_merchant_client.post(waive, {"reason": "x"}).status_code == 404
    key = {"Idempotency-Key": "k1"}
    first = merchant_client.post(waive, {"reason": "hardship"}, headers=key)
    again = merchant_client.post(waive, {"reason": "hardship"}, headers=key)
    assert first.json() == again.json()
    assert first.json()["state"] == "waived"
    third = merchant_client.post(waive, {"reason": "hardship"})
    assert (third.status_code, third.json()["code"]) == (409, "debt_moved")


def test_the_interface_tells_an_owner_dues_and_decision_and_a_stranger_neither(
    holder: Any, debt: Debt, owner_client: Any, stranger_client: Any
) -> None:
    dues = owner_client.get("/api/v1/arrears/dues/").json()["results"]
    assert [(one["stay_id"], one["amount_fen"]) for one in dues] == [(debt.stay_id, 1200)]
    assert stranger_client.get("/api/v1/arrears/dues/").json()["results"] == []
    body = {"stay_id": debt.stay_id, "reason": "amount"}
    assert stranger_client.post("/api/v1/arrears/disputes/", body).status_code == 404
    debt.refresh_from_db()
    assert debt.state == "open"  # a denied call changed nothing
    assert owner_client.post("/api/v1/arrears/disputes/", body).json()["state"] == "open"
    path = f"/api/v1/arrears/decisions/{debt.stay_id}/"
    assert stranger_client.get(path).status_code == 404


def test_the_operator_sees_every_page_of_the_row(
    decided: Assessment, section: Any, stay_of: Any, pass_time: Any, operator_client: Any
) -> None:
    stay_of(section.berths.get(number="2"), OTHER_PLATE, minutes=90)
    pass_time(hours=73)
    debt = Debt.objects.get()
    services.object(debt_ids=[debt.pk], reason="other", actor="owner")
    from arrears.services import models, schemes

    models.serving()
    schemes.ensure()
    for name in (
        "debt",
        "dispute",
        "blacklistentry",
        "demand",
        "exemptvehicle",
        "listingrule",
        "look",
        "recoverynotice",
        "paywindow",
        "portrait",
        "assessment",
        "watch",
        "riskmodel",
        "scheme",
        "plan",
        "contact",
        "optout",
    ):
        assert operator_client.get(f"/admin/arrears/{name}/").status_code == 200, name
    assert (
        operator_client.get(
            f"/admin/arrears/dispute/{Dispute.objects.get().pk}/change/"
        ).status_code
        == 200
    )
    assert operator_client.get(f"/admin/arrears/assessment/{decided.pk}/change/").status_code == 200
    assert operator_client.get(f"/admin/arrears/debt/{debt.pk}/change/").status_code == 200


# ── Seen ─────────────────────────────────────────────────────────────────────────────────────
def test_the_pages_in_a_browser(
    live: Any, browser: Any, holder: Any, debt: Debt, decided: Assessment, merchant_user: Any
) -> None:
    token = Demand.objects.get().token
    views = [
        ("dues", f"/dues/{token}/"),
        ("object", selectors.object_path([debt.stay_id])),
        ("why", selectors.why_path(decided.stay_id)),
    ]
    for locale in ("zh-CN", "en-GB"):
        for width in (360, 1440):
            page = browser.new_page(
                locale=locale, viewport={"width": width, "height": 800}, base_url=live.http
            )
            for name, path in views:
                page.goto(path)
                assert page.locator("h1").count() == 1
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                shoot(page, f"{name}-{locale}-{width}")
            page.close()


def test_the_merchants_street_names_what_a_person_should_see_to(
    debt: Debt, merchant: Any, other_merchant: Any, merchant_client: Any
) -> None:
    assert [one["tag"] for one in selectors.needs(merchant.pk)] == ["纸质通知"]
    services.object(debt_ids=[debt.pk], reason="other", actor="owner")
    assert selectors.needs(merchant.pk)[0]["subject"] == "dispute"
    assert selectors.needs(other_merchant.pk) == []
    assert merchant_client.get("/merchant/").status_code == 200
