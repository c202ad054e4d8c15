"""What weighs too much for one person waits for another, by whichever door it was asked."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.acting import limit_of
from accounts.errors import (
    AwaitsSecondPerson,
    OtherProposal,
    OwnProposal,
    ProposalAnswered,
    ProposalGrown,
)
from accounts.models import ActLimit, Merchant, Proposal, User
from accounts.states import ProposalState
from arrears import services as arrears
from arrears.models import Debt, Dispute, ListingRule
from core import audit
from core.errors import Denied, Missing
from core.models import AuditEntry
from parking import services as parking
from parking.models import Berth, ParkingSession
from payments import selectors as payments
from payments import services as payment_services
from payments.models import Refund
from recovery.models import LockTerms
from tests.arrears.conftest import debt, pass_time  # noqa: F401
from tests.people import logged_in, staff, with_rights
from tests.street import PLATE
from tests.waiting import until_others_wait

LIMIT = 500  # fen: above it another person
SINCE: Any = {"valid_from": "2026-01-01T00:00Z"}
VOIDS = ["parking.view_parkingsession", "parking.void_parkingsession"]
AGREES = ["accounts.view_proposal", "accounts.approve_proposal"]


@pytest.fixture
def limit(db: None) -> ActLimit:
    return ActLimit.objects.create(
        each_fen=LIMIT,
        day_fen=3 * LIMIT,
        why="test",
        said_by="test",
        valid_from="2026-01-01T00:00Z",
    )


@pytest.fixture
def manager(merchant: Merchant) -> User:
    return staff(merchant, "manager")


@pytest.fixture
def stay(berth: Berth, stay_of: Callable[..., ParkingSession], limit: ActLimit) -> ParkingSession:
    """Left unpaid; it costs more than one person may write off."""
    row = stay_of(berth, PLATE, minutes=90)
    assert row.due_fen > LIMIT
    return row


def asked(by: User) -> Proposal:
    return Proposal.objects.get(asked_by=by.actor, state=ProposalState.ASKED)


def state_of(stay: ParkingSession) -> str:
    return str(ParkingSession.objects.values_list("state", flat=True).get(pk=stay.pk))


def void(by: User, stay: ParkingSession, reason: str = "a mistake") -> None:
    parking.void_stay(stay_id=stay.pk, actor=by.actor, reason=reason)


# ── The limit ────────────────────────────────────────────────────────────────────────────────────
def test_above_the_limit_nothing_is_done_until_another_person_agrees(
    stay: ParkingSession, manager: User, merchant_user: User
):
    with pytest.raises(AwaitsSecondPerson) as waits:
        void(manager, stay)
    assert state_of(stay) == "due"
    row = asked(manager)
    assert (row.act, row.amount_fen, row.subject_id) == ("parking.void_stay", stay.due_fen, stay.pk)
    assert str(row.pk) in waits.value.message

    done = services.approve_proposal(proposal_id=row.pk, person=merchant_user)
    assert (done.state, state_of(stay)) == ("done", "void")
    said = [(one.actor, one.action, one.to_state) for one in audit.trail(row)]
    assert said == [(manager.actor, "proposed", ""), (merchant_user.actor, "moved", "done")]
    moved = AuditEntry.objects.get(subject_id=stay.pk, to_state="void")
    assert moved.actor == manager.actor


@pytest.mark.parametrize(("over", "waits"), [(-1, True), (0, False), (1, False)])
def test_the_limit_itself_is_still_one_persons(
    stay: ParkingSession, manager: User, over: int, waits: bool
):
    ActLimit.objects.create(
        each_fen=stay.due_fen + over, day_fen=stay.due_fen + over, why="", said_by="", **SINCE
    )
    if waits:
        with pytest.raises(AwaitsSecondPerson):
            void(manager, stay)
    else:
        void(manager, stay)
    assert state_of(stay) == ("due" if waits else "void")


def test_many_small_ones_of_a_day_are_one_great_one(
    stay_of: Callable[..., ParkingSession], berth: Berth, manager: User, clock: Any
):
    one = stay_of(berth, PLATE, minutes=60)
    ActLimit.objects.create(
        each_fen=one.due_fen, day_fen=2 * one.due_fen, why="", said_by="", **SINCE
    )
    void(manager, one)
    clock.advance(timedelta(minutes=5))
    void(manager, stay_of(berth, PLATE, minutes=60))
    clock.advance(timedelta(minutes=5))
    third = stay_of(berth, PLATE, minutes=60)
    with pytest.raises(AwaitsSecondPerson):
        void(manager, third)
    assert state_of(third) == "due"
    services.withdraw_proposal(proposal_id=asked(manager).pk, person=manager)
    clock.advance(timedelta(days=1))
    void(manager, third)
    assert state_of(third) == "void"


def test_a_merchant_has_its_own_limit_and_others_the_general_one(
    merchant: Merchant, other_merchant: Merchant, limit: ActLimit
):
    assert limit_of(merchant.pk).each_fen == limit_of(None).each_fen == LIMIT
    ActLimit.objects.create(merchant=merchant, each_fen=1, day_fen=1, why="", said_by="", **SINCE)
    assert limit_of(merchant.pk).each_fen == 1
    assert limit_of(other_merchant.pk).each_fen == LIMIT
    ActLimit.objects.all().delete()
    assert limit_of(merchant.pk).each_fen == ActLimit.EACH_FEN


def test_machines_are_not_weighed(stay: ParkingSession):
    parking.void_stay(stay_id=stay.pk, actor="system:tests", reason="a test")
    assert state_of(stay) == "void"
    assert not Proposal.objects.exists()


# ── Who agrees ───────────────────────────────────────────────────────────────────────────────────
def test_nobody_agrees_to_their_own_nor_who_lacks_the_right(
    stay: ParkingSession,
    manager: User,
    cashier: User,
    other_merchant_user: User,
    operator: User,
    owner: User,
):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    row = asked(manager)
    with pytest.raises(OwnProposal):
        services.approve_proposal(proposal_id=row.pk, person=manager)
    lacking = [
        cashier,
        other_merchant_user,
        owner,
        with_rights("looks", *VOIDS),
        with_rights("agrees", *AGREES),
    ]
    for person in lacking:
        for answer in (
            lambda who: services.approve_proposal(proposal_id=row.pk, person=who),
            lambda who: services.refuse_proposal(proposal_id=row.pk, person=who, answer="no"),
        ):
            with pytest.raises(Denied):
                answer(person)
    assert state_of(stay) == "due"
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=row.pk).update(state="done", decided_by=manager.actor)

    second = with_rights("second", *AGREES, *VOIDS)
    services.approve_proposal(proposal_id=row.pk, person=second)
    assert state_of(stay) == "void"


def test_somebody_inactive_agrees_to_nothing(stay: ParkingSession, manager: User, operator: User):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    operator.is_active = False
    operator.save()
    with pytest.raises(Denied):
        services.approve_proposal(proposal_id=asked(manager).pk, person=operator)


def test_a_refusal_says_why_and_is_told_to_who_proposed_it_once(
    stay: ParkingSession, manager: User, merchant_user: User
):
    client = logged_in(manager)
    page = client.post(
        reverse("parking.merchant_stay", args=[stay.pk]),
        {"do": "void", "void-reason": "a mistake"},
        follow=True,
    ).content.decode()
    row = asked(manager)
    assert f"提议 {row.pk}" in page
    services.refuse_proposal(proposal_id=row.pk, person=merchant_user, answer="It stood there.")
    assert state_of(stay) == "due"
    street = client.get(reverse("parking.street")).content.decode()
    assert "It stood there." in street
    assert "It stood there." not in client.get(reverse("parking.street")).content.decode()


# ── Twice, late, never ───────────────────────────────────────────────────────────────────────────
def test_asked_twice_it_waits_once_and_otherwise_anew(
    stay: ParkingSession, manager: User, merchant_user: User
):
    for _ in range(2):
        with pytest.raises(AwaitsSecondPerson):
            void(manager, stay)
    first = asked(manager)
    with pytest.raises(OtherProposal):
        void(merchant_user, stay, reason="another reason")
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay, reason="better said")
    first.refresh_from_db()
    assert first.state == "withdrawn"
    assert asked(manager).reason == "better said"
    services.approve_proposal(proposal_id=asked(manager).pk, person=merchant_user)
    with pytest.raises(ProposalAnswered):
        services.approve_proposal(proposal_id=first.pk, person=merchant_user)


def test_nobody_answers_and_it_is_over(
    stay: ParkingSession, manager: User, merchant_user: User, clock: Any
):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    row = asked(manager)
    clock.advance(timedelta(days=7))
    with pytest.raises(ProposalAnswered):
        services.approve_proposal(proposal_id=row.pk, person=merchant_user)
    assert services.expire_proposals() == 1
    assert services.expire_proposals() == 0
    [told] = services.tell_answers_to(manager)
    assert (told.state, state_of(stay)) == ("expired", "due")


def test_what_grew_meanwhile_is_proposed_anew(
    stay_of: Callable[..., ParkingSession],
    berth: Berth,
    manager: User,
    merchant_user: User,
    limit: ActLimit,
    clock: Any,
):
    parked = stay_of(berth, PLATE, ago_min=90)
    with pytest.raises(AwaitsSecondPerson):
        void(manager, parked)
    clock.advance(timedelta(hours=3))
    with pytest.raises(ProposalGrown):
        services.approve_proposal(proposal_id=asked(manager).pk, person=merchant_user)
    assert (state_of(parked), asked(manager).state) == ("parked", "asked")


def test_what_cannot_be_done_any_more_fails_and_says_so(
    stay: ParkingSession, manager: User, merchant_user: User
):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    row = asked(manager)
    parking.void_stay(stay_id=stay.pk, actor="system:tests", reason="meanwhile")
    done = services.approve_proposal(proposal_id=row.pk, person=merchant_user)
    assert done.state == "failed"
    assert done.answer
    assert AuditEntry.objects.filter(subject_id=stay.pk, to_state="void").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_agree_at_once_one_does_it(
    stay: ParkingSession, manager: User, merchant_user: User, operator: User
):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    pk, came = asked(manager).pk, []

    def agree(person: User) -> None:
        try:
            came.append(services.approve_proposal(proposal_id=pk, person=person).state)
        except ProposalAnswered:
            came.append("late")
        finally:
            connection.close()

    with transaction.atomic():  # both wait here, and go on together
        Proposal.objects.select_for_update().get(pk=pk)
        both = [Thread(target=agree, args=[one]) for one in (merchant_user, operator)]
        for one in both:
            one.start()
        until_others_wait(2)
    for one in both:
        one.join()
    assert sorted(came) == ["done", "late"]
    assert AuditEntry.objects.filter(subject_id=stay.pk, to_state="void").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_acts_of_one_person_at_once_do_not_both_find_the_day_empty(
    stay_of: Callable[..., ParkingSession], berth: Berth, manager: User, clock: Any
):
    first = stay_of(berth, PLATE, minutes=60)
    clock.advance(timedelta(minutes=90))
    second = stay_of(berth, PLATE, minutes=60)
    ActLimit.objects.create(
        each_fen=first.due_fen, day_fen=first.due_fen, why="", said_by="", **SINCE
    )
    came = []

    def act(row: ParkingSession) -> None:
        try:
            void(manager, row)
            came.append("alone")
        except AwaitsSecondPerson:
            came.append("waits")
        finally:
            connection.close()

    with transaction.atomic():
        Berth.objects.select_for_update().get(pk=berth.pk)
        both = [Thread(target=act, args=[one]) for one in (first, second)]
        for one in both:
            one.start()
        until_others_wait(2)
    for one in both:
        one.join()
    assert sorted(came) == ["alone", "waits"]


# ── Every door ───────────────────────────────────────────────────────────────────────────────────
def test_who_takes_cash_and_cancels_does_not_hand_it_back_alone(
    stay: ParkingSession, manager: User, merchant_user: User, run_reactions: Callable[[], int]
):
    order = payment_services.open_order(items=[("parking.stay", stay.pk)], actor=manager.actor)
    client = logged_in(manager)
    client.post(reverse("payments.take_cash", args=[order.number]))
    assert state_of(stay) == "settled"
    address = reverse("parking.merchant_stay", args=[stay.pk])
    client.post(address, {"do": "void", "void-reason": "a mistake"})
    run_reactions()
    assert (state_of(stay), Refund.objects.count()) == ("settled", 0)

    services.approve_proposal(proposal_id=asked(manager).pk, person=merchant_user)
    run_reactions()
    [refund] = payments.cash_to_hand_back(stay.merchant_id)
    client.post(reverse("payments.hand_back", args=[refund.pk]))
    refund.refresh_from_db()
    assert (refund.state, asked(manager).act) == ("asked", "payments.hand_back")
    logged_in(merchant_user).post(reverse("payments.hand_back", args=[refund.pk]))
    refund.refresh_from_db()
    assert refund.state == "done"  # another person hands it back


@pytest.mark.parametrize("door", ["portal", "interface", "interface with a key", "desk"])
def test_each_door_to_a_void_has_the_limit(
    stay: ParkingSession, manager: User, limit: ActLimit, door: str
):
    clerk = with_rights("clerk", *VOIDS)
    interface = reverse("parking.api_void", args=[stay.pk])
    by, ask = {
        "portal": (
            manager,
            lambda c: c.post(
                reverse("parking.merchant_stay", args=[stay.pk]),
                {"do": "void", "void-reason": "why"},
            ),
        ),
        "interface": (manager, lambda c: c.post(interface, {"reason": "why"})),
        "interface with a key": (
            manager,
            lambda c: c.post(interface, {"reason": "why"}, headers={"Idempotency-Key": "k"}),
        ),
        "desk": (
            clerk,
            lambda c: c.post(
                reverse("admin:parking_parkingsession_cancel_stay", args=[stay.pk]),
                {"reason": "why"},
            ),
        ),
    }[door]
    for _ in range(2):
        answer = ask(logged_in(by))
        assert answer.status_code == (202 if "interface" in door else 302)
        assert state_of(stay) == "due"
    assert asked(by).reason == "why"


def test_each_door_to_a_waiver_has_the_limit(
    debt: Debt,  # noqa: F811
    manager: User,
    limit: ActLimit,
):
    client = logged_in(manager)
    client.post(reverse("arrears.waive", args=[debt.pk]), {"reason": "hardship"})
    key = {"Idempotency-Key": "once"}
    for headers in ({}, key, key):
        answer = client.post(
            f"/api/v1/arrears/debts/{debt.pk}/waive/", {"reason": "hardship"}, headers=headers
        )
        assert answer.status_code == 202
        assert answer.json()["code"] == "awaits_second_person"
        assert answer.json()["facts"]["proposal"] == asked(manager).pk
    debt.refresh_from_db()
    assert debt.state == "open"


def test_upholding_an_objection_has_the_limit_and_letting_the_fee_stand_none(
    debt: Debt,  # noqa: F811
    merchant_user: User,
    manager: User,
    limit: ActLimit,
):
    [dispute] = arrears.object(debt_ids=[debt.pk], reason="amount", text="no", actor="owner")
    clerk = with_rights("clerk", "arrears.view_dispute", "arrears.decide_dispute")
    Dispute.objects.update(answer="You are right.")
    desk = logged_in(clerk)
    address = reverse("admin:arrears_dispute_changelist")
    desk.post(address, {"action": "uphold", "_selected_action": [dispute.pk]})
    dispute.refresh_from_db()
    assert (dispute.state, asked(clerk).act) == ("open", "arrears.settle_dispute")
    services.withdraw_proposal(proposal_id=asked(clerk).pk, person=clerk)
    desk.post(address, {"action": "reject", "_selected_action": [dispute.pk]})
    dispute.refresh_from_db()
    assert dispute.state == "rejected"


def test_rules_that_others_rely_on_are_never_one_persons_word(operator: User, merchant: Merchant):
    other = User.objects.create_superuser(username="other", password="a long password here")
    desk = logged_in(operator)
    desk.post(
        reverse("admin:arrears_listingrule_add"),
        {"amount_fen": "1", "count": "1", "age_days": "0", "why": "stricter"},
    )
    desk.post(
        reverse("admin:recovery_lockterms_add"), {"merchant": merchant.pk, "floor_fen": "0.01"}
    )
    desk.post(
        reverse("admin:accounts_actlimit_add"),
        {"each_fen": "99999", "day_fen": "99999", "why": "handier"},
    )
    assert not ListingRule.objects.exists()
    assert not LockTerms.objects.exists()
    assert not ActLimit.objects.exists()
    waiting = Proposal.objects.filter(state="asked").order_by("pk")
    acts = ["arrears.say_rule", "recovery.set_terms", "accounts.set_limit"]
    assert [row.act for row in waiting] == acts
    page = logged_in(other).get(reverse("admin:accounts_proposal_changelist")).content.decode()
    assert merchant.name in page
    logged_in(other).post(
        reverse("admin:accounts_proposal_changelist"),
        {"action": "approve", "_selected_action": [row.pk for row in waiting]},
    )
    assert ListingRule.objects.get().amount_fen == 100
    assert LockTerms.objects.get().floor_fen == 1
    assert ActLimit.objects.get().each_fen == 9_999_900


def test_who_is_alone_on_the_desk_says_rules_alone_and_that_is_written_down(operator: User):
    logged_in(operator).post(
        reverse("admin:arrears_listingrule_add"),
        {"amount_fen": "1", "count": "1", "age_days": "0", "why": "stricter"},
    )
    assert ListingRule.objects.get().said_by == operator.actor
    entry = AuditEntry.objects.get(subject="accounts.proposal")
    assert (entry.action, entry.reason) == ("alone", "nobody else could agree")


# ── The pages and the interface ──────────────────────────────────────────────────────────────────
def test_a_colleague_sees_it_on_the_street_and_agrees_on_the_page(
    stay: ParkingSession, manager: User, merchant_user: User, cashier: User
):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    row = asked(manager)
    page = reverse("accounts.proposals")
    assert page in logged_in(merchant_user).get(reverse("parking.street")).content.decode()
    address = reverse("accounts.answer_proposal", args=[row.pk])
    for person in (cashier, manager):
        logged_in(person).post(address, {"do": "approve"})
        assert state_of(stay) == "due"
    assert address not in logged_in(cashier).get(page).content.decode()
    client = logged_in(merchant_user)
    shown = client.get(page).content.decode()
    assert address in shown
    about = reverse("parking.merchant_stay", args=[stay.pk])
    assert about in shown and client.get(about).status_code == 200  # what it is about can be seen
    client.post(address, {"do": "approve"})
    assert state_of(stay) == "void"


def test_anothers_proposals_are_not_there(
    stay: ParkingSession, manager: User, other_merchant_user: User, owner: User, anonymous: Client
):
    with pytest.raises(AwaitsSecondPerson):
        void(manager, stay)
    row = asked(manager)
    for deed in ("approve", "refuse", "withdraw"):
        address = f"/api/v1/accounts/proposals/{row.pk}/{deed}/"
        for person in (other_merchant_user, owner):
            assert logged_in(person).post(address, {"reason": "x"}).status_code == 404
        assert anonymous.post(address).status_code == 401
    listed = "/api/v1/accounts/proposals/"
    assert logged_in(other_merchant_user).get(listed).json()["count"] == 0
    assert logged_in(manager).get(listed).json()["results"][0]["amount_fen"] == stay.due_fen
    with pytest.raises(Missing):
        services.withdraw_proposal(proposal_id=row.pk, person=other_merchant_user)
    assert logged_in(manager).post(f"{listed}{row.pk}/withdraw/").json()["state"] == "withdrawn"


def test_a_payment_is_moved_on_the_desk_and_over_the_interface(
    stay_of: Callable[..., ParkingSession],
    berth: Berth,
    manager: User,
    limit: ActLimit,
    clock: Any,
    run_reactions: Callable[[], int],
):
    ActLimit.objects.create(each_fen=10_000, day_fen=10_000, why="", said_by="", **SINCE)
    rights = ["parking.view_parkingsession", "parking.move_parkingsession"]
    for door in ("desk", "interface"):
        clock.advance(timedelta(minutes=10))
        row = stay_of(berth, PLATE, minutes=60)
        order = payment_services.open_order(items=[("parking.stay", row.pk)], actor="owner")
        payment_services.pay_at_counter(order.pk, manager.actor)
        payment = row.payments.latest("pk")
        if door == "desk":
            clerk = with_rights("clerk", *rights)
            address = reverse("admin:parking_parkingsession_move_payment", args=[row.pk])
            page = logged_in(clerk).get(address).content.decode()
            assert order.number in page
            logged_in(clerk).post(address, {"payment": payment.pk, "reason": "wrong berth"})
        else:
            address = reverse("parking.api_move", args=[row.pk])
            body = {"order": order.number, "reason": "wrong berth"}
            assert logged_in(staff(berth.section.merchant, "owner")).post(address, body)
        payment.refresh_from_db()
        assert payment.kept_fen == 0
        assert state_of(row) == "due"
