"""Somebody answers the phone: what a caller names is looked up, told, sent and taken down."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import SmsMessage, User
from arrears import services
from arrears.models import CallNote, Debt, Dispute
from arrears.selectors import found_by, read_call, staff_notes
from arrears.selectors.calls import Call
from core import audit, limits
from core.errors import Denied, Invalid, Missing, TooMany
from parking.models import Berth, ParkingSession
from payments import services as payments
from tests.people import OWNER_PHONE, STRANGER_PHONE, logged_in, prove, with_rights
from tests.street import OTHER_PLATE, PLATE, TEST
from tests.trail import said

ANSWER = "arrears.answer_callnote"


@pytest.fixture
def clerk(db: None) -> User:
    """Somebody of the desk who answers the phone."""
    return with_rights("clerk", "arrears.view_callnote", ANSWER)


@pytest.fixture
def stay(berth: Berth, stay_of: Any, run_reactions: Any) -> ParkingSession:
    """PLATE has left A-001 after ninety minutes, unpaid."""
    found: ParkingSession = stay_of(berth, minutes=90)
    run_reactions()
    return found


def called(clerk: User, by: str, what: str, why: str = "bill") -> Call:
    call = services.look_up(by=by, said=what, why=why, person=clerk)
    assert call is not None
    return call


def stays_of(call: Call) -> list[int]:
    return [one.facts.id for one in found_by(call).stays]


def texts() -> list[tuple[str, str]]:
    rows = SmsMessage.objects.filter(template="asked_link").order_by("pk")
    return [(one.phone_masked, one.text) for one in rows]


# ── Looking up ───────────────────────────────────────────────────────────────────────────────────
def test_a_plate_a_phone_a_berth_and_an_order_each_find_the_stay(
    clerk: User, owner: User, stay: ParkingSession
) -> None:
    prove(owner, PLATE.text, "blue")
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    for by, what in (
        ("plate", "沪a 12345"),
        ("phone", "139 1234 5678"),
        ("berth", "a-001"),
        ("order", order.number.lower()),
    ):
        assert stays_of(called(clerk, by, what)) == [stay.pk], by


def test_a_number_read_out_over_the_phone_finds_its_order(
    clerk: User, stay: ParkingSession
) -> None:
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    spoken = order.number[0] + order.number[1:].replace("0", "o").replace("1", "l")
    assert called(clerk, "order", f" {spoken} ").order_number == order.number


def test_each_look_up_stands_in_the_trail_with_its_reason_and_without_what_was_typed(
    clerk: User, stay: ParkingSession
) -> None:
    called(clerk, "plate", PLATE.text, "bill · asks why so much")
    assert services.look_up(by="phone", said=STRANGER_PHONE, why="pay", person=clerk) is None
    assert said(clerk) == [
        (
            "looked up for a caller",
            clerk.actor,
            "bill · asks why so much",
            {"by": "plate", "what": "沪A·1••45", "found": True},
        ),
        (
            "looked up for a caller",
            clerk.actor,
            "pay",
            {"by": "phone", "what": "137••••0001", "found": False},
        ),
    ]


def test_nobody_is_looked_up_without_a_reason(clerk: User, stay: ParkingSession) -> None:
    with pytest.raises(Invalid):
        services.look_up(by="plate", said=PLATE.text, why="  ", person=clerk)
    assert said(clerk) == []


def test_nobody_looks_up_the_whole_city(clerk: User, stay: ParkingSession) -> None:
    with limits.asked_by(limits.Asker("192.0.2.9", person=lambda: clerk.pk)):
        for _one in range(12):
            called(clerk, "plate", PLATE.text)
        with pytest.raises(TooMany):
            services.look_up(by="plate", said=PLATE.text, why="bill", person=clerk)


def test_what_was_found_opens_for_who_asked_alone(clerk: User, stay: ParkingSession) -> None:
    token = called(clerk, "plate", PLATE.text).token
    assert read_call(token, person_id=clerk.pk).plate_text == PLATE.text
    with pytest.raises(Missing):
        read_call(token, person_id=clerk.pk + 1)
    assert PLATE.text not in token


def test_a_caller_hears_of_another_vehicle_of_theirs_masked(
    clerk: User, owner: User, section: Any, stay: ParkingSession, stay_of: Any
) -> None:
    prove(owner, PLATE.text, "blue")
    prove(owner, OTHER_PLATE.text, "blue")
    stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, minutes=30)
    found = found_by(called(clerk, "phone", OWNER_PHONE))
    assert {one.plate["masked"] for one in found.stays} == {True}
    assert found.phone == "139••••5678"
    [mine] = found_by(called(clerk, "plate", PLATE.text)).stays
    assert mine.plate == {"text": PLATE.text, "colour": "blue", "masked": False}


def test_who_names_a_berth_hears_of_no_payment(clerk: User, stay: ParkingSession, pay: Any) -> None:
    pay(stay)
    [row] = found_by(called(clerk, "plate", PLATE.text)).payments
    assert row.order.amount_fen == 1200
    passer_by = found_by(called(clerk, "berth", "A-001"))
    assert (passer_by.payments, passer_by.stays[0].orders) == ([], [])
    assert passer_by.stays[0].plate["masked"] is True


def test_a_caller_who_still_stands_there_hears_what_it_costs_now(
    clerk: User, berth: Berth, stay_of: Any
) -> None:
    stay_of(berth, ago_min=90)
    [row] = found_by(called(clerk, "berth", "A-001")).stays
    assert (row.amount_fen, row.sum_fen, len(row.lines) > 0) == (1200, 1200, True)


# ── Sending a link ───────────────────────────────────────────────────────────────────────────────
def test_only_the_holders_phone_gets_the_whole_bill(
    clerk: User, owner: User, stay: ParkingSession, anonymous: Client
) -> None:
    prove(owner, PLATE.text, "blue")
    call = called(clerk, "plate", PLATE.text)
    assert services.send_stay(call, stay_id=stay.pk, to="", actor=clerk.actor) == "139••••5678"
    assert (
        services.send_stay(call, stay_id=stay.pk, to="137 0000 0001", actor=clerk.actor)
        == "137••••0001"
    )
    (own, whole), (other, amount) = texts()
    assert (own, other) == ("139••••5678", "137••••0001")
    pages = [
        anonymous.get("/s/" + text.partition("/s/")[2]).content.decode() for text in (whole, amount)
    ]
    assert ['id="bill"' in page for page in pages] == [True, False]
    assert audit.trail(stay).filter(action="link sent to a caller").values_list(
        "actor", "reason", "facts"
    )[0] == (clerk.actor, "bill", {"own": True})


def test_a_link_is_sent_once_a_call_and_phone(
    clerk: User, owner: User, stay: ParkingSession
) -> None:
    prove(owner, PLATE.text, "blue")
    call = called(clerk, "plate", PLATE.text)
    for _twice in range(2):
        services.send_stay(call, stay_id=stay.pk, to="", actor=clerk.actor)
    assert len(texts()) == 1
    services.send_stay(
        called(clerk, "plate", PLATE.text), stay_id=stay.pk, to="", actor=clerk.actor
    )
    assert len(texts()) == 2


def test_a_phone_that_nobody_knows_must_be_typed(clerk: User, stay: ParkingSession) -> None:
    call = called(clerk, "plate", PLATE.text)
    for typed in ("", "12"):
        with pytest.raises(Invalid):
            services.send_stay(call, stay_id=stay.pk, to=typed, actor=clerk.actor)
    assert texts() == []


def test_the_link_of_a_payment_goes_to_its_payer_alone(
    clerk: User, owner: User, stay: ParkingSession
) -> None:
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    call = called(clerk, "order", order.number)
    with pytest.raises(Denied):
        services.send_order(call, order_id=order.pk, actor=clerk.actor)
    type(order).objects.filter(pk=order.pk).update(payer_user=owner)
    assert services.send_order(call, order_id=order.pk, actor=clerk.actor) == "139••••5678"
    [(_phone, text)] = texts()
    assert f"/o/{order.token}/" in text


def test_what_was_not_found_can_not_be_acted_upon(
    clerk: User, section: Any, stay: ParkingSession, stay_of: Any
) -> None:
    other = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, minutes=30)
    call = called(clerk, "plate", PLATE.text)
    with pytest.raises(Missing):
        services.send_stay(call, stay_id=other.pk, to=OWNER_PHONE, actor=clerk.actor)
    with pytest.raises(Missing):
        services.take_down(call, stay_id=other.pk, text="x", actor=clerk.actor)
    assert texts() == []


# ── Taking a word down ───────────────────────────────────────────────────────────────────────────
def test_a_word_is_kept_with_its_stay_and_read_by_who_works_on_it_next(
    clerk: User, stay: ParkingSession, merchant_client: Client, operator_client: Client
) -> None:
    call = called(clerk, "plate", PLATE.text)
    for _twice in range(2):
        services.take_down(call, stay_id=stay.pk, text=" The meter was off. ", actor=clerk.actor)
    note = CallNote.objects.get()
    assert said(note) == [("taken down", clerk.actor, "bill", {"objection": False})]
    assert [(one["text"], one["by"]) for one in staff_notes([("parking.stay", stay.pk)])] == [
        ("The meter was off.", "clerk")
    ]
    page = merchant_client.get(reverse("parking.merchant_stay", args=[stay.pk]))
    assert "The meter was off." in page.content.decode()
    desk = operator_client.get(reverse("admin:parking_parkingsession_change", args=[stay.pk]))
    assert "The meter was off." in desk.content.decode()
    assert Dispute.objects.count() == 0


def test_an_objection_by_phone_holds_the_debt_and_is_answered_to_the_callers_phone(
    clerk: User, owner: User, holder: User, debt: Debt
) -> None:
    call = called(clerk, "phone", OWNER_PHONE, "object")
    note = services.take_down(
        call, stay_id=debt.stay_id, text="I was abroad.", objection="not_mine", actor=clerk.actor
    )
    debt.refresh_from_db()
    assert debt.state == Debt.State.DISPUTED
    dispute = Dispute.objects.get()
    assert note.dispute == dispute
    assert (dispute.reason, dispute.text, dispute.user) == ("not_mine", "I was abroad.", owner)
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="It is yours.", actor=clerk.actor
    )
    dispute.refresh_from_db()
    assert dispute.tell_at is not None


def test_who_names_a_berth_alone_objects_to_nothing_and_leaves_a_word(
    clerk: User, stay: ParkingSession
) -> None:
    call = called(clerk, "berth", "A-001")
    with pytest.raises(Denied):
        services.take_down(call, stay_id=stay.pk, text="x", objection="not_mine", actor=clerk.actor)
    assert (Dispute.objects.count(), CallNote.objects.count()) == (0, 0)
    services.take_down(call, stay_id=stay.pk, text="A lorry stands across.", actor=clerk.actor)
    assert CallNote.objects.get().stay_id == stay.pk


def test_a_word_about_a_payment_stands_on_its_page(
    clerk: User, stay: ParkingSession, operator_client: Client
) -> None:
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    call = called(clerk, "order", order.number)
    services.take_down(call, order_id=order.pk, text="Paid twice, they say.", actor=clerk.actor)
    page = operator_client.get(reverse("admin:payments_order_change", args=[order.pk]))
    assert "Paid twice, they say." in page.content.decode()


@pytest.mark.parametrize("things", [{}, {"stay_id": 1, "order_id": 1}])
def test_a_word_is_about_one_thing(clerk: User, stay: ParkingSession, things: Any) -> None:
    call = called(clerk, "plate", PLATE.text)
    with pytest.raises(Missing):
        services.take_down(call, text="x", actor=clerk.actor, **things)
    with pytest.raises(Invalid):
        services.take_down(call, stay_id=stay.pk, text="  ", actor=clerk.actor)


# ── The pages ────────────────────────────────────────────────────────────────────────────────────
def look_up_on_the_page(client: Client, by: str, what: str) -> Any:
    return client.post(
        reverse("admin:arrears_callnote_answer"),
        {"by": by, "said": what, "why": "bill", "words": ""},
        follow=True,
    )


def test_a_clerk_looks_up_reads_the_bill_sends_the_link_and_takes_a_word_down(
    clerk: User, owner: User, stay: ParkingSession
) -> None:
    prove(owner, PLATE.text, "blue")
    client = logged_in(clerk)
    page = look_up_on_the_page(client, "phone", OWNER_PHONE)
    text = page.content.decode()
    assert "¥12.00" in text
    assert PLATE.text[2:] not in text
    assert OWNER_PHONE not in text
    address = page.redirect_chain[-1][0]
    client.post(address, {"do": "send", "stay": stay.pk, "to": ""})
    assert [phone for phone, _text in texts()] == ["139••••5678"]
    answer = client.post(
        address, {"do": "note", "stay": stay.pk, "text": "Calls back."}, follow=True
    )
    assert "Calls back." in answer.content.decode()


def test_what_nobody_knows_is_said_and_noted(clerk: User) -> None:
    page = look_up_on_the_page(logged_in(clerk), "phone", STRANGER_PHONE)
    assert page.redirect_chain == []
    assert 'class="error"' in page.content.decode()
    assert [one[3]["found"] for one in said(clerk)] == [False]


def test_something_else_needs_words(clerk: User, stay: ParkingSession) -> None:
    client = logged_in(clerk)
    given = {"by": "plate", "said": PLATE.text, "why": "other", "words": ""}
    assert client.post(reverse("admin:arrears_callnote_answer"), given).status_code == 200
    assert said(clerk) == []


def test_whole_plates_need_their_right_and_stand_in_the_trail(
    clerk: User, owner: User, stay: ParkingSession
) -> None:
    prove(owner, PLATE.text, "blue")
    call = called(clerk, "phone", OWNER_PHONE)
    whole = reverse("admin:arrears_callnote_whole", args=[call.token])
    assert logged_in(clerk).post(whole).status_code == 403
    higher = with_rights("higher", "arrears.view_callnote", ANSWER, "arrears.reveal_callnote")
    call = called(higher, "phone", OWNER_PHONE)
    shown = services.show_plates(call, person=higher)
    assert found_by(shown).stays[0].plate["masked"] is False
    assert said(higher)[-1] == (
        "plates seen whole",
        higher.actor,
        "bill",
        {"list": "arrears.callnote"},
    )


def test_who_may_only_look_answers_no_call(stay: ParkingSession) -> None:
    client = logged_in(with_rights("onlooker", "arrears.view_callnote"))
    assert client.get(reverse("admin:arrears_callnote_answer")).status_code == 403
    assert client.get(reverse("admin:arrears_callnote_changelist")).status_code == 200
