"""Every fen taken is somebody's by name, whatever order things happen in (docs/rules.md L4).

Payers pay their own stays and their neighbours', whole, in part and late; stays end, are cancelled
and corrected; payments move and come back. After each step the rows alone are asked.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock as business_clock
from core import outbox, plates
from core.errors import BoweiError
from parking import services
from parking.models import Berth, ParkingSession, StayPayment
from payments import services as payments
from payments.models import Attempt, Credit, LedgerEntry, OrderItem, Refund
from tests.parking.test_money import begin

PLATES = [plates.Plate(f"沪A1234{n}", plates.Colour.blue) for n in range(3)]
WHO = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([5, 20, 70])),
        st.tuples(st.just("pay"), WHO),
        st.tuples(st.just("pay"), WHO),
        st.tuples(st.just("part"), WHO),
        st.tuples(st.just("begin"), WHO),
        st.tuples(st.just("hear"), st.sampled_from([0, 3, 30])),
        st.tuples(st.just("leave"), WHO),
        st.tuples(st.just("move"), st.one_of(st.none(), WHO)),
        st.tuples(st.just("move"), WHO),
        st.tuples(st.just("void"), WHO),
        st.tuples(st.just("correct"), WHO, WHO),
        st.tuples(st.just("follow")),
    ),
    min_size=8,
    max_size=16,
)


class Street:
    """Three vehicles in three berths, and the bills that were opened at the provider."""

    def __init__(self, stays: list[ParkingSession]) -> None:
        self.stays = stays
        self.begun: list[Attempt] = []

    def do(self, what: str, *values: Any) -> None:
        """One step; what the house refuses did not happen."""
        try:
            with transaction.atomic():
                getattr(self, what)(*values)
        except BoweiError:
            pass

    def wait(self, minutes: int) -> None:
        business_clock.advance(timedelta(minutes=minutes))
        services.finish_departures()

    def pay(self, who: int, amount_fen: int | None = None) -> None:
        thing = ("parking.stay", self.stays[who].pk)
        order = payments.open_order(items=[thing], actor="owner", amount_fen=amount_fen)
        payments.pay_at_counter(order.pk, "user:1")

    def part(self, who: int) -> None:
        self.pay(who, 250)

    def begin(self, who: int) -> None:
        self.begun.append(begin(("parking.stay", self.stays[who].pk)))

    def hear(self, late_min: int) -> None:
        if self.begun:
            payments.take_payment(
                self.begun.pop().pk,
                provider_no="1",
                paid_at=business_clock.real() - timedelta(minutes=late_min),
                actor="provider:sandbox",
            )

    def leave(self, who: int) -> None:
        services.close_stay(
            berth_id=self.stays[who].berth_id,
            occurred_at=business_clock.now(),
            said_by="device:S",
        )

    def move(self, target: int | None) -> None:
        """The newest payment that a stay still has was meant for another one, or for none."""
        kept = [row for row in StayPayment.objects.order_by("-pk") if row.kept_fen]
        if kept:
            services.move_payment(
                payment_id=kept[0].pk,
                to_stay_id=None if target is None else self.stays[target].pk,
                actor="user:1",
                reason="meant for another",
            )

    def void(self, who: int) -> None:
        services.void_stay(stay_id=self.stays[who].pk, actor="user:1", reason="x")

    def correct(self, who: int, plate: int) -> None:
        services.correct_plate(
            stay_id=self.stays[who].pk,
            plate_text=PLATES[plate].text,
            plate_colour="blue",
            actor="user:1",
            why="x",
        )

    def follow(self) -> None:
        outbox.run_pending(raise_errors=True)


def total(rows: Any, name: str) -> int:
    return rows.aggregate(fen=Sum(name))["fen"] or 0


def every_fen_is_somebodys() -> None:
    """Of each payment: what came = what stays keep + what goes back + what is the payer's."""
    assert total(LedgerEntry.objects.all(), "amount_fen") == 0
    for attempt in Attempt.objects.filter(state="paid"):
        credit = Credit.objects.filter(attempt=attempt).first()
        if credit is not None and credit.why == Credit.Why.SECOND:
            assert credit.amount_fen == attempt.amount_fen == credit.refund.amount_fen
            continue
        rows = StayPayment.objects.filter(order_number=attempt.order.number)
        kept = sum(row.kept_fen for row in rows)
        back = total(rows, "refunded_fen") + (credit.refund.amount_fen if credit else 0)
        assert kept + back == attempt.amount_fen
        taken = OrderItem.objects.filter(order=attempt.order)
        assert total(taken, "taken_fen") == total(rows, "amount_fen")
    for stay in ParkingSession.objects.exclude(state="parked"):
        kept = sum(row.kept_fen for row in StayPayment.objects.filter(stay=stay))
        fee = 0 if stay.state == "void" else stay.fee_fen
        surplus = kept - fee if stay.final_at is not None else 0  # goes back when it counts
        assert kept - max(0, surplus) <= fee
        assert stay.due_fen == (max(0, fee - kept) if stay.state == "due" else 0)


@pytest.mark.usefixtures("clock")
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_whatever_happens_every_fen_is_kept_returned_or_the_payers(
    section: Any, stay_of: Any, clock: Any, steps: list[tuple[Any, ...]]
) -> None:
    began = business_clock.now()
    with transaction.atomic():
        berths = Berth.objects.order_by("code")[:3]
        street = Street(
            [stay_of(one, plate, ago_min=50) for one, plate in zip(berths, PLATES, strict=True)]
        )
        for what, *values in steps:
            street.do(what, *values)
            every_fen_is_somebodys()
        street.wait(10)
        street.follow()
        every_fen_is_somebodys()
        gone = total(StayPayment.objects.all(), "refunded_fen")
        assert total(Refund.objects.exclude(order_item=None), "amount_fen") == gone
        transaction.set_rollback(True)
    clock.hold(began)
