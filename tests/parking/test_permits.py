"""Permits of vehicles: two persons, a reason, an end; what they give stands in the tariff."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.utils import translation

from core.errors import Invalid, Refused
from core.plates import Colour, Plate
from parking import services
from parking.models import Berth, ParkingSession, Permit, Section
from parking.services import prices
from parking.words import spoken
from tests.parking.test_money import pay
from tests.people import logged_in, staff, with_rights
from tests.street import OTHER_PLATE, PLATE, TERMS, TEST, new_section, new_tariff
from tests.trail import moves, said

ENGLISH = {"accept-language": "en"}
EXEMPT = {"exempt": {"resident": None, "disabled": 7200, "police": None}}


@pytest.fixture
def street(clock: Any, merchant: Any) -> Section:
    """A road at ¥6.00 an hour whose residents stand free, and disabled persons two hours."""
    new_tariff(merchant, TERMS | EXEMPT)
    return new_section(merchant, code="M")


@pytest.fixture
def grant(clock: Any, merchant: Any) -> Any:
    """A permit that two persons have made, from now on; its fields by name."""

    def make(kind: str = "resident", plate: Plate = PLATE, **more: Any) -> Permit:
        sections = more.pop("sections", [])
        row = services.ask_permit(
            Permit(
                merchant=more.pop("merchant", merchant),
                plate_text=plate.text,
                plate_colour=plate.colour_text,
                kind=kind,
                why="lives at No. 7",
                since=more.pop("since", clock.now()),
                until=more.pop("until", clock.now() + timedelta(days=30)),
                **more,
            ),
            sections=sections,
            actor="user:1",
        )
        assert services.grant_permit(permit_id=row.pk, actor="user:2")
        row.refresh_from_db()
        return row

    return make


@pytest.fixture
def client_of(merchant: Any) -> Any:
    """A browser in which somebody of this role works for a merchant."""
    return lambda role, of=merchant: logged_in(staff(of, role))


@pytest.fixture
def berth(street: Section) -> Berth:
    return Berth.objects.get(code="M-001")


def cost(stay: ParkingSession, clock: Any) -> int:
    return prices.bill_of(ParkingSession.objects.get(pk=stay.pk), clock.now()).amount_fen


def test_who_has_a_permit_stands_free_and_the_bill_says_so(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    clock.advance(timedelta(hours=3))
    grant()
    clock.advance(timedelta(hours=3))
    stay = stay_of(berth, PLATE, minutes=120)
    assert (stay.state, stay.fee_fen, stay.due_fen) == ("settled", 0, 0)
    with translation.override("en"):
        said_of_it = [(spoken(line).text, spoken(line).amount_fen) for line in stay.lines]
    assert said_of_it == [("120 min free by a permit", 0)]


@pytest.mark.parametrize(
    "other",
    [
        {"plate": OTHER_PLATE},
        {"plate": Plate(PLATE.text, Colour.yellow)},
        {"kind": "staff"},  # the tariff says nothing of it
    ],
)
def test_what_is_of_another_vehicle_or_kind_changes_no_price(
    berth: Berth, grant: Any, stay_of: Any, clock: Any, other: dict[str, Any]
) -> None:
    grant(**other)
    clock.advance(timedelta(hours=3))
    assert stay_of(berth, PLATE, minutes=120).fee_fen == 1200


def test_a_permit_holds_on_its_roads_and_with_its_merchant_alone(
    street: Section,
    berth: Berth,
    merchant: Any,
    other_merchant: Any,
    grant: Any,
    stay_of: Any,
    clock: Any,
) -> None:
    new_section(merchant, code="N")
    grant(sections=[street])
    grant(merchant=other_merchant, plate=OTHER_PLATE)
    clock.advance(timedelta(hours=3))
    elsewhere = Berth.objects.get(code="N-001")
    assert stay_of(berth, PLATE, ago_min=150, minutes=60).fee_fen == 0
    assert stay_of(elsewhere, PLATE, minutes=60).fee_fen == 600
    assert stay_of(berth, OTHER_PLATE, minutes=60).fee_fen == 600


def test_who_has_two_permits_for_one_road_stands_free_once(
    street: Section, berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    grant(sections=[street])
    grant()
    clock.advance(timedelta(hours=3))
    stay = stay_of(berth, PLATE, minutes=60)
    assert [line["quantity"] for line in stay.lines] == [3600]


def test_a_permit_counts_from_its_granting_and_never_backwards(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=60))
    grant(since=clock.now() - timedelta(days=3))
    clock.advance(timedelta(minutes=300))
    assert cost(stay, clock) == 600


def test_a_permit_that_has_ended_holds_up_to_then(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    permit = grant()
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=60))
    assert cost(stay, clock) == 0
    assert services.end_permit(permit_id=permit.pk, actor="user:3", reason="moved away")
    assert not services.end_permit(permit_id=permit.pk, actor="user:3", reason="again")
    clock.advance(timedelta(minutes=60))
    assert cost(stay, clock) == 600


def test_a_permit_ends_with_its_time(berth: Berth, grant: Any, clock: Any) -> None:
    permit = grant(until=clock.now() + timedelta(hours=2))
    clock.advance(timedelta(minutes=119))
    assert services.end_permits() == 0
    clock.advance(timedelta(minutes=1))
    assert services.end_permits() == 1
    permit.refresh_from_db()
    assert (permit.state, permit.held_until) == ("ended", permit.until)


def test_hours_of_the_day_are_free_and_the_rest_is_paid(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    """It is 09:00: free from ten to eleven."""
    grant(starts=time(10), ends=time(11))
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(hours=3))
    assert cost(stay, clock) == 1200


def test_seconds_that_a_tariff_gives_are_taken_off_a_longer_stay(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    grant(kind="disabled")
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(hours=2))
    assert cost(stay, clock) == 0
    clock.advance(timedelta(hours=1))
    assert cost(stay, clock) == 600


def test_who_is_exempt_by_their_plate_is_not_held_to_less(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    police = Plate("沪A1234警", Colour.white)
    grant(kind="disabled", plate=police)
    stay = stay_of(berth, police)
    clock.advance(timedelta(hours=5))
    assert cost(stay, clock) == 0


def test_money_that_was_paid_reaches_further_with_a_permit(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=30))
    pay(("parking.stay", stay.pk))
    stay.refresh_from_db()
    before = stay.paid_until
    permit = grant(starts=time(9), ends=time(12))
    stay.refresh_from_db()
    assert before is not None and stay.paid_until is not None
    assert stay.paid_until - before == timedelta(hours=2, minutes=30)
    services.end_permit(permit_id=permit.pk, actor="user:3", reason="a mistake")
    stay.refresh_from_db()
    assert stay.paid_until == before


def test_a_corrected_plate_takes_its_own_permit_and_leaves_that_of_another(
    berth: Berth, grant: Any, stay_of: Any, clock: Any
) -> None:
    grant()
    clock.advance(timedelta(hours=2))
    stay = stay_of(berth, PLATE, minutes=60)
    assert stay.fee_fen == 0
    services.correct_plate(
        stay_id=stay.pk, plate_text=OTHER_PLATE.text, plate_colour="", actor="user:3", why="misread"
    )
    stay.refresh_from_db()
    assert (stay.state, stay.fee_fen) == ("due", 600)
    services.correct_plate(
        stay_id=stay.pk, plate_text=PLATE.text, plate_colour="", actor="user:3", why="was right"
    )
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("settled", 0)


def test_nobody_grants_what_they_have_asked_for(merchant: Any, clock: Any) -> None:
    row = services.ask_permit(
        Permit(
            merchant=merchant,
            plate_text=PLATE.text,
            kind="staff",
            why="works here",
            since=clock.now(),
            until=clock.now() + timedelta(days=1),
        ),
        sections=[],
        actor="user:1",
    )
    with pytest.raises(Refused):
        services.grant_permit(permit_id=row.pk, actor="user:1")
    assert services.grant_permit(permit_id=row.pk, actor="user:2")
    assert not services.grant_permit(permit_id=row.pk, actor="user:2")
    assert said(row) == [("asked", "user:1", "works here", {})]
    assert moves(row) == [("asked", "granted", "user:2", "staff")]


@pytest.mark.parametrize(
    ("days", "code"), [(0, "over"), (-1, "over"), (732, "too_long"), (731, "")]
)
def test_a_permit_has_a_time_to_come_of_at_most_two_years(
    merchant: Any, clock: Any, days: int, code: str
) -> None:
    row = Permit(
        merchant=merchant,
        plate_text=PLATE.text,
        kind="staff",
        why="works here",
        since=clock.now(),
        until=clock.now() + timedelta(days=days),
    )
    if not code:
        assert services.ask_permit(row, sections=[], actor="user:1").pk
        return
    with pytest.raises(Invalid) as refused:
        services.ask_permit(row, sections=[], actor="user:1")
    assert (refused.value.code, Permit.objects.count()) == (code, 0)


def test_a_road_of_another_merchant_is_refused(
    merchant: Any, other_merchant: Any, grant: Any
) -> None:
    new_tariff(other_merchant, TERMS)
    foreign = new_section(other_merchant, code="F")
    with pytest.raises(Invalid):
        grant(sections=[foreign])
    assert not Permit.objects.exists()


# ── The pages ────────────────────────────────────────────────────────────────────────────────
def form(**more: Any) -> dict[str, Any]:
    return {
        "plate": "沪a·12345",
        "kind": "resident",
        "why": "tenancy contract 17",
        "since": "2026-03-02T09:00",
        "until": "2026-12-31T00:00",
        "starts": "19:00",
        "ends": "07:00",
    } | more


def test_a_cashier_asks_and_the_manager_grants_and_ends(
    street: Section, merchant: Any, client_of: Any
) -> None:
    cashier, manager = client_of("cashier"), client_of("manager")
    assert cashier.post("/merchant/stays/permits/", form(sections=[street.pk])).status_code == 302
    row = Permit.objects.get()
    assert (row.plate_text, row.state, row.hours) == (PLATE.text, "asked", "19:00–07:00")
    url = f"/merchant/stays/permits/{row.pk}/"
    assert cashier.post(url).status_code == 403
    manager.post(url)
    row.refresh_from_db()
    assert row.state == "granted"
    page = manager.get("/merchant/stays/permits/", headers=ENGLISH).content.decode()
    assert all(word in page for word in ("tenancy contract 17", "19:00–07:00", street.name))
    manager.post(url, {"reason": " "})
    row.refresh_from_db()
    assert row.state == "granted"  # it ends with a reason only
    manager.post(url, {"reason": "moved away"})
    row.refresh_from_db()
    assert row.state == "ended"
    assert moves(row)[-1][3] == "moved away"


def test_who_asks_does_not_grant_and_a_stranger_finds_nothing(
    street: Section, merchant: Any, client_of: Any, other_merchant: Any
) -> None:
    manager = client_of("manager")
    manager.post("/merchant/stays/permits/", form())
    url = f"/merchant/stays/permits/{Permit.objects.get().pk}/"
    manager.post(url)
    assert Permit.objects.get().state == "asked"
    assert client_of("manager", other_merchant).post(url).status_code == 404
    attendant = client_of("attendant")
    assert attendant.get("/merchant/stays/permits/").status_code == 403
    assert "/merchant/stays/permits/" not in attendant.get("/merchant/stays/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"plate": "nonsense"}, "plate"),
        ({"until": "2026-03-02T08:59"}, "Name a time to come."),
        ({"until": "2029-03-02T08:59"}, "At most two years"),
        ({"until": "9999-12-31T23:59"}, "valid date"),
        ({"starts": "25:00"}, "valid time"),
        ({"sections": ["999999"]}, "999999"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_what_was_typed_stays(
    street: Section, merchant: Any, client_of: Any, wrong: dict[str, Any], said: str
) -> None:
    page = client_of("cashier").post("/merchant/stays/permits/", form(**wrong), headers=ENGLISH)
    told = page.content.decode()
    assert page.status_code == 400
    assert said in told
    assert "tenancy contract 17" in told
    assert not Permit.objects.exists()


def test_a_price_to_come_gives_nothing_yet(
    street: Section, merchant: Any, client_of: Any, clock: Any
) -> None:
    services.publish_tariff(
        merchant_id=merchant.pk,
        name="白天",
        terms=TERMS,
        valid_from=clock.now() + timedelta(days=1),
        actor=TEST,
    )
    manager = client_of("manager")
    url = "/merchant/stays/permits/"
    assert "for any permit" not in manager.get(url, headers=ENGLISH).content.decode()
    clock.advance(timedelta(days=1))
    assert "for any permit" in manager.get(url, headers=ENGLISH).content.decode()


def test_the_page_says_which_roads_give_nothing_for_a_permit(
    street: Section, merchant: Any, client_of: Any, clock: Any
) -> None:
    version = services.publish_tariff(
        merchant_id=merchant.pk, name="N", terms=TERMS, valid_from=clock.now(), actor=TEST
    )
    bare = services.add_section(
        merchant_id=merchant.pk,
        name="Bare Road",
        code="N",
        ground="road",
        tariff_id=version.tariff_id,
        actor=TEST,
    )
    page = client_of("manager").get("/merchant/stays/permits/", headers=ENGLISH).content.decode()
    assert f"nothing for any permit: {bare.name}." in page


def test_the_desk_asks_and_another_grants(street: Section, merchant: Any) -> None:
    first = logged_in(
        with_rights(
            "first",
            "parking.view_permit",
            "parking.add_permit",
            "parking.grant_permit",
            "accounts.view_merchant",
            "parking.view_section",
        )
    )
    given = {
        "merchant": merchant.pk,
        "sections": [street.pk],
        "plate_text": "沪a·12345",
        "plate_colour": "",
        "kind": "disabled",
        "why": "badge 4711",
        "since_0": "2026-03-02",
        "since_1": "09:00",
        "until_0": "2026-05-01",
        "until_1": "00:00",
        "starts": "00:00",
        "ends": "00:00",
    }
    assert first.post("/admin/parking/permit/add/", given | {"plate_text": "X"}).status_code == 200
    foreign = first.post("/admin/parking/permit/add/", given | {"until_0": "2026-03-01"})
    assert foreign.status_code == 200
    assert not Permit.objects.exists()
    first.post("/admin/parking/permit/add/", given)
    row = Permit.objects.get()
    assert (row.plate_text, row.state, list(row.sections.all())) == (PLATE.text, "asked", [street])
    act = {"action": "grant", "_selected_action": row.pk}
    first.post("/admin/parking/permit/", act)
    row.refresh_from_db()
    assert row.state == "asked"
    second = logged_in(
        with_rights("second", "parking.view_permit", "parking.grant_permit", "parking.end_permit")
    )
    second.post("/admin/parking/permit/", act)
    row.refresh_from_db()
    assert row.state == "granted"
    second.post("/admin/parking/permit/", {"action": "end", "_selected_action": row.pk})
    row.refresh_from_db()
    assert row.state == "ended"
