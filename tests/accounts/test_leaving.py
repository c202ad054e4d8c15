"""Text messages leave in one place: by their class, a person's budget, and what people answer."""

import json
from datetime import timedelta
from typing import Any

import pytest

from accounts import leaving, services
from accounts.models import SmsMessage, SmsReply, User
from accounts.sms.words import KINDS, TEXTS
from accounts.tasks import let_held_go
from core import clock as business_clock
from tests.conftest import BEGIN
from tests.people import OWNER_PHONE

PARAMS = {
    "code": "123456",
    "place": "愚园路",
    "amount": "¥12.00",
    "before": "¥6.00",
    "why": "离场时间更正",
    "until": "3月5日 09:00",
    "parts": "2",
    "url": "https://bowei.example/d/x/",
    "name": "li",
    "what": "密码",
}
AT_ONCE = {"login_code", "new_password", "log_in_changed", "paid_time", "lock", "asked_link"}
FOR_MONEY = {"reminder", "reminder_friendly", "reminder_support", "demand", "plan"}
NOT_WANTED = {"reminder", "reminder_friendly", "reminder_support", "plan", "paid_time"}
pytestmark = pytest.mark.django_db


def text(template: str, key: str, **more: Any) -> SmsMessage:
    return services.send_sms(phone=OWNER_PHONE, template=template, params=PARAMS, key=key, **more)


def states() -> dict[str, str]:
    return dict(SmsMessage.objects.values_list("key", "state"))


@pytest.fixture
def later(clock: Any, run_reactions: Any) -> Any:
    """Time passes and what was held may leave: `later(hours=3)`."""

    def go(**span: float) -> None:
        run_reactions()
        business_clock.advance(timedelta(**span))
        let_held_go()
        run_reactions()

    return go


def test_every_text_has_a_class():
    assert KINDS.keys() == TEXTS.keys()


def delivered() -> set[str]:
    return set(SmsMessage.objects.filter(state="delivered").values_list("template", flat=True))


def test_a_text_that_waits_for_nobody_leaves_at_once_even_at_night(clock, later):
    clock.move_to(BEGIN + timedelta(hours=15))  # midnight
    for template in TEXTS:
        text(template, f"its {template}")
    later(minutes=1)
    assert delivered() == AT_ONCE
    later(hours=8)
    assert len(delivered() & FOR_MONEY) == 1  # of its budget
    assert delivered() - FOR_MONEY == TEXTS.keys() - FOR_MONEY


def test_one_text_a_day_and_three_a_week_ask_a_person_for_money_whoever_sends_them(later):
    for n in range(5):
        text(("demand", "reminder")[n % 2], f"{n}")
    sent = []
    for _day in range(9):
        later(hours=1)
        sent.append(sum(state == "delivered" for state in states().values()))
        later(hours=23)
    assert sent == [1, 1, 2, 3, 3, 3, 3, 4, 4] or sent == [1, 2, 3, 3, 3, 3, 3, 4, 5]


def test_a_text_that_could_not_be_sent_counts_in_nobodys_budget(later):
    first = text("demand", "first")
    later(minutes=1)
    SmsMessage.objects.filter(pk=first.pk).update(state="failed")
    text("demand", "second")
    later(minutes=1)
    assert states()["second"] == "delivered"


def test_a_text_that_is_held_until_it_is_of_no_use_fails(later):
    text("demand", "first")
    later(minutes=1)
    text("demand", "second", valid_until=business_clock.now() + timedelta(hours=3))
    later(hours=30)
    assert states() == {"first": "delivered", "second": "failed"}


def test_who_wants_no_reminders_gets_what_the_law_asks_for_and_nothing_else(owner, later):
    services.want_reminders(user_id=owner.pk, wanted=False)
    for template in TEXTS:
        text(template, f"its {template}")
    later(hours=1)
    assert delivered() == TEXTS.keys() - NOT_WANTED


# ── Replies ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("T", "stop"),
        (" t ", "stop"),
        ("TD", "stop"),
        ("退订", "stop"),
        ("退订。", "stop"),
        ("不是我的车", "not_mine"),
        ("打错了", "not_mine"),
        ("Not my car", "not_mine"),
        ("THX", "other"),
        ("谢谢", "other"),
    ],
)
def test_what_an_answer_means(said, meaning):
    assert leaving.meaning_of(said) == meaning


@pytest.fixture
def provider(settings: Any) -> str:
    """The address to which the provider passes replies on."""
    settings.BOWEI_SMS = "aliyun"
    settings.BOWEI_SMS_ACCOUNT = {"reply_secret": "s3cret"}
    return "/api/v1/accounts/texts/replies/aliyun/s3cret/"


def passed_on(client: Any, address: str, *answers: tuple[str, str]) -> Any:
    rows = [
        {"sequence_id": number, "phone_number": OWNER_PHONE, "content": said}
        for number, said in answers
    ]
    return client.post(address, json.dumps(rows), content_type="application/json")


def test_a_reply_of_t_ends_the_reminders_once_and_is_kept_sealed(
    owner, provider, anonymous, run_reactions
):
    assert passed_on(anonymous, provider, ("1", "T")).json()["code"] == 0
    passed_on(anonymous, provider, ("1", "T"))
    run_reactions()
    reply = SmsReply.objects.get()
    assert (reply.text, reply.meaning, reply.user) == ("T", "stop", owner)
    assert reply.text_sealed != "T"
    assert User.objects.get(pk=owner.pk).sms_opted_out


def test_a_reply_without_the_secret_is_none(provider, anonymous, settings):
    assert passed_on(anonymous, provider.replace("s3cret", "guess"), ("1", "T")).status_code == 404
    settings.BOWEI_SMS_ACCOUNT = {}
    assert passed_on(anonymous, provider, ("1", "T")).status_code == 404
    settings.BOWEI_SMS_ACCOUNT = {"reply_secret": "s3cret"}
    for body in ("no json", "{}", '[{"a": 1}]', "[1]", "5"):
        answer = anonymous.post(provider, body, content_type="application/json")
        assert answer.status_code in (200, 400), body
    assert not SmsReply.objects.exists()
