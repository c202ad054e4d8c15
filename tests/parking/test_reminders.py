"""Before time that was paid ahead ends its holder is told, once, in time (docs/features.md 8)."""

import json
import threading
from datetime import timedelta
from http.server import HTTPServer
from typing import Any

import pytest
from django.test import Client

from accounts import tasks
from accounts.models import SmsMessage
from arrears import services as arrears
from parking import services
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment
from tests.accounts.test_accounts import Provider
from tests.parking.test_money import pay
from tests.parking.test_pages import body
from tests.payments.threads import at_once
from tests.people import OWNER_PHONE, prove
from tests.street import PLATE, TEST


def ahead(stay: ParkingSession, minutes: int) -> None:
    """Somebody pays this stay ahead, up to so many minutes after its arrival."""
    draft = services.draft_prepayment(
        plate_text=PLATE.text, minutes=minutes, section_id=stay.section_id
    )
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, stay.berth.code)
    assert services.submit_prepayment(draft.token, PLATE.text, "blue").outcome == "confirmed"
    pay(("parking.prepayment", draft.pk))
    assert Prepayment.objects.get(pk=draft.pk).state == "paid"
    stay.refresh_from_db()


@pytest.fixture
def holder(owner: Any) -> Any:
    prove(owner, PLATE.text, "blue")
    return owner


@pytest.fixture
def paid(berth: Berth, stay_of: Any) -> ParkingSession:
    """PLATE stands in A-001 since now and has paid for two hours."""
    stay: ParkingSession = stay_of(berth)
    ahead(stay, 120)
    return stay


def at_minute(clock: Any, stay: ParkingSession, minute: float) -> None:
    clock.move_to(stay.arrived_at + timedelta(minutes=minute))


def test_the_holder_is_told_once_ten_minutes_before_the_end(
    holder: Any, paid: ParkingSession, clock: Any, run_reactions: Any, anonymous: Client
) -> None:
    at_minute(clock, paid, 109.9)
    assert services.remind_of_end() == 0
    at_minute(clock, paid, 110)
    assert services.remind_of_end() == 1
    assert services.remind_of_end() == 0  # run twice
    run_reactions()
    text = SmsMessage.objects.get()
    assert (text.state, text.phone_masked) == ("delivered", "139••••5678")
    assert "愚园路停车场 1" in text.text
    assert "11:00" in text.text
    assert PLATE.text not in text.text
    link = "/s/" + text.text.split("/s/")[1].split()[0]
    page = body(anonymous.get(link))
    assert "已付的停车时间到" in page
    assert "12345" not in page


