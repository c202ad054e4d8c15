"""A holder lets others see and pay the bills of a plate, and nothing else."""

from typing import Any

import pytest

from accounts import selectors, services
from accounts.models import PlateShare, SmsMessage
from arrears.models import Demand
from core.errors import Invalid, Missing
from tests.people import OWNER_PHONE, STRANGER_PHONE, prove
from tests.street import PLATE

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(clock: Any, owner: Any, stranger: Any, owner_client: Any) -> PlateShare:
    """The stranger is let see the owner's plate."""
    holding = prove(owner, PLATE.text, "blue")
    owner_client.post(f"/me/plates/{holding.pk}/share/", {"phone": STRANGER_PHONE})
    return PlateShare.objects.get(user=stranger)


def test_who_a_plate_is_shared_with_sees_its_bills_and_is_written_to_by_nobody(
    shared, berth, stay_of, stranger, stranger_client, run_reactions
):
    stay_of(berth, minutes=90)
    run_reactions()
    page = stranger_client.get("/dues/", headers={"Accept-Language": "en"}).content.decode()
    assert "¥12.00" in page
    assert selectors.proven_plates_of(stranger) == []
    assert selectors.holder_of(PLATE.text, "blue") == shared.holding.user
    assert not SmsMessage.objects.filter(phone_masked="137••••0001").exists()
    assert not Demand.objects.filter(state="delivered").exists()


@pytest.mark.parametrize("who", ["holder", "other"])
def test_both_of_them_end_it(shared, owner_client, stranger_client, stranger, who):
    client = owner_client if who == "holder" else stranger_client
    client.post(f"/me/plates/shares/{shared.pk}/end/")
    assert selectors.plates_seen_by(stranger) == []


def test_it_ends_with_the_holding(shared, owner, stranger, operator):
    prove(operator, PLATE.text, "blue")
    assert selectors.plates_seen_by(stranger) == []
    assert PlateShare.objects.get().state == "ended"


def test_nobody_shares_what_is_not_shown_to_be_theirs(clock, owner, stranger):
    claim = services.claim_plate(user=owner, plate_text=PLATE.text, plate_colour="blue")
    with pytest.raises(Missing):
        services.share_plate(user=owner, holding_id=claim.pk, phone=STRANGER_PHONE, actor="x")
    holding = prove(owner, PLATE.text, "blue")
    with pytest.raises(Missing):
        services.share_plate(user=stranger, holding_id=holding.pk, phone=OWNER_PHONE, actor="x")
    with pytest.raises(Invalid):
        services.share_plate(user=owner, holding_id=holding.pk, phone="12", actor="x")


def test_shared_twice_is_shared_once(shared, owner):
    again = services.share_plate(
        user=owner, holding_id=shared.holding_id, phone=STRANGER_PHONE, actor="x"
    )
    assert again == shared
