"""The register of exempt vehicles: two persons, a reason, an end; read by list, demand and lock."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.models import (
    BlacklistEntry,
    Contact,
    Debt,
    Demand,
    ExemptVehicle,
    RecoveryNotice,
)
from core import clock as business_clock
from core import images
from core.errors import Invalid, Refused
from core.plates import Plate
from recovery.errors import NotEligible
from tests.arrears.test_assistance import at_risk as at_risk
from tests.conftest import BEGIN
from tests.people import logged_in, with_rights
from tests.recovery.conftest import bind
from tests.recovery.conftest import debts as debts
from tests.recovery.conftest import lock as lock
from tests.recovery.conftest import standing as standing
from tests.street import PLATE, photograph

pytestmark = pytest.mark.django_db


def asked(days: int = 30, *, plate: str = PLATE.text, colour: str = "blue") -> ExemptVehicle:
    return services.ask_exemption(
        ExemptVehicle(
            plate_text=plate,
            plate_colour=colour,
            reason="disabled",
            why="badge 12345",
            until=business_clock.now() + timedelta(days=days),
        ),
        actor="user:1",
    )


def granted(days: int = 30, **more: str) -> ExemptVehicle:
    row = asked(days, **more)
    assert services.grant_exemption(exemption_id=row.pk, actor="user:2")
    return row


def texts() -> int:
    return SmsMessage.objects.filter(template="demand").count()


def test_one_person_alone_exempts_nobody(clock):
    row = asked()
    assert not selectors.is_exempt(PLATE)
    with pytest.raises(Refused) as refused:
        services.grant_exemption(exemption_id=row.pk, actor="user:1")
    assert refused.value.code == "second_person"
    with pytest.raises(IntegrityError), transaction.atomic():
        ExemptVehicle.objects.update(granted_by="user:1")
    assert services.grant_exemption(exemption_id=row.pk, actor="user:2")
    assert selectors.is_exempt(PLATE)
    assert selectors.is_exempt(Plate(PLATE.text, None))


def test_an_exempt_vehicle_is_neither_asked_nor_listed(holder, debt, stay_of, berth, pass_time):
    granted(days=300)
    before = texts()
    stay_of(berth, minutes=90)
    pass_time(hours=73)
    pass_time(hours=73)
    assert texts() == before
    assert not BlacklistEntry.objects.exclude(state="gone").exists()


def test_who_is_listed_leaves_the_list_and_the_terminals_when_it_is_granted(
    holder, debt, pass_time, merchant, enrolled, seen
):
    pass_time(hours=73)
    services.issue_notices(
        sighting_id=1,
        device_id=enrolled("H-1", "handheld", merchant),
        section_id=None,
        merchant_id=merchant.pk,
        plate=PLATE,
        confidence=1.0,
    )
    assert BlacklistEntry.objects.get().state == "active"
    granted()
    assert BlacklistEntry.objects.get().state == "gone"
    assert RecoveryNotice.objects.get().state == "withdrawn"


def test_when_it_ends_what_is_owed_is_asked_for_anew_with_its_whole_time(holder, debt, pass_time):
    granted(days=10)
    before = texts()
    pass_time(days=9)
    assert texts() == before
    pass_time(days=2)
    assert ExemptVehicle.objects.get().state == "ended"
    assert texts() == before + 1
    assert BlacklistEntry.objects.exclude(state="gone").get().state == "pending"


def test_a_plate_that_cannot_be_and_a_time_that_is_over_are_refused(clock):
    for wrong in ({"plate": "X"}, {"days": -1}):
        with pytest.raises(Invalid):
            asked(**wrong)  # type: ignore[arg-type]


def test_the_desk_asks_and_another_grants(clock):
    first = logged_in(
        with_rights(
            "first",
            "arrears.view_exemptvehicle",
            "arrears.add_exemptvehicle",
            "arrears.grant_exemptvehicle",
        )
    )
    form = {
        "plate_text": "沪a·12345",
        "plate_colour": "blue",
        "reason": "medical",
        "why": "dialysis",
        "until_0": "2026-05-01",
        "until_1": "00:00",
    }
    first.post("/admin/arrears/exemptvehicle/add/", form)
    row = ExemptVehicle.objects.get()
    assert (row.plate_text, row.state) == (PLATE.text, "asked")
    act = {"action": "grant", "_selected_action": row.pk}
    first.post("/admin/arrears/exemptvehicle/", act)
    row.refresh_from_db()
    assert row.state == "asked"
    other = logged_in(
        with_rights("second", "arrears.view_exemptvehicle", "arrears.grant_exemptvehicle")
    )
    other.post("/admin/arrears/exemptvehicle/", act)
    row.refresh_from_db()
    assert row.state == "granted"
    again = first.post("/admin/arrears/exemptvehicle/add/", {**form, "plate_text": "nonsense"})
    assert again.status_code == 200
    assert ExemptVehicle.objects.count() == 1


def test_no_lock_is_bound_to_an_exempt_vehicle(standing, merchant, lock):
    granted()
    with pytest.raises(NotEligible) as refused:
        bind(merchant, standing, lock)
    assert "not_exempt" in refused.value.facts["rules"]


def test_no_paper_is_left_at_an_exempt_vehicle(debt):
    granted()
    with pytest.raises(Refused) as refused:
        services.deliver_on_paper(
            debt_ids=[debt.pk],
            named_fen=debt.amount_fen,
            photograph=images.load(photograph(5)),
            merchant_id=debt.merchant_id,
            actor="user:7",
        )
    assert refused.value.code == "exempt"
    debt.refresh_from_db()
    assert debt.demanded_at is None


def test_nobody_is_reminded_of_what_an_exempt_vehicle_left_unpaid(at_risk, holder, pass_time):
    at_risk()
    granted(days=300)
    pass_time(days=20)
    assert not SmsMessage.objects.exists()
    assert not Contact.objects.filter(at__isnull=False).exists()


def test_a_text_that_waits_does_not_leave_for_an_exempt_vehicle(holder, debt, clock):
    made = services.make_demand(debt_id=debt.pk) or Demand.objects.get()
    Demand.objects.filter(pk=made.pk).update(state="made", due_at=clock.now())
    Debt.objects.update(demanded_at=None)
    before = texts()
    row = asked()  # granted at the very moment: its own taking back has not seen this demand
    ExemptVehicle.objects.filter(pk=row.pk).update(state="granted", granted_by="user:2")
    clock.move_to(BEGIN + timedelta(days=9, hours=1))
    services.send_demands()
    made.refresh_from_db()
    assert (texts(), made.state) == (before, "dropped")
