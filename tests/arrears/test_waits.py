"""Who asks for a stay, or asks no more, waits for who works on it (core/locks.py)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from arrears import services
from arrears.models import BlacklistEntry, Contact, Debt, Demand, RiskModel, Watch
from arrears.services import assistance, demands, disputes, listing, looking, notices, outages
from core import clock as business_clock
from parking import services as parking
from parking.models import Berth, ParkingSession
from tests import waiting
from tests.street import PLATE, TEST

pytestmark = pytest.mark.django_db(transaction=True)
Acts = dict[str, Callable[[], object]]


@pytest.fixture
def stay(transactional_db: None, debt: Debt) -> ParkingSession:
    return debt.stay


def test_whoever_asks_for_a_stay_waits_for_who_works_on_it(
    stay: ParkingSession, debt: Debt
) -> None:
    [dispute] = services.object(debt_ids=[debt.pk], reason="other", actor="owner")
    acts: Acts = {
        "open a debt": lambda: services.open_debt(stay_id=stay.pk),
        "follow the fee": lambda: services.follow_stay(stay_id=stay.pk),
        "forget": lambda: services.forget_stay(stay_id=stay.pk),
        "waive": lambda: services.waive_debt(debt_id=debt.pk, actor=TEST, reason="x"),
        "doubt *": lambda: looking.doubt(debt.look.pk, actor=TEST),
        "answer *": lambda: services.settle_dispute(
            dispute_id=dispute.pk, verdict="upheld", answer="x", actor=TEST
        ),
        "withdraw *": lambda: services.withdraw_dispute(dispute_id=dispute.pk, actor=TEST),
        "voided *": lambda: disputes.end_voided(stay_id=stay.pk),
        "misread": lambda: disputes.end_misread(stay_id=stay.pk, actor=TEST),
        "outage": lambda: outages._take_back(stay.pk),
    }
    assert waiting.all_at(stay, acts) == dict.fromkeys(acts, "waits")


def test_whoever_asks_for_a_debt_waits_for_who_works_on_it(
    stay: ParkingSession, debt: Debt, merchant: Any
) -> None:
    demand, ours = Demand.objects.get(), merchant.pk
    acts: Acts = {
        "demand": lambda: services.make_demand(debt_id=debt.pk),
        "on paper": lambda: services.deliver_on_paper(
            debt_ids=[debt.pk],
            named_fen=10**6,
            photograph=b"x",
            merchant_id=ours,
            actor=TEST,
        ),
        "delivered": lambda: services.deliver_demand(demand_id=demand.pk, evidence="x", actor=TEST),
        "look again": lambda: looking.look_again(debt.look.pk, actor=TEST),
    }
    assert waiting.all_at(debt, acts) == dict.fromkeys(acts, "waits")


def test_whoever_takes_a_demand_back_waits_for_who_sends_it(
    stay: ParkingSession, debt: Debt
) -> None:
    demand = Demand.objects.get()
    acts: Acts = {
        "send": lambda: demands._send(demand.pk),
        "take back": lambda: demands.take_back([debt.pk], actor=TEST, reason="x"),
        "look again": lambda: looking.look_again(debt.look.pk, actor=TEST),
    }
    assert waiting.all_at(demand, acts) == dict.fromkeys(acts, "waits")


def test_whoever_lists_a_vehicle_or_tells_of_it_waits_for_who_works_on_its_entry(
    stay: ParkingSession, pass_time: Any, section: Any, merchant: Any
) -> None:
    demand = Demand.objects.get()
    services.deliver_demand(demand_id=demand.pk, evidence="x", actor=TEST)
    pass_time(hours=100)
    entry = BlacklistEntry.objects.get()
    assert entry.state == "active"
    acts: Acts = {
        "list": lambda: listing.relist(PLATE.text, str(PLATE.colour)),
        "tell a lot": lambda: notices.tell_lot(
            merchant_id=merchant.pk, section_id=section.pk, plate=PLATE
        ),
    }
    assert waiting.all_at(entry, acts) == dict.fromkeys(acts, "waits")


def test_two_colours_of_one_plate_do_not_both_begin_an_entry(
    stay: ParkingSession, debt: Debt
) -> None:
    """There is no row yet that could be locked."""
    with waiting.other_connection() as other:
        sql = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 32))"
        other.execute(sql, [PLATE.text])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '80ms'")
            with pytest.raises(OperationalError), transaction.atomic():
                listing.relist(PLATE.text, "")


def test_whoever_carries_a_contact_out_waits_for_who_works_on_it(
    transactional_db: None,
    berth: Berth,
    stay_of: Any,
    past: Any,
    scored: Any,
    holder: Any,
    clock: Any,
    run_reactions: Any,
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), [None, 300.0, 200.0, None])
    stay = stay_of(berth)
    services.assess(stay_id=stay.pk)
    scored(stay)
    clock.advance(timedelta(minutes=90))
    parking.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    watch = Watch.objects.get()
    clock.move_to(watch.due_at)
    services.end_watches()
    services.assist(watch_id=watch.pk)
    contact = Contact.objects.get()
    clock.move_to(max(contact.due_at, clock.now()) + timedelta(hours=12))
    assert waiting.at(contact, lambda: assistance.carry_out(contact.pk), known=True) == "waits"
    assert waiting.at(stay, lambda: assistance.carry_out(contact.pk)) == "waits"


def test_two_do_not_promote_one_model(transactional_db: None) -> None:
    model = RiskModel.objects.create(
        version="candidate",
        sha256="0" * 64,
        source="simulated",
        state="shadow",
        data_from=date(2026, 1, 1),
        data_to=date(2026, 2, 1),
        figures={},
        lift=0.1,
        contact_fen=5,
        annoyance_fen=10,
        due_fen=600,
        registered_at=business_clock.now(),
    )
    assert waiting.at(model, lambda: services.promote("candidate", actor=TEST)) == "waits"
