"""Plans and contacts: who is helped how, when, and when it stops (P0.5, P0.6)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import services as account_services
from accounts.keys import Visit
from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.models import Contact, Dispute, OptOut, Plan, Scheme, Watch
from arrears.services import schemes
from core.errors import Missing
from parking import services as parking
from parking.models import Berth, ParkingSession
from tests.conftest import BEGIN
from tests.street import PLATE, TEST, new_section

LATE = [None, 300.0, 200.0, None, 400.0, 150.0]


@pytest.fixture
def at_risk(
    past: Any, section: Any, stay_of: Any, scored: Any, clock: Any, run_reactions: Any
) -> Any:
    """A stay scored at risk has just left A-001 unpaid."""

    def go(berth_code: str = "A-001") -> ParkingSession:
        past(PLATE, Berth.objects.get(code="A-003"), LATE)
        stay: ParkingSession = stay_of(Berth.objects.get(code=berth_code))
        services.assess(stay_id=stay.pk)
        run_reactions()
        assert scored(stay).at_risk
        clock.advance(timedelta(minutes=90))
        parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
        run_reactions()
        stay.refresh_from_db()
        return stay

    return go


def until_contacted(pass_time: Any, watch: Watch, clock: Any) -> None:
    """Past the predicted payment time, in daylight."""
    pass_time(seconds=(watch.due_at - clock.now()).total_seconds() + 1)
    while not Contact.objects.filter(at__isnull=False).exists():
        pass_time(hours=1)


def test_a_made_up_address_writes_no_session(anonymous: Any, db: None) -> None:
    for n in range(3):
        assert anonymous.get(f"/dues/made-up-{n}/").status_code == 404
    assert not Visit.objects.exists()


def test_after_the_predicted_time_a_plan_is_made_and_its_first_contact_carried_out(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any
) -> None:
    stay = at_risk()
    watch = Watch.objects.get()
    pass_time(seconds=(watch.due_at - clock.now()).total_seconds() - 60)
    assert not Plan.objects.exists()  # P0.4: it still has time
    until_contacted(pass_time, watch, clock)

    plan = Plan.objects.get()  # P0.5: stored, with what was weighed
    assert (plan.amount_fen, plan.stay_id, plan.user) == (1200, stay.pk, holder)
    assert plan.scheme.code in {one["scheme"] for one in plan.weighed}
    contact = plan.contacts.get(number=1)
    text = SmsMessage.objects.get(key=f"contact:{contact.pk}")  # P0.6: it reached the phone
    assert text.state == "delivered"
    assert "¥12.00" in text.text
    assert contact.token in text.text
    assert PLATE.text not in text.text  # no more than it must
    contact.refresh_from_db()
    assert contact.state == "sent"


def test_nobody_is_contacted_at_night(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any
) -> None:
    at_risk()
    clock.move_to(BEGIN + timedelta(hours=14))  # 23:00
    Watch.objects.update(due_at=clock.now())
    pass_time(seconds=1)
    assert Plan.objects.count() == 1
    contact = Contact.objects.get()
    assert (contact.state, contact.why) == ("planned", "quiet hours")
    pass_time(hours=8, minutes=58)
    assert Contact.objects.get(number=1).state == "planned"
    pass_time(minutes=2)
    assert Contact.objects.get(number=1).state == "sent"


def test_a_person_has_one_budget_over_all_merchants(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, other_merchant: Any
) -> None:
    at_risk()
    clock.move_to(BEGIN + timedelta(hours=5))
    Watch.objects.update(due_at=clock.now())
    pass_time(seconds=1)
    first = Contact.objects.get(number=1)
    assert first.state == "sent"
    Contact.objects.filter(number=2).delete()
    second = Contact.objects.create(
        plan=first.plan, number=2, subject=first.subject, channel="sms", due_at=clock.now()
    )
    services.carry_out(second.pk)
    second.refresh_from_db()
    assert (second.state, second.why) == ("planned", "limit reached")
    assert second.due_at >= first.at + timedelta(days=1)  # P0.6


def test_an_unknown_holder_is_told_on_the_page_and_never_by_text(
    at_risk: Any, pass_time: Any, clock: Any
) -> None:
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    assert Plan.objects.get().channel == "page"
    assert not SmsMessage.objects.exists()


def test_a_payment_stops_what_is_still_planned(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, pay: Any
) -> None:
    stay = at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    pay(stay, follow=False)
    assert Plan.objects.get().state == "paid"
    assert Contact.objects.get(number=1).outcome == "paid"
    assert not Contact.objects.filter(state="planned").exists()
    sent = SmsMessage.objects.count()
    pass_time(days=3)
    assert SmsMessage.objects.count() == sent  # P0.6: silent


def test_nobody_is_reminded_of_a_vehicle_that_they_have_given_up(
    at_risk: Any, holder: Any, owner_client: Any, pass_time: Any, clock: Any
) -> None:
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    sent = SmsMessage.objects.count()

    owner_client.post(f"/me/plates/{holder.holdings.get().pk}/end/")
    pass_time(days=2)

    assert Plan.objects.get().state == "stopped"
    assert not Contact.objects.filter(state="planned").exists()
    assert SmsMessage.objects.count() == sent


def test_a_payment_before_the_time_runs_out_means_no_plan_at_all(
    at_risk: Any, holder: Any, pass_time: Any, pay: Any
) -> None:
    pay(at_risk())
    pass_time(days=5)
    assert not Plan.objects.exists()


def test_an_objection_stops_the_contacts(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any
) -> None:
    stay = at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    services.object(stay_ids=[stay.pk], reason="amount", actor="owner")
    assert Plan.objects.get().state == "stopped"
    assert Contact.objects.get(number=1).outcome == "disputed"
    assert not Contact.objects.filter(state="planned").exists()


def test_who_wants_no_reminders_gets_none(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any
) -> None:
    at_risk()
    services.opt_out(subject=f"user:{holder.pk}", actor="user:1")
    pass_time(hours=70)
    assert Contact.objects.get().state == "blocked"  # a row says so
    assert not SmsMessage.objects.filter(template__in=["reminder", "plan"]).exists()
    pass_time(hours=5)
    assert SmsMessage.objects.filter(template="demand").exists()  # the law's demand still comes


def test_the_holdout_gets_the_plain_reminder(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("arrears.rules.schemes.in_holdout", lambda *args, **kwargs: True)
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    plan = Plan.objects.get()
    assert plan.holdout
    assert plan.scheme.is_plain
    assert [(one.scheme, one.holdout, one.plans) for one in selectors.uplift()] == [
        ("plain", True, 1)
    ]


def test_with_no_scheme_in_use_the_shipped_ones_come_back(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any
) -> None:
    at_risk()
    Scheme.objects.update(active=False)
    until_contacted(pass_time, Watch.objects.get(), clock)
    assert Plan.objects.count() == 1  # nobody at risk is left without


def test_the_link_of_a_contact_pays_once_in_one_browser(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, anonymous: Any
) -> None:
    stay = at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    contact = Contact.objects.get(number=1)
    path = f"/dues/{contact.token}/"
    page = anonymous.get(path)
    assert page.status_code == 200
    assert "12.00" in page.content.decode()
    assert PLATE.text not in page.content.decode()  # masked: no more than it must
    contact.refresh_from_db()
    assert contact.outcome == "opened"

    paying = anonymous.post(path, {"stay": stay.pk})
    assert paying.status_code == 302
    assert paying.url.startswith("/o/")
    assert anonymous.get(path).status_code == 200  # the same browser comes back
    from django.test import Client

    assert Client().get(path).status_code == 404  # P0.6: works once
    with pytest.raises(Missing):
        services.open_contact(token="forged", browser="x")


def test_an_old_link_opens_nothing(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, anonymous: Any
) -> None:
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    contact = Contact.objects.get(number=1)
    clock.advance(timedelta(days=15))
    assert anonymous.get(f"/dues/{contact.token}/").status_code == 410


def test_opting_out_on_the_page_of_a_link(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, anonymous: Any
) -> None:
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    contact = Contact.objects.get(number=1)
    anonymous.post(f"/dues/{contact.token}/", {"reminders": "off"})
    assert OptOut.objects.get().subject == f"user:{holder.pk}"


def test_debts_of_several_merchants_are_asked_for_in_one_text(
    section: Any, stay_of: Any, holder: Any, pass_time: Any, other_merchant: Any, city: Any
) -> None:
    berths = [
        Berth.objects.get(code="A-001"),
        Berth.objects.get(code="A-002"),
        new_section(other_merchant, code="J", ground="own").berths.first(),
        new_section(city, code="R").berths.first(),
    ]
    for berth in berths:
        stay_of(berth, minutes=60)
        pass_time(hours=1)
    pass_time(hours=66)
    for _hour in range(10):
        pass_time(hours=1)
    assert SmsMessage.objects.filter(template="demand").count() == 1
    for _hour in range(20):
        pass_time(hours=1)
    _first, second = SmsMessage.objects.filter(template="demand").order_by("pk")
    assert "¥18.00" in second.text
    assert "等 2 处" in second.text


@pytest.mark.parametrize("tone", ["friendly", "support"])
def test_the_tone_of_a_scheme_is_heard_in_its_words(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any, tone: str
) -> None:
    schemes.ensure()
    Scheme.objects.exclude(code="plain").update(active=False)
    Scheme.objects.filter(code="plain").update(tone=tone)
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    assert SmsMessage.objects.get().template == f"reminder_{tone}"


def test_nobody_is_promised_a_call_that_no_person_makes(
    at_risk: Any, holder: Any, pass_time: Any, clock: Any
) -> None:
    schemes.ensure()
    Scheme.objects.update(active=False)
    Scheme.objects.create(
        code="call", name="call", channel="call", tone="support", contacts=1, lift=0.9
    )
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    assert Plan.objects.get().channel == "page"


def test_who_answers_that_it_is_not_their_vehicle_is_asked_for_nothing(
    debt: Any, holder: Any, pass_time: Any
) -> None:
    pass_time(minutes=1)
    account_services.take_reply(
        provider="aliyun", number="1", phone=holder.phone, text="不是我的车"
    )
    pass_time(minutes=1)
    debt.refresh_from_db()
    assert debt.state == "disputed"
    assert Dispute.objects.get().reason == "not_mine"


def test_a_reminder_on_the_page_is_sent_once_its_page_has_shown_it(
    at_risk: Any, pass_time: Any, clock: Any, owner: Any, owner_client: Any
) -> None:
    at_risk()
    until_contacted(pass_time, Watch.objects.get(), clock)
    contact = Contact.objects.get(number=1)
    assert (contact.channel, contact.state) == ("page", "sending")
    account_services.prove_holding(
        user=owner, plate_text=PLATE.text, plate_colour="blue", method="licence seen", actor=TEST
    )
    page = owner_client.get("/dues/", headers={"Accept-Language": "en"}).content.decode()
    assert "A reminder: this fee is still open." in page
    contact.refresh_from_db()
    assert contact.state == "sent"


def test_an_objection_to_being_foreseen_lasts_until_it_is_taken_back(
    at_risk: Any, holder: Any, stay_of: Any, run_reactions: Any, owner_client: Any
) -> None:
    stay = at_risk()
    services.object(stay_ids=[stay.pk], reason="decision", actor=holder.actor, user_id=holder.pk)
    run_reactions()
    second = stay_of(Berth.objects.get(code="A-002"), minutes=60)
    assert services.assess(stay_id=second.pk) is None

    english = {"Accept-Language": "en"}
    assert (
        "No machine foresees how you pay"
        in owner_client.get("/dues/", headers=english).content.decode()
    )
    owner_client.post("/dues/", {"profiling": "on"})
    third = stay_of(Berth.objects.get(code="A-002"))
    assert services.assess(stay_id=third.pk) is not None
    assert not OptOut.objects.exists()
