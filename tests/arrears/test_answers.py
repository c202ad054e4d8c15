"""The answer to an objection goes back to who objected, and what "sold" ends."""

import re
from typing import Any

import pytest

from accounts.models import PlateHolding, SmsMessage
from arrears import services
from arrears.models import Debt, Demand, Dispute
from core import clock as business_clock
from core.models import OutboxEvent
from parking import services as parking
from tests.monthlycard.conftest import grant_card
from tests.monthlycard.conftest import world as world
from tests.people import prove
from tests.street import PLATE, TEST

pytestmark = pytest.mark.django_db
PHONE = "13800001111"


def answered(dispute: Dispute, verdict: str = "upheld") -> Dispute:
    services.settle_dispute(
        dispute_id=dispute.pk, verdict=verdict, answer="A person has looked.", actor="user:1"
    )
    dispute.refresh_from_db()
    return dispute


def answers() -> list[SmsMessage]:
    return list(SmsMessage.objects.filter(template__startswith="answer").order_by("pk"))


def object_page(client: Any, debt: Debt, **more: str) -> Any:
    """Objects on the page that a demand's link leads to."""
    token = Demand.objects.get(debts=debt).token
    page = client.get(f"/dues/{token}/").content.decode()
    found = re.search(r'href="(/object/[^"]+)"', page)
    assert found
    return client.post(found[1], {"reason": "amount", "text": "half an hour", **more}, follow=True)


@pytest.mark.parametrize(
    ("verdict", "template"), [("upheld", "answer_upheld"), ("rejected", "answer_rejected")]
)
def test_who_is_logged_in_gets_the_answer_on_their_phone(
    debt, holder, pass_time, verdict, template
):
    [dispute] = services.object(
        debt_ids=[debt.pk], reason="amount", actor="owner", user_id=holder.pk
    )
    answered(dispute, verdict)
    pass_time(seconds=1)
    [text] = answers()
    assert (text.template, text.phone_masked) == (template, "139••••5678")
    pass_time(days=2)
    assert len(answers()) == 1


def test_the_texts_link_shows_the_objection_and_its_answer(debt, holder, pass_time, anonymous):
    [dispute] = services.object(
        debt_ids=[debt.pk], reason="amount", text="too long", actor="owner", user_id=holder.pk
    )
    answered(dispute)
    pass_time(seconds=1)
    path = re.search(r"https?://[^/]+(/object/\S+)", answers()[0].text)
    assert path
    page = anonymous.get(path[1]).content.decode()
    assert "too long" in page
    assert "A person has looked." in page


def test_who_came_by_our_text_is_answered_on_the_phone_that_it_went_to(
    debt, holder, pass_time, anonymous
):
    pass_time(minutes=5)
    object_page(anonymous, debt)
    dispute = Dispute.objects.get()
    assert dispute.user is None
    answered(dispute)
    pass_time(seconds=1)
    assert [one.phone_masked for one in answers()] == ["139••••5678"]


def test_whoever_types_a_phone_is_answered_there_and_others_on_the_page_alone(
    debt, pass_time, anonymous, clock
):
    services.object(debt_ids=[debt.pk], reason="amount", text="a", reply_to=PHONE, actor="owner")
    services.object(debt_ids=[debt.pk], reason="amount", text="b", actor="owner")
    for dispute in Dispute.objects.order_by("pk"):
        answered(dispute, "rejected")
    pass_time(seconds=1)
    assert [one.phone_masked for one in answers()] == ["138••••1111"]


def test_no_answer_wakes_anybody_at_night(debt, holder, pass_time, clock):
    [dispute] = services.object(
        debt_ids=[debt.pk], reason="amount", actor="owner", user_id=holder.pk
    )
    local = business_clock.now().replace(hour=15, minute=30)  # 23:30 in the city
    clock.move_to(local)
    answered(dispute)
    pass_time(hours=1)
    assert answers() == []
    pass_time(hours=9)
    assert len(answers()) == 1


def test_what_was_answered_by_cancelling_the_stay_is_told_too(debt, holder, pass_time):
    services.object(debt_ids=[debt.pk], reason="amount", actor="owner", user_id=holder.pk)
    parking.void_stay(stay_id=debt.stay_id, actor=TEST, reason="never was")
    pass_time(seconds=1)
    assert [one.template for one in answers()] == ["answer_upheld"]


# ── Sold ─────────────────────────────────────────────────────────────────────────────────────
def test_who_has_sold_the_vehicle_is_asked_for_nothing_any_more(
    debt, holder, berth, stay_of, pass_time
):
    [dispute] = services.object(debt_ids=[debt.pk], reason="sold", actor="owner", user_id=holder.pk)
    answered(dispute)
    pass_time(hours=1)
    assert PlateHolding.objects.get().state == "ended"
    texts = SmsMessage.objects.filter(template="demand").count()
    stay_of(berth, minutes=90)
    pass_time(hours=90)
    assert SmsMessage.objects.filter(template="demand").count() == texts
    assert Demand.objects.order_by("-pk")[0].user is None


def test_who_objects_by_the_texts_link_has_sold_it_too(debt, holder, pass_time, anonymous):
    pass_time(minutes=5)
    object_page(anonymous, debt, reason="sold")
    answered(Dispute.objects.get())
    assert PlateHolding.objects.get().state == "ended"


def test_the_buyer_who_has_shown_it_since_keeps_it(debt, holder, stranger, pass_time):
    [dispute] = services.object(debt_ids=[debt.pk], reason="sold", actor="owner", user_id=holder.pk)
    pass_time(hours=1)
    prove(stranger, PLATE.text, "blue")
    answered(dispute)
    assert PlateHolding.objects.get(state="proven").user == stranger


def test_a_rejected_sale_ends_nothing(debt, holder):
    [dispute] = services.object(debt_ids=[debt.pk], reason="sold", actor="owner", user_id=holder.pk)
    answered(dispute, "rejected")
    assert PlateHolding.objects.get().state == "proven"


def test_the_link_of_a_former_holder_shows_nothing_of_the_vehicle(
    debt, holder, stranger, pass_time, anonymous
):
    pass_time(minutes=5)
    token = Demand.objects.get(debts=debt).token
    assert "¥12.00" in anonymous.get(f"/dues/{token}/").content.decode()
    prove(stranger, PLATE.text, "blue")
    assert "¥12.00" not in anonymous.get(f"/dues/{token}/").content.decode()


def test_a_text_that_nobody_has_sent_yet_is_taken_back_from_a_former_holder(
    holder, stranger, berth, stay_of, pass_time, run_reactions, settings
):
    stay_of(berth, minutes=90)
    pass_time(hours=73)
    Demand.objects.update(state="made", delivered_at=None)
    SmsMessage.objects.all().delete()
    services.send_demands()
    assert SmsMessage.objects.get().state == "queued"
    OutboxEvent.objects.all().delete()  # the provider is away
    prove(stranger, PLATE.text, "blue")
    run_reactions()
    assert not SmsMessage.objects.filter(phone_masked="139••••5678", state="delivered").exists()
    assert Demand.objects.get().user in (None, stranger)


def test_the_former_holders_card_ends_with_the_sale(world, owner, stranger, run_reactions):
    card = grant_card(owner, world.plan)
    prove(stranger, card.plate_text, card.plate_colour)
    run_reactions()
    card.refresh_from_db()
    assert card.state == "ended"
