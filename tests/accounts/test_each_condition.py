"""Holdings, shares, posts and texts: each condition alone, with another person's beside."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import services
from accounts.errors import AwaitsSecondPerson
from accounts.models import (
    Membership,
    PlateHolding,
    PlateShare,
    SmsMessage,
    SmsReceipt,
    User,
)
from accounts.sms import Receipt
from core import clock as business_clock
from core.errors import Invalid, Missing, Refused, TooMany
from tests.people import OWNER_PHONE, STRANGER_PHONE, TEST, prove, staff
from tests.street import OTHER_PLATE, PLATE
from tests.trail import events, moves, said

WHO = "user:7"


# ── Holdings ─────────────────────────────────────────────────────────────────────────────────
def holding_of(user: User, plate: Any = PLATE) -> PlateHolding:
    return services.claim_plate(user=user, plate_text=plate.text, plate_colour="blue")


def test_a_claim_is_one_for_a_person_and_a_vehicle_until_it_ends(
    clock: Any, owner: User, stranger: User
) -> None:
    mine = holding_of(owner)
    assert (mine.state, mine.claimed_at) == ("claimed", business_clock.now())
    assert holding_of(owner) == mine
    assert len({mine, holding_of(stranger), holding_of(owner, OTHER_PLATE)}) == 3
    services.end_holding(user=owner, holding_id=mine.pk, actor=WHO)
    assert holding_of(owner) != mine


@pytest.mark.parametrize("state", ["proven", "ended"])
def test_a_licence_is_for_a_claim_that_is_not_decided(
    clock: Any, owner: User, stranger: User, state: str
) -> None:
    mine = holding_of(owner)
    with pytest.raises(Missing):
        services.show_licence(user=stranger, holding_id=mine.pk, photograph=b"x", actor=WHO)
    with pytest.raises(Invalid):
        services.show_licence(user=owner, holding_id=mine.pk, photograph=b"", actor=WHO)
    from core import images
    from tests.street import photograph

    PlateHolding.objects.update(
        state=state, proven_at=business_clock.now() if state == "proven" else None
    )
    shown = images.load(photograph(3))
    with pytest.raises(Refused):
        services.show_licence(user=owner, holding_id=mine.pk, photograph=shown, actor=WHO)
    mine.refresh_from_db()
    assert mine.evidence == ""
    assert said(mine) == []


def test_showing_a_vehicle_ends_the_former_holders_alone_with_what_they_shared(
    clock: Any, owner: User, stranger: User
) -> None:
    former, other = prove(owner, PLATE.text, "blue"), prove(owner, OTHER_PLATE.text, "blue")
    colour = prove(owner, PLATE.text, "yellow")
    shares = [
        services.share_plate(user=owner, holding_id=one.pk, phone="13700000009", actor=TEST)
        for one in (former, other)
    ]
    mine = services.prove_holding(
        user=stranger,
        plate_text=PLATE.text,
        plate_colour="blue",
        method="licence seen",
        evidence="e",
        actor=WHO,
    )
    assert (mine.state, mine.method, mine.evidence) == ("proven", "licence seen", "e")
    assert mine.proven_at == business_clock.now()
    states = [PlateHolding.objects.get(pk=one.pk).state for one in (former, other, colour)]
    assert states == ["ended", "proven", "proven"]
    assert [PlateShare.objects.get(pk=one.pk).state for one in shares] == ["ended", "running"]
    former.refresh_from_db()
    assert former.ended_at == business_clock.now()
    assert moves(former)[-1] == ("proven", "ended", WHO, "new holder")
    told = [{"holding_id": former.pk, "user_id": owner.pk}]
    assert events("accounts.holding_ended") == told
    again = events("accounts.holding_proven")
    assert prove(stranger, PLATE.text, "blue") == mine
    assert events("accounts.holding_proven") == again


def test_a_holding_is_ended_by_its_holder_once(clock: Any, owner: User, stranger: User) -> None:
    mine = prove(owner, PLATE.text, "blue")
    with pytest.raises(Missing):
        services.end_holding(user=stranger, holding_id=mine.pk, actor=WHO)
    found = [services.end_holding(user=owner, holding_id=mine.pk, actor=WHO) for _twice in range(2)]
    assert found == [True, False]
    assert moves(mine)[-1] == ("proven", "ended", WHO, "said by the holder")


@pytest.mark.parametrize("claim", [True, False])
@pytest.mark.parametrize(("late_s", "ends"), [(0, True), (1, False)])
def test_who_said_or_showed_it_by_then_holds_a_sold_vehicle_no_more(
    clock: Any, owner: User, stranger: User, claim: bool, late_s: int, ends: bool
) -> None:
    before = business_clock.now()
    business_clock.advance(timedelta(seconds=late_s))
    mine = holding_of(owner) if claim else prove(owner, PLATE.text, "blue")
    others = [holding_of(stranger), holding_of(owner, OTHER_PLATE)]
    assert services.end_sold(plate=PLATE, user_ids=[owner.pk], before=before, actor=WHO) is ends
    mine.refresh_from_db()
    assert (mine.state == "ended") is ends
    for other in others:
        other.refresh_from_db()
        assert other.state == "claimed"


# ── Shares ───────────────────────────────────────────────────────────────────────────────────
def test_five_people_at_a_time_share_a_plate(clock: Any, owner: User) -> None:
    mine, other = prove(owner, PLATE.text, "blue"), prove(owner, OTHER_PLATE.text, "blue")

    def share(number: int, holding: PlateHolding = mine) -> PlateShare:
        return services.share_plate(
            user=owner, holding_id=holding.pk, phone=f"1370000010{number}", actor=WHO
        )

    shares = [share(number) for number in range(5)]
    assert share(0) == shares[0]
    with pytest.raises(TooMany):
        share(5)
    assert share(5, other).since == business_clock.now()
    assert services.end_share(user=owner, share_id=shares[0].pk, actor=WHO)
    assert share(5).holding == mine


def test_a_share_is_ended_by_either_of_the_two_and_nobody_else(
    clock: Any, owner: User, stranger: User, merchant_user: User
) -> None:
    mine = prove(owner, PLATE.text, "blue")
    for who in (owner, stranger):
        share = services.share_plate(
            user=owner, holding_id=mine.pk, phone=STRANGER_PHONE, actor=TEST
        )
        with pytest.raises(Missing):
            services.end_share(user=merchant_user, share_id=share.pk, actor=WHO)
        found = [services.end_share(user=who, share_id=share.pk, actor=WHO) for _twice in range(2)]
        assert found == [True, False]


@pytest.mark.parametrize("state", ["claimed", "ended"])
def test_what_is_not_shown_is_not_shared(
    clock: Any, owner: User, stranger: User, state: str
) -> None:
    mine = holding_of(owner)
    PlateHolding.objects.update(state=state)
    with pytest.raises(Missing):
        services.share_plate(user=owner, holding_id=mine.pk, phone=STRANGER_PHONE, actor=WHO)
    theirs = prove(stranger, OTHER_PLATE.text, "blue")
    with pytest.raises(Missing):
        services.share_plate(user=owner, holding_id=theirs.pk, phone=STRANGER_PHONE, actor=WHO)


# ── Posts ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        (None, "cashier", True),
        ("cashier", "manager", True),
        ("manager", "cashier", False),
        ("cashier", None, False),
    ],
)
def test_to_give_a_role_needs_two_and_to_take_one_away_does_not(
    merchant: Any,
    other_merchant: Any,
    operator: User,
    before: str | None,
    after: str | None,
    waits: bool,
) -> None:
    User.objects.create_superuser(username="second", password="x")
    person = staff(other_merchant, "owner")
    if before:
        Membership.objects.create(user=person, merchant=merchant, role=before)
    post: dict[str, Any] = {"user_id": person.pk, "merchant_id": merchant.pk}
    if waits:
        with pytest.raises(AwaitsSecondPerson):
            services.appoint(**post, before=before, after=after, actor=operator.actor)
    else:
        services.appoint(**post, before=before, after=after, actor=operator.actor)
    here = Membership.objects.filter(user=person, merchant=merchant)
    assert [row.role for row in here] == [one for one in [before if waits else after] if one]
    assert Membership.objects.get(user=person, merchant=other_merchant).role == "owner"


def test_a_role_that_was_changed_meanwhile_is_left_alone(merchant: Any, cashier: User) -> None:
    for before in (None, "manager"):
        with pytest.raises(Refused):
            services.appoint(
                user_id=cashier.pk, merchant_id=merchant.pk, before=before, after=None, actor=TEST
            )
    assert Membership.objects.get(user=cashier).role == "cashier"


# ── Texts ────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def sent(owner: User, clock: Any) -> SmsMessage:
    row = services.send_sms(
        phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key="one"
    )
    SmsMessage.objects.update(template="receipt")
    assert services.sms_sent(row.pk, provider_id="b1")
    row.refresh_from_db()
    assert (row.state, row.provider_id, row.sent_at) == ("sent", "b1", business_clock.now())
    return row


def test_a_log_in_code_is_asked_after_by_nobody(sent: SmsMessage) -> None:
    assert sent.ask_at is not None
    code = services.send_sms(
        phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key="two"
    )
    services.sms_sent(code.pk, provider_id="b2")
    code.refresh_from_db()
    assert code.ask_at is None


def test_what_a_provider_pushes_is_kept_for_what_we_sent_and_asked_at_once(
    sent: SmsMessage,
) -> None:
    waiting = services.send_sms(
        phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key="two"
    )
    reports: dict[str, dict[str, Any]] = {"one": {"a": 1}, "two": {}, "not ours": {}}
    assert services.keep_pushed(reports) == 1
    kept = SmsReceipt.objects.get()
    assert (kept.message, kept.way, kept.raw) == (sent, SmsReceipt.Way.PUSHED, {"a": 1})
    sent.refresh_from_db()
    waiting.refresh_from_db()
    assert sent.ask_at <= business_clock.real()
    assert (sent.state, waiting.ask_at) == ("sent", None)


@pytest.mark.parametrize(
    ("delivered", "code", "hours", "state", "error"),
    [
        (True, "DELIVERED", 0, "delivered", ""),
        (False, "off", 0, "failed", "off"),
        (False, "", 0, "failed", "not delivered"),
        (None, "", 23, "sent", ""),
        (None, "", 24, "failed", "no receipt"),
    ],
)
def test_a_receipt_says_what_became_of_a_text_and_silence_ends_after_a_day(
    sent: SmsMessage, delivered: bool | None, code: str, hours: int, state: str, error: str
) -> None:
    business_clock.advance(timedelta(hours=hours))
    receipt = Receipt(delivered=delivered, code=code, raw={"x": 1} if code else {})
    services.take_receipt(sent.pk, receipt)
    sent.refresh_from_db()
    assert (sent.state, sent.error) == (state, error)
    assert SmsReceipt.objects.count() == bool(code)


def test_a_wish_for_no_reminders_is_ones_own(owner: User, stranger: User) -> None:
    services.want_reminders(user_id=owner.pk, wanted=False)
    wishes = dict(User.objects.values_list("pk", "sms_opted_out"))
    assert (wishes[owner.pk], wishes[stranger.pk]) == (True, False)
    services.want_reminders(user_id=owner.pk, wanted=True)
    assert not User.objects.filter(sms_opted_out=True).exists()