def test_more_time_is_a_new_end_and_takes_back_what_was_not_sent(
    holder: Any, paid: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    at_minute(clock, paid, 112)
    services.remind_of_end()
    ahead(paid, 240)
    run_reactions()
    assert SmsMessage.objects.get().state == "recalled"
    at_minute(clock, paid, 119)
    assert services.remind_of_end() == 0
    at_minute(clock, paid, 230)
    assert services.remind_of_end() == 1
    run_reactions()
    assert "13:00" in SmsMessage.objects.get(state="delivered").text


def test_who_has_just_paid_for_the_last_minutes_is_not_told_what_they_read(
    holder: Any, berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, ago_min=115)
    ahead(stay, 120)
    at_minute(clock, stay, 116)
    assert services.remind_of_end() == 0


def test_a_vehicle_that_has_gone_hears_nothing(
    holder: Any, paid: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    at_minute(clock, paid, 111)
    services.remind_of_end()
    services.close_stay(berth_id=paid.berth_id, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    assert SmsMessage.objects.get().state == "recalled"
    assert services.remind_of_end() == 0


def test_a_sweep_that_comes_late_tells_nobody(
    holder: Any, paid: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    at_minute(clock, paid, 120)
    assert services.remind_of_end() == 0
    assert not SmsMessage.objects.exists()


def test_a_text_that_lay_until_the_time_was_over_fails_and_is_not_sent(
    holder: Any, paid: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    at_minute(clock, paid, 119)
    services.remind_of_end()
    at_minute(clock, paid, 120)
    run_reactions()
    text = SmsMessage.objects.get()
    assert (text.state, text.error) == ("failed", "too late")


def test_the_provider_gets_it_in_time_and_never_late(
    holder: Any, paid: ParkingSession, clock: Any, settings: Any
) -> None:
    Provider.seen.clear()
    Provider.answer = {"Code": "OK", "BizId": "b-1"}
    server = HTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.BOWEI_SMS = "aliyun"
    settings.BOWEI_SMS_ACCOUNT = {
        "access_key": "id",
        "secret": "s",
        "sign_name": "泊位",
        "templates": {"paid_time": "SMS_7"},
        "endpoint": f"http://127.0.0.1:{server.server_port}",
    }
    at_minute(clock, paid, 110)
    services.remind_of_end()
    text = SmsMessage.objects.get()
    for _again in range(2):
        tasks.send_sms(text.pk)
    [(query, _signature)] = Provider.seen
    assert query["PhoneNumbers"] == [OWNER_PHONE]
    assert query["TemplateCode"] == ["SMS_7"]
    assert json.loads(query["TemplateParam"][0])["until"] == "11:00"

    SmsMessage.objects.update(state="queued")
    at_minute(clock, paid, 121)
    tasks.send_sms(text.pk)
    assert len(Provider.seen) == 1
    assert SmsMessage.objects.get().state == "failed"
    server.shutdown()


def test_a_plate_without_a_proven_holder_is_told_on_the_page_alone(
    owner: Any, paid: ParkingSession, clock: Any, anonymous: Client
) -> None:
    at_minute(clock, paid, 111)
    assert services.remind_of_end() == 1
    assert services.remind_of_end() == 0
    assert not SmsMessage.objects.exists()
    assert "已付的停车时间到" in body(anonymous.get(f"/s/{stay_token(paid.pk, here=True)}/"))


def test_who_wants_no_reminders_gets_none_until_they_want_them_again(
    holder: Any, paid: ParkingSession, clock: Any
) -> None:
    arrears.opt_out(subject=f"user:{holder.pk}", actor="owner")
    at_minute(clock, paid, 111)
    services.remind_of_end()
    assert not SmsMessage.objects.exists()
    arrears.opt_in(subject=f"user:{holder.pk}")
    ahead(paid, 240)
    at_minute(clock, paid, 231)
    services.remind_of_end()
    assert SmsMessage.objects.count() == 1


def test_who_pays_on_the_way_out_or_says_that_it_is_not_theirs_is_left_alone(
    holder: Any, section: Any, stay_of: Any, clock: Any
) -> None:
    leaving = stay_of(Berth.objects.get(code="A-002"), ago_min=50)
    pay(("parking.stay", leaving.pk))
    at_minute(clock, leaving, 55)
    assert services.remind_of_end() == 0  # they did not pay ahead
    stay = stay_of(Berth.objects.get(code="A-001"))
    ahead(stay, 120)
    services.doubt_plate(stay_id=stay.pk, actor="owner")
    at_minute(clock, stay, 111)
    assert services.remind_of_end() == 0


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_send_one_text(
    transactional_db: None, holder: Any, paid: ParkingSession, clock: Any
) -> None:
    at_minute(clock, paid, 111)
    results = at_once(*[services.remind_of_end] * 3)
    assert sorted(results) == [0, 0, 1], results
    assert SmsMessage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_departure_at_the_instant_of_the_reminder_leaves_none_to_be_sent(
    transactional_db: None, holder: Any, paid: ParkingSession, clock: Any, round_: int
) -> None:
    at_minute(clock, paid, 111)
    left_at = clock.now()
    results = at_once(
        services.remind_of_end,
        lambda: services.close_stay(berth_id=paid.berth_id, occurred_at=left_at, said_by=TEST),
    )
    assert not any(isinstance(one, Exception) for one in results), results
    assert not SmsMessage.objects.filter(state="queued").exists()
