"""A listed vehicle is seen: its terminal is told, and untold when it changes (P3.3, P3.4)."""

from datetime import timedelta
from typing import Any

import pytest

from arrears import messages, services
from arrears.models import Debt, ListingRule, RecoveryNotice
from core.errors import Missing
from core.plates import Colour, Plate
from devices.models import Command
from devices.rules import protocol
from parking import services as parking
from parking.models import Berth
from tests.people import logged_in
from tests.street import OTHER_PLATE, PLATE, TEST, left_after


@pytest.fixture
def listed(holder: Any, debt: Debt, pass_time: Any) -> Debt:
    pass_time(hours=73)
    debt.refresh_from_db()
    return debt


@pytest.fixture
def handheld(merchant: Any, enrolled: Any) -> int:
    number: int = enrolled("H-1", "handheld", merchant)
    return number


def settle(sighting: Any, plate: Plate = PLATE, confidence: float = 1.0) -> None:
    parking.settle_plate(
        sighting_id=sighting.pk, plate=plate, by=TEST, why="test", confidence=confidence
    )


def shown(device_id: int) -> list[Command]:
    return list(Command.objects.filter(device_id=device_id, action="ShowNotice"))


def test_the_handheld_that_saw_the_vehicle_is_told_at_once(
    listed: Debt, handheld: int, merchant: Any, seen: Any, run_reactions: Any
) -> None:
    settle(seen(handheld, merchant))
    run_reactions()
    notice = RecoveryNotice.objects.get()
    command = shown(handheld)[0]  # P3.4: queued for that terminal's own socket
    assert command.payload["notice_id"] == notice.pk
    assert command.payload["amount_fen"] == 1200
    assert command.payload["plate"] == "沪A·12345"
    assert len(command.payload["lines"]) == 1
    assert notice.state == "sent"


def test_an_attendant_reads_the_plate_of_a_notice_while_it_is_on_its_way(
    listed: Debt,
    handheld: int,
    merchant: Any,
    seen: Any,
    run_reactions: Any,
    attendant: Any,
    cashier: Any,
) -> None:
    settle(seen(handheld, merchant))
    run_reactions()

    def told(user: Any) -> str:
        page = logged_in(user).get("/merchant/debts/").content.decode()
        return page.partition('id="notices"')[2]

    assert ">12345<" in told(attendant)
    notice = RecoveryNotice.objects.get()
    services.take_outcome(notice_id=notice.pk, device_id=handheld, outcome="gone", actor=TEST)
    assert ">12345<" not in told(attendant)
    assert ">1••45<" in told(attendant)
    assert ">12345<" in told(cashier)


def test_one_notice_a_sighting_however_often_it_is_told(
    listed: Debt, handheld: int, merchant: Any, seen: Any, run_reactions: Any
) -> None:
    sighting = seen(handheld, merchant)
    settle(sighting)
    run_reactions()
    for _again in range(2):
        services.issue_notices(
            sighting_id=sighting.pk,
            device_id=handheld,
            section_id=None,
            merchant_id=merchant.pk,
            plate=PLATE,
            confidence=1.0,
        )
    assert len(shown(handheld)) == 1


def judge(sighting: Any, plate: Plate) -> None:
    item = parking.doubt_plate(sighting_id=sighting.pk, actor="user:8")
    parking.settle_review(
        item_id=item.pk, verdict="plate", plate_text=plate.text, plate_colour="blue", actor="user:7"
    )


def test_a_misread_capture_is_untold_and_the_right_vehicle_is_told_instead(
    listed: Debt, handheld: int, merchant: Any, seen: Any, run_reactions: Any
) -> None:
    sighting = seen(handheld, merchant)
    settle(sighting)
    run_reactions()
    wrong = RecoveryNotice.objects.get()
    judge(sighting, OTHER_PLATE)
    run_reactions()
    wrong.refresh_from_db()
    assert wrong.state == "withdrawn"
    told = list(Command.objects.filter(device_id=handheld).order_by("pk"))
    assert [command.action for command in told] == ["ShowNotice", "WithdrawNotice"]
    judge(sighting, PLATE)  # it was right, after all
    run_reactions()
    assert RecoveryNotice.objects.exclude(pk=wrong.pk).get().state == "sent"
    assert len(shown(handheld)) == 2


