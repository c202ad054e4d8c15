"""Locks that no row's own list of acts comes to: the register of outages, what an act weighs."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import selectors as accounts
from accounts import services as account_services
from core import outages
from core.models import Outage, Pulse
from payments import services as payments
from payments.services import refunds
from tests import waiting
from tests.street import PLATE, TEST

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


def test_whoever_ends_or_corrects_an_outage_waits_for_who_works_on_it(clock: Any) -> None:
    began = clock.now() - HOUR
    outage = outages.write(
        what=outages.PLATFORM, began_at=began, ended_at=None, reason="fire", actor="user:1"
    )
    acts = {
        "end": lambda: outages.end(outage_id=outage.pk, actor="user:1"),
        "correct": lambda: outages.correct(
            outage_id=outage.pk, began_at=began, ended_at=None, reason="x", actor="user:1"
        ),
    }
    assert waiting.all_at(outage, acts) == dict.fromkeys(acts, "waits")


def test_of_many_who_find_somebody_away_one_writes_it_down(clock: Any) -> None:
    began = clock.now() - HOUR
    pulse = Pulse.objects.create(
        what="provider:x",
        at=clock.now(),
        real_at=clock.real(),
        failing_since=began,
        failing_real_since=clock.real() - HOUR,
    )
    found = waiting.at(pulse, lambda: outages._begin("provider:x", began_at=began))
    assert found == "waits"
    for _twice in range(2):
        outages._begin("provider:x", began_at=began)
    outages._begin("provider:x", began_at=began - HOUR)  # they have answered meanwhile
    outage = Outage.objects.get()
    assert (outage.what, outage.began_at, outage.reason) == ("provider:x", began, "no answer")


def test_what_a_person_may_do_is_weighed_when_nobody_changes_it(clock: Any, cashier: Any) -> None:
    after = accounts.rights_of(cashier)
    found = waiting.at(
        cashier,
        lambda: account_services._weight_of_rights(actor=TEST, user_id=cashier.pk, after=after),
    )
    assert found == "waits"


def test_cash_that_goes_back_is_weighed_when_nobody_works_on_its_order(
    clock: Any, berth: Any, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    payments.pay_at_counter(order.pk, TEST)
    back = payments.refund(
        item_id=order.items.get().pk, amount_fen=100, reason="x", actor=TEST, key="back"
    )
    found = waiting.at(
        order,
        lambda: refunds._weight_of_handing(
            actor="user:1", refund_id=back.pk, merchant_id=back.counter_id or 0
        ),
        known=True,
    )
    assert found == "waits"
