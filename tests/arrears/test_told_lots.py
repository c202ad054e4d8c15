"""A lot's own system asks with a vehicle at its barrier: what it is told of debts (P3.3, P3.4)."""

from datetime import timedelta
from typing import Any

import pytest

from arrears.models import BlacklistEntry, Debt, RecoveryNotice
from core import clock as business_clock
from monthlycard import services
from monthlycard.models import LotSystem
from monthlycard.services.lots import Report
from parking.models import ParkingSession
from tests.monthlycard.conftest import lot
from tests.street import PLATE


@pytest.fixture
def listed(holder: Any, debt: Debt, pass_time: Any) -> Debt:
    pass_time(hours=73)
    debt.refresh_from_db()
    return debt


@pytest.fixture
def east(merchant: Any) -> LotSystem:
    """A lot of the merchant who is owed."""
    return lot(merchant, "east", "Alpha")[0]


@pytest.fixture
def west(other_merchant: Any) -> LotSystem:
    """A lot of another one."""
    return lot(other_merchant, "west", "Beta")[0]


def ask(of: LotSystem, number: object = 1, plate: str = PLATE.text, **more: Any) -> Any:
    """What the answer says beside the admission."""
    facts = {"plate_colour": "blue", "at": business_clock.now(), **more}
    answer = services.answer_question(
        lot=of,
        request_id=f"q{number}",
        direction="entry",
        plate_text=plate,
        lots_own=None,
        **facts,
    )
    return answer["notice"]


def passes(of: LotSystem, plate: str, number: int) -> None:
    report = Report(
        record_id=f"p{number}",
        direction="entry",
        flow="temporary",
        reason="no_card",
        plate_text=plate,
        plate_colour="blue",
        etc_plate_text="",
        card_number="",
        passed_at=business_clock.now(),
        count_today=1,
    )
    services.take_passes(lot=of, reports=[report])


def test_a_lot_is_told_what_its_own_merchant_is_owed_as_a_notice_like_any_other(
    listed: Debt, east: LotSystem, merchant: Any, merchant_client: Any
) -> None:
    told = ask(east)
    assert (told["amount_fen"], told["since"]) == (1200, listed.opened_at.isoformat())
    assert "¥12.00" in told["text"]
    notice = RecoveryNotice.objects.get()
    assert (notice.state, notice.merchant, notice.section_id) == ("sent", merchant, east.section_id)
    assert notice.debt_ids == [listed.pk]
    assert "沪A" in merchant_client.get("/merchant/debts/").content.decode()


def test_a_lot_of_another_merchant_is_told_nothing_unless_sharing_is_consented_to(
    listed: Debt, west: LotSystem, settings: Any
) -> None:
    assert settings.BOWEI_SHARE_LISTINGS is False
    assert ask(west) is None
    assert not RecoveryNotice.objects.exists()
    settings.BOWEI_SHARE_LISTINGS = True
    assert ask(west, 2)["amount_fen"] == 1200


def test_what_was_told_is_repeated_while_it_is_true_and_taken_back_when_paid(
    listed: Debt, east: LotSystem, pay: Any
) -> None:
    first = ask(east)
    assert ask(east) == first
    assert RecoveryNotice.objects.count() == 1
    pay(listed.stay)
    assert RecoveryNotice.objects.get().state == "withdrawn"
    assert [ask(east), ask(east, 2)] == [None, None]


def test_what_was_told_is_not_repeated_after_its_time(
    listed: Debt, east: LotSystem, clock: Any
) -> None:
    told = ask(east)
    assert told["until"] == (clock.now() + timedelta(minutes=15)).isoformat()
    clock.advance(timedelta(minutes=15))
    assert ask(east) is None


@pytest.mark.parametrize("state", ["pending", "suspended"])
def test_nothing_is_told_before_the_grace_is_over_or_beside_an_objection(
    listed: Debt, east: LotSystem, state: str
) -> None:
    BlacklistEntry.objects.update(state=state)
    assert ask(east) is None


@pytest.mark.parametrize("colour", ["", "green"])
def test_nobody_is_accused_on_an_unknown_or_another_colour(
    listed: Debt, east: LotSystem, colour: str
) -> None:
    assert ask(east, plate_colour=colour) is None


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_vehicle_that_is_not_at_the_barrier_now_is_not_spoken_of(
    listed: Debt, east: LotSystem, clock: Any, minutes: int
) -> None:
    at = clock.now() + timedelta(minutes=minutes)
    assert ask(east, at=at) is None
    assert ask(east, 2)["amount_fen"] == 1200


def test_a_lot_that_goes_through_plates_soon_hears_no_more(
    listed: Debt, east: LotSystem, clock: Any
) -> None:
    """Five whom it was told of and whose passes it did not report; then passes, and it is told."""
    others = [f"沪A1000{n}" for n in range(5)]
    for number, plate in enumerate(others):
        _owes(plate, listed)
        assert ask(east, number, plate)["amount_fen"] == 1200
    assert ask(east, 5) is None
    passes(east, others[0], 1)
    assert ask(east, 6)["amount_fen"] == 1200


def _owes(plate: str, like: Debt) -> None:
    """Another vehicle with such a debt: rows as they come to stand."""
    stay = ParkingSession.objects.get(pk=like.stay_id)
    stay.pk, stay.plate_text = None, plate
    stay.save(force_insert=True)
    Debt.objects.create(
        stay=stay,
        merchant=like.merchant,
        section=like.section,
        plate_text=plate,
        plate_colour="blue",
        amount_fen=like.amount_fen,
        opened_at=like.opened_at,
        demanded_at=like.demanded_at,
        demanded_fen=like.demanded_fen,
        state="open",
    )
    BlacklistEntry.objects.create(
        plate_text=plate,
        plate_colour="blue",
        state="active",
        since=business_clock.now(),
        amount_fen=like.amount_fen,
        why={},
    )