def test_a_misread_stay_is_untold_and_whoever_stands_there_is_compared_with_the_list(
    listed: Debt,
    handheld: int,
    section: Any,
    merchant: Any,
    berth: Any,
    seen: Any,
    clock: Any,
    run_reactions: Any,
) -> None:
    stay = parking.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    sighting = seen(handheld, merchant, berth=berth)
    settle(sighting)
    run_reactions()
    for plate in (OTHER_PLATE, PLATE):
        parking.correct_plate(
            stay_id=sighting.stay_id,
            plate_text=plate.text,
            plate_colour="blue",
            actor="user:7",
            why="misread",
        )
        run_reactions()
    rows = RecoveryNotice.objects.order_by("pk")
    assert [row.state for row in rows] == ["withdrawn", "sent"]
    assert stay


@pytest.mark.parametrize(
    ("plate", "confidence"),
    [(PLATE, 0.6), (Plate("沪A12346", Colour.blue), 1.0), (Plate("沪A12345", Colour.yellow), 1.0)],
)
def test_a_doubtful_reading_or_another_plate_accuses_nobody(
    listed: Debt,
    handheld: int,
    merchant: Any,
    seen: Any,
    run_reactions: Any,
    plate: Plate,
    confidence: float,
) -> None:
    settle(seen(handheld, merchant), plate, confidence)
    run_reactions()
    assert not RecoveryNotice.objects.exists()  # P3.3


def test_a_vehicle_in_its_grace_is_not_accused(
    holder: Any, debt: Debt, handheld: int, merchant: Any, seen: Any, run_reactions: Any
) -> None:
    settle(seen(handheld, merchant))
    run_reactions()
    assert not RecoveryNotice.objects.exists()


def test_where_nobody_reads_the_terminal_the_sections_handhelds_are_told(
    listed: Debt,
    section: Any,
    handheld: int,
    merchant: Any,
    enrolled: Any,
    seen: Any,
    stay_of: Any,
    run_reactions: Any,
) -> None:
    camera = enrolled("C-1", "camera", merchant)
    berth = Berth.objects.get(code="A-002")
    parking.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    parking.post_handheld(section_id=section.pk, device_id=handheld, actor=TEST)
    settle(seen(camera, merchant, berth=berth, kind="camera", purpose="arrival"))
    run_reactions()
    assert len(shown(handheld)) == 1
    assert not shown(camera)


def test_without_any_terminal_the_merchant_sees_it(
    listed: Debt, merchant: Any, enrolled: Any, seen: Any, run_reactions: Any
) -> None:
    camera = enrolled("C-1", "camera", merchant)
    berth = Berth.objects.get(code="A-002")
    parking.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    settle(seen(camera, merchant, berth=berth, kind="camera", purpose="arrival"))
    run_reactions()
    assert RecoveryNotice.objects.get().device is None


def test_another_merchants_terminal_is_told_nothing_without_the_laws_consent(
    listed: Debt, other_merchant: Any, enrolled: Any, seen: Any, run_reactions: Any, settings: Any
) -> None:
    theirs = enrolled("H-9", "handheld", other_merchant)
    settle(seen(theirs, other_merchant))
    run_reactions()
    assert not RecoveryNotice.objects.exists()
    settings.BOWEI_SHARE_LISTINGS = True
    settle(seen(theirs, other_merchant, seed=2))
    run_reactions()
    assert RecoveryNotice.objects.get().amount_fen == 1200


def test_the_payment_withdraws_the_notice_on_the_terminal(
    listed: Debt, handheld: int, merchant: Any, seen: Any, run_reactions: Any, pay: Any
) -> None:
    settle(seen(handheld, merchant))
    run_reactions()
    pay(listed.stay, follow=False)
    assert RecoveryNotice.objects.get().state == "withdrawn"
    withdrawal = Command.objects.get(device_id=handheld, action="WithdrawNotice")
    assert withdrawal.payload["notice_id"] == RecoveryNotice.objects.get().pk
    assert shown(handheld)[0].state == "superseded"  # not shown if it was not yet


def test_a_stale_notice_expires(
    listed: Debt, handheld: int, merchant: Any, seen: Any, pass_time: Any, run_reactions: Any
) -> None:
    settle(seen(handheld, merchant))
    run_reactions()
    pass_time(minutes=16)
    assert RecoveryNotice.objects.get().state == "expired"
    assert shown(handheld)[0].state == "superseded"


