"""A text that the provider has taken is not on the phone yet: what its receipts say counts."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts import services, tasks
from accounts.models import SmsMessage, SmsReceipt
from arrears.models import Demand, Look
from arrears.services import agree
from arrears.services.looks import REST
from core import clock as business_clock
from core import outbox
from tests.people import OWNER_PHONE, prove
from tests.street import PLATE

pytestmark = pytest.mark.django_db
PUSH = "/api/v1/accounts/receipts/aliyun/"


class Aliyun(BaseHTTPRequestHandler):
    """Takes messages and answers QuerySendDetails in the published format; `status` as of its
    SendStatus: 1 waits for the network, 2 failed, 3 received."""

    status = 1
    code = ""
    asked: list[tuple[str, dict[str, str]]] = []

    def do_POST(self) -> None:
        query = {name: one[0] for name, one in parse_qs(urlsplit(self.path).query).items()}
        action = self.headers["x-acs-action"]
        self.asked.append((action, query))
        answer: dict[str, Any] = {"Code": "OK", "Message": "OK", "RequestId": "r"}
        if action == "SendSms":
            answer["BizId"] = "134523^4351232"
        else:
            answer["TotalCount"] = 1
            answer["SmsSendDetailDTOs"] = {
                "SmsSendDetailDTO": [
                    {
                        "ErrCode": self.code,
                        "TemplateCode": "SMS_2",
                        "OutId": SmsMessageKey.key,
                        "ReceiveDate": "2026-03-02 12:00:05",
                        "SendDate": "2026-03-02 12:00:00",
                        "PhoneNum": OWNER_PHONE,
                        "Content": "…",
                        "SendStatus": self.status,
                    }
                ]
            }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class SmsMessageKey:
    key = ""


@pytest.fixture
def provider(settings: Any) -> Iterator[type[Aliyun]]:
    Aliyun.asked, Aliyun.status, Aliyun.code = [], 1, ""
    server = HTTPServer(("127.0.0.1", 0), Aliyun)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.BOWEI_SMS = "aliyun"
    settings.BOWEI_SMS_ACCOUNT = {
        "access_key": "id",
        "secret": "s",
        "sign_name": "泊位",
        "templates": {"demand": "SMS_2", "demand_raised": "SMS_3"},
        "endpoint": f"http://127.0.0.1:{server.server_port}",
    }
    yield Aliyun
    server.shutdown()


@pytest.fixture
def taken(provider: Any, owner: Any, berth: Any, stay_of: Any, run_reactions: Any) -> SmsMessage:
    """A demand whose text the provider has just taken, from the proven holder."""
    prove(owner, PLATE.text, "blue")
    stay_of(berth, minutes=90)
    run_reactions()
    business_clock.advance(timedelta(hours=73))
    follow(run_reactions)
    agree(Look.objects.values_list("pk", flat=True), actor="user:1")
    business_clock.advance(REST)
    follow(run_reactions)
    message = SmsMessage.objects.get(template="demand")
    SmsMessageKey.key = message.key
    tasks.send_sms(message.pk)
    run_reactions()
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("sent", "134523^4351232")
    return message


def follow(run_reactions: Any) -> None:
    for _round in range(3):
        outbox.sweep_once()
        run_reactions()


def pushed(client: Any, key: str, *, success: bool = True, code: str = "DELIVERED") -> Any:
    """The provider pushes a report in its published format."""
    report = {
        "phone_number": OWNER_PHONE,
        "send_time": "2026-03-02 12:00:00",
        "report_time": "2026-03-02 12:00:05",
        "success": success,
        "err_code": code,
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": "134523^4351232",
        "out_id": key,
    }
    return client.post(PUSH, json.dumps([report]), content_type="application/json")


def test_a_text_that_the_provider_took_delivers_no_demand(taken):
    assert Demand.objects.get().state == "sending"


def test_the_phones_receipt_delivers_it(taken, provider, run_reactions):
    provider.status, provider.code = 3, "DELIVERED"
    tasks.ask_receipt(taken.pk)
    run_reactions()
    taken.refresh_from_db()
    assert (taken.state, taken.delivered_at) == ("delivered", business_clock.now())
    demand = Demand.objects.get()
    assert (demand.state, demand.delivered_at) == ("delivered", business_clock.now())
    action, query = provider.asked[-1]
    assert action == "QuerySendDetails"
    assert (query["PhoneNumber"], query["BizId"]) == (OWNER_PHONE, "134523^4351232")
    kept = SmsReceipt.objects.get()
    assert kept.raw["ErrCode"] == "DELIVERED"
    assert OWNER_PHONE not in json.dumps(kept.raw)


def test_a_phone_that_was_not_reached_sends_the_demand_on_paper(taken, provider, run_reactions):
    provider.status, provider.code = 2, "MOBILE_NOT_ON_SERVICE"
    tasks.ask_receipt(taken.pk)
    run_reactions()
    taken.refresh_from_db()
    assert (taken.state, taken.error) == ("failed", "MOBILE_NOT_ON_SERVICE")
    demand = Demand.objects.get()
    assert (demand.channel, demand.state) == ("paper", "made")


def test_a_push_makes_us_ask_and_proves_nothing_by_itself(taken, anonymous, run_reactions):
    answer = pushed(anonymous, taken.key)
    assert answer.json() == {"code": 0, "msg": "接收成功"}
    run_reactions()
    taken.refresh_from_db()
    assert taken.state == "sent"
    assert taken.ask_at <= business_clock.real()
    assert SmsReceipt.objects.get().raw["err_code"] == "DELIVERED"
    tasks.ask_receipt(taken.pk)  # the network has not said so
    run_reactions()
    assert Demand.objects.get().state == "sending"


def test_a_push_about_what_nobody_sent_is_kept_nowhere(provider, anonymous):
    assert pushed(anonymous, "demand:999").status_code == 200
    assert not SmsReceipt.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'[{"biz_id": "1"}]', b'"x"', b"null"])
def test_what_is_no_report_is_refused(provider, anonymous, body):
    assert anonymous.post(PUSH, body, content_type="application/json").status_code == 400


def test_no_other_provider_pushes_here(db, anonymous):
    for name in ("sandbox", "pigeon"):
        url = f"/api/v1/accounts/receipts/{name}/"
        assert anonymous.post(url, b"[]", content_type="application/json").status_code == 404


def test_without_a_receipt_in_its_time_the_demand_goes_on_paper_and_a_late_one_still_counts(
    taken, provider, run_reactions
):
    tasks.ask_receipt(taken.pk)
    business_clock.advance(services.RECEIPT_WITHIN)
    tasks.ask_receipt(taken.pk)
    run_reactions()
    demand = Demand.objects.get()
    assert (demand.channel, demand.state) == ("paper", "made")
    services.sms_delivered(taken.pk)
    run_reactions()
    demand.refresh_from_db()
    assert demand.state == "delivered"


def test_each_message_is_asked_after_once_at_a_time(taken, monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(tasks.ask_receipt, "delay", asked.append)
    SmsMessage.objects.update(ask_at=business_clock.real())
    tasks.ask_for_receipts()
    tasks.ask_for_receipts()
    assert asked == [taken.pk]


def test_a_provider_that_is_away_is_asked_again(taken, provider, settings):
    settings.BOWEI_SMS_ACCOUNT = {**settings.BOWEI_SMS_ACCOUNT, "endpoint": "http://127.0.0.1:9"}
    tasks.ask_receipt(taken.pk)
    taken.refresh_from_db()
    assert taken.state == "sent"
