"""Half an hour, one or two more: from the berth's page, the reminder and the receipt."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import links
from core.errors import Invalid
from parking import services
from parking.errors import StayNotDue
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment, StayPayment
from parking.selectors import berth_path
from payments.models import Order, Refund
from tests.parking.test_money import ledger_sum, pay
from tests.street import OTHER_PLATE, PLATE

ENGLISH = {"accept-language": "en"}


def offers(stay: ParkingSession) -> list[tuple[int, int, int]]:
    """Minutes more, minutes from the arrival, fen."""
    stay.refresh_from_db()
    return [
        (one.minutes, int((one.until - stay.arrived_at).total_seconds() / 60), one.amount_fen)
        for one in services.more_time_of(stay)
    ]


def test_each_time_has_its_price_with_what_is_due_now(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, ago_min=20)  # ¥6 an hour, a part counts as a whole one
    assert offers(stay) == [(30, 50, 600), (60, 80, 1200), (120, 140, 1800)]


def test_what_is_paid_counts_and_the_time_runs_on_from_there(
    berth: Berth, stay_of: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, ago_min=20)
    draft = services.more_time(stay_id=stay.pk, minutes=60)
    assert pay(("parking.prepayment", draft.pk)) == 1200
    stay.refresh_from_db()
    assert stay.paid_until == stay.arrived_at + timedelta(minutes=120)  # what the money reaches
    assert stay.leave_by == stay.paid_until + timedelta(minutes=15)
    assert offers(stay) == [(30, 150, 600), (60, 180, 600), (120, 240, 1200)]
    assert ledger_sum() == 0


def test_minutes_that_are_not_used_come_back(
    berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, ago_min=20)
    pay(("parking.prepayment", services.more_time(stay_id=stay.pk, minutes=120).pk))
    clock.advance(timedelta(minutes=10))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    clock.advance(timedelta(minutes=2))
    services.finish_departures()
    run_reactions()
    stay.refresh_from_db()
    assert (stay.state, stay.fee_fen) == ("settled", 600)
    assert Refund.objects.get().amount_fen == 1200


def test_touched_twice_it_is_one(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, ago_min=20)
    first, again = (services.more_time(stay_id=stay.pk, minutes=30) for _each in range(2))
    assert first.pk == again.pk


@pytest.mark.parametrize("minutes", [0, 45, 100_000])
def test_no_other_times_are_taken(berth: Berth, stay_of: Any, minutes: int) -> None:
    with pytest.raises(Invalid):
        services.more_time(stay_id=stay_of(berth, ago_min=20).pk, minutes=minutes)


def test_who_has_left_is_offered_none(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, minutes=20)
    assert offers(stay) == []
    with pytest.raises(StayNotDue):
        services.more_time(stay_id=stay.pk, minutes=30)


def test_none_reaches_beyond_the_longest_stay(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, ago_min=23 * 60 + 15)
    assert [minutes for minutes, _until, _fen in offers(stay)] == [30]


def test_who_touched_a_time_has_said_no_plate(berth: Berth, stay_of: Any) -> None:
    """It is no voice in what the plate is, and confirms no stay."""
    stay = stay_of(berth, None, ago_min=20)
    services.more_time(stay_id=stay.pk, minutes=30)
    assert Prepayment.objects.get().submitted_at is None
    assert not Prepayment.objects.filter(stay=stay, submitted_at__isnull=False).exists()


def test_paid_where_it_stands_it_stays_paid_when_the_plate_is_corrected(
    berth: Berth, stay_of: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, ago_min=20)
    pay(("parking.prepayment", services.more_time(stay_id=stay.pk, minutes=30).pk))
    services.correct_plate(
        stay_id=stay.pk,
        plate_text=OTHER_PLATE.text,
        plate_colour=OTHER_PLATE.colour_text,
        actor="user:1",
        why="misread",
    )
    run_reactions()
    assert StayPayment.objects.get().kept_fen == 600
    assert not Refund.objects.exists()


# ── Two touches to the cashier ──────────────────────────────────────────────────────────────────
def touch(client: Client, path: str, minutes: int) -> Any:
    page = client.get(path, headers=ENGLISH).content.decode()
    assert f'name="more" value="{minutes}"' in " ".join(page.split())
    return page


def test_from_the_code_at_the_berth(berth: Berth, stay_of: Any, anonymous: Client) -> None:
    stay = stay_of(berth, ago_min=20)
    page = touch(anonymous, berth_path(berth.code), 60)
    assert "¥12.00" in page
    assert "until 10:00" in page
    answer = anonymous.post(f"/s/{stay_token(stay.pk, here=True)}/", {"more": "60"})
    order = Order.objects.get()
    assert answer["Location"] == f"/o/{order.token}/"
    assert order.amount_fen == 1200


def test_from_the_reminder(berth: Berth, stay_of: Any, anonymous: Client) -> None:
    stay = stay_of(berth, ago_min=20)
    token = stay_token(stay.pk, of=links.vehicle(PLATE.text, PLATE.colour_text))
    touch(anonymous, f"/s/{token}/", 120)
    anonymous.post(f"/s/{token}/", {"more": "120"})
    assert Order.objects.get().amount_fen == 1800


def test_a_typed_number_is_offered_none_and_pays_what_is_due(
    berth: Berth, stay_of: Any, anonymous: Client
) -> None:
    stay = stay_of(berth, ago_min=20)
    page = anonymous.get(f"/b/{berth.code}/", headers=ENGLISH).content.decode()
    assert 'name="more"' not in page
    anonymous.post(f"/s/{stay_token(stay.pk)}/", {"more": "120"})
    assert Order.objects.get().amount_fen == 600


def test_from_the_receipt_which_tells_until_when_it_is_paid(
    berth: Berth, stay_of: Any, anonymous: Client, run_reactions: Any
) -> None:
    stay = stay_of(berth, ago_min=20)
    pay(("parking.prepayment", services.more_time(stay_id=stay.pk, minutes=30).pk))
    order = Order.objects.get()
    done = anonymous.get(f"/o/{order.token}/done/", headers=ENGLISH).content.decode()
    assert "Paid until today 09:40." in done
    assert "Please leave before 09:55." in done
    assert f"/paid/{order.token}/more/" in done
    page = touch(anonymous, f"/paid/{order.token}/more/", 30)
    assert "08:40" not in page  # since when it stands, the order's link does not tell
    answer = anonymous.post(f"/paid/{order.token}/more/?stay={stay.pk}", {"more": "30"})
    assert answer.status_code == 302
    assert Order.objects.latest("pk").amount_fen == 600


def test_the_receipt_s_link_pays_longer_for_no_other_stay(
    berth: Berth, stay_of: Any, anonymous: Client
) -> None:
    pay(("parking.stay", stay_of(berth, ago_min=20).pk))
    other = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=20)
    token = Order.objects.get().token
    answer = anonymous.post(f"/paid/{token}/more/?stay={other.pk}", {"more": "30"})
    assert answer.status_code == 409
    assert Order.objects.count() == 1


def test_paying_ahead_from_a_berth_knows_berth_and_road(
    berth: Berth, stay_of: Any, anonymous: Client
) -> None:
    stay_of(berth, ago_min=20)
    path = f"/prepay/?berth={berth.code}"
    page = anonymous.get(path, headers=ENGLISH).content.decode()
    assert "Road" not in page
    assert f"愚园路停车场 · {berth.code}" in page
    answer = anonymous.post(path, {"plate": PLATE.text, "colour": "blue", "minutes": "60"})
    draft = Prepayment.objects.get()
    assert (draft.berth_id, draft.state) == (berth.pk, "confirmed")
    assert "¥6.00" in anonymous.get(answer["Location"]).content.decode()