def test_the_terminal_reports_what_became_of_it(
    listed: Debt,
    handheld: int,
    merchant: Any,
    seen: Any,
    run_reactions: Any,
    clock: Any,
    enrolled: Any,
) -> None:
    settle(seen(handheld, merchant))
    run_reactions()
    notice = RecoveryNotice.objects.get()

    def say(outcome: str, device_id: int) -> None:
        messages.notice_outcome(
            protocol.NoticeOutcome(notice_id=notice.pk, outcome=outcome, occurred_at_ms=0),
            protocol.Sender(
                device_id=device_id,
                device_code="H-1",
                kind="handheld",
                merchant_id=merchant.pk,
                epoch=1,
                attendant="user:7",
                connection_id=1,
                received_at=clock.now(),
            ),
        )

    say("shown", handheld)
    say("gone", handheld)
    notice.refresh_from_db()
    assert (notice.state, notice.outcome) == ("acknowledged", "gone")
    with pytest.raises(Missing):  # another terminal has no word in it
        say("paid", enrolled("H-2", "handheld", merchant))


def test_the_amount_is_read_when_the_vehicle_is_seen(
    listed: Debt,
    section: Any,
    stay_of: Any,
    handheld: int,
    merchant: Any,
    seen: Any,
    pass_time: Any,
    run_reactions: Any,
    clock: Any,
) -> None:
    stay_of(Berth.objects.get(code="A-002"), minutes=30)
    pass_time(hours=73)
    clock.advance(timedelta(minutes=1))
    settle(seen(handheld, merchant))
    run_reactions()
    assert RecoveryNotice.objects.get().amount_fen == 1800


@pytest.fixture
def told_of_two(
    listed: Debt,
    section: Any,
    stay_of: Any,
    handheld: int,
    merchant: Any,
    seen: Any,
    pass_time: Any,
) -> RecoveryNotice:
    """The handheld shows ¥18 for two stays of the listed vehicle."""
    stay_of(Berth.objects.get(code="A-002"), minutes=30)
    pass_time(hours=73)
    pass_time(hours=73)
    settle(seen(handheld, merchant))
    pass_time(seconds=1)
    notice = RecoveryNotice.objects.get()
    assert notice.amount_fen == 1800
    return notice


def told(device_id: int) -> list[tuple[str, int]]:
    """What a terminal was told, oldest first: what to do, and the sum or the notice's number."""
    rows = Command.objects.filter(device_id=device_id).order_by("pk")
    return [(row.action, row.payload.get("amount_fen", row.payload["notice_id"])) for row in rows]


def test_after_one_of_two_debts_is_paid_the_terminal_shows_what_is_left(
    told_of_two: RecoveryNotice, listed: Debt, handheld: int, pay: Any
) -> None:
    pay(listed.stay, follow=False)  # in the payment's own transaction
    told_of_two.refresh_from_db()
    fresh = RecoveryNotice.objects.get(state="sent")
    assert (told_of_two.state, fresh.amount_fen) == ("withdrawn", 600)
    assert fresh.due_at == told_of_two.due_at
    assert told(handheld) == [
        ("ShowNotice", 1800),
        ("WithdrawNotice", told_of_two.pk),
        ("ShowNotice", 600),
    ]


@pytest.mark.parametrize("way", ["waived", "objected", "corrected"])
def test_so_it_does_when_one_is_waived_objected_to_or_corrected(
    told_of_two: RecoveryNotice, listed: Debt, handheld: int, run_reactions: Any, way: str
) -> None:
    if way == "waived":
        services.waive_debt(debt_id=listed.pk, actor=TEST, reason="goodwill")
    elif way == "objected":
        services.object(debt_ids=[listed.pk], reason="amount", actor="owner")
    else:
        left_after(listed.stay, 60)
        run_reactions()
    told_of_two.refresh_from_db()
    assert told_of_two.state == "withdrawn"
    expected = 1200 if way == "corrected" else 600
    assert RecoveryNotice.objects.exclude(state="withdrawn").get().amount_fen == expected


def test_whoever_has_gone_is_shown_nothing_anew(
    told_of_two: RecoveryNotice, listed: Debt, handheld: int, pay: Any
) -> None:
    services.take_outcome(notice_id=told_of_two.pk, device_id=handheld, outcome="gone", actor=TEST)
    pay(listed.stay)
    assert not RecoveryNotice.objects.exclude(state="withdrawn").exists()


def test_below_the_listing_rule_nothing_is_shown_any_more(
    told_of_two: RecoveryNotice, listed: Debt, merchant: Any, handheld: int, pay: Any
) -> None:
    services.set_rule(ListingRule(amount_fen=1000, count=2, why="now"), actor=TEST)
    pay(listed.stay)
    assert not RecoveryNotice.objects.exclude(state="withdrawn").exists()
    assert told(handheld)[-1] == ("WithdrawNotice", told_of_two.pk)
