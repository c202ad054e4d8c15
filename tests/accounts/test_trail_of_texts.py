"""What becomes of a text, and what people answer, is told to who waits for it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import leaving, services
from accounts.models import SmsMessage, User
from tests.people import OWNER_PHONE
from tests.trail import events, moves

KEY = "demand:7"
SENDER, RECEIPTS = "system:accounts.send_sms", "system:accounts.receipts"


@pytest.fixture
def text(owner: User, clock: Any) -> SmsMessage:
    """A text of which nobody has said yet that the provider took it."""
    return services.send_sms(
        phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key=KEY
    )


def told() -> dict[str, list[Any]]:
    return {
        "delivered": events("accounts.sms_delivered"),
        "failed": events("accounts.sms_failed"),
        "replied": events("accounts.sms_replied"),
    }


def taken(text: SmsMessage) -> None:
    assert services.sms_sent(text.pk, provider_id="b1")


def test_a_text_that_arrives_is_told_once(text: SmsMessage) -> None:
    taken(text)
    assert [services.sms_delivered(text.pk, code="OK") for _twice in range(2)] == [True, False]
    assert told() == {"delivered": [{"key": KEY}], "failed": [], "replied": []}
    assert [one[:3] for one in moves(text)] == [
        ("queued", "sent", SENDER),
        ("sent", "delivered", moves(text)[1][2]),
    ]
    assert moves(text)[1][3] == "OK"


def test_a_text_that_does_not_arrive_is_told_and_may_arrive_after_all(text: SmsMessage) -> None:
    taken(text)
    assert services.sms_undelivered(text.pk, error="off") is True
    assert services.sms_undelivered(text.pk, error="off") is False
    assert told() == {"delivered": [], "failed": [{"key": KEY}], "replied": []}
    assert services.sms_delivered(text.pk) is True
    assert told()["delivered"] == [{"key": KEY}]


def test_a_text_that_no_provider_takes_is_told(text: SmsMessage) -> None:
    assert [services.sms_failed(text.pk, error="no") for _twice in range(2)] == [True, False]
    assert told() == {"delivered": [], "failed": [{"key": KEY}], "replied": []}
    text.refresh_from_db()
    assert (text.state, text.error) == ("failed", "no")


@pytest.mark.parametrize(("early_s", "outdated"), [(1, False), (0, True)])
def test_a_text_that_is_too_late_is_told_and_a_second_earlier_it_is_not(
    text: SmsMessage, clock: Any, early_s: int, outdated: bool
) -> None:
    SmsMessage.objects.update(valid_until=clock.now() + timedelta(seconds=early_s))
    text.refresh_from_db()
    assert services.sms_outdated(text) is outdated
    assert told()["failed"] == [{"key": KEY}] * outdated


@pytest.mark.parametrize(
    ("said", "meaning"), [("TD", "stop"), ("这不是我的车", "not_mine"), ("好的", None)]
)
def test_what_a_person_answers_is_told_once_with_the_text_before(
    text: SmsMessage, owner: User, clock: Any, said: str, meaning: str | None
) -> None:
    now = clock.now()
    SmsMessage.objects.update(left_at=now, template="demand")
    for ago_min, template in ((60, "demand"), (-1, "login_code")):  # older; and nobody's question
        other = services.send_sms(
            phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key=f"x{ago_min}"
        )
        left_at = now - timedelta(minutes=ago_min)
        SmsMessage.objects.filter(pk=other.pk).update(left_at=left_at, template=template)
    services.send_sms(phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key="y")
    SmsMessage.objects.filter(key="y").update(template="demand")  # it has not left
    for _twice in range(2):
        reply = leaving.take_reply(provider="aliyun", number="1", phone=OWNER_PHONE, text=said)
    facts = {"reply_id": reply.pk, "user_id": owner.pk, "meaning": meaning, "key": KEY}
    assert told()["replied"] == ([facts] if meaning else [])


def test_who_is_unknown_answers_nobody(clock: Any) -> None:
    leaving.take_reply(provider="aliyun", number="1", phone="13799999999", text="TD")
    assert told()["replied"] == []
