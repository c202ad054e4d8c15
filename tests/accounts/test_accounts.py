"""Log-in by phone, possession of plates, roles, messages."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts import selectors, services
from accounts.models import SmsMessage
from accounts.rules import MAY, may, may_give
from accounts.sms import SmsNotSent
from accounts.sms.aliyun import AliyunSms
from core import audit, deeds, limits
from core.errors import Invalid, TooMany
from core.models import OutboxEvent
from tests.people import OWNER_PHONE, prove


def code_in(message: SmsMessage) -> str:
    return message.params["code"]


def test_an_owner_logs_in_with_the_code_of_the_newest_message(db, client):
    answer = client.post("/me/login/", {"phone": "139 1234 5678"})
    assert answer.status_code == 200
    code = code_in(SmsMessage.objects.get())

    answer = client.post("/me/login/", {"phone": OWNER_PHONE, "code": code, "next": "/me/plates/"})

    assert (answer.status_code, answer["Location"]) == (302, "/me/plates/")
    assert client.get("/me/plates/").status_code == 200


def test_a_code_works_once_and_five_wrong_ones_end_it(db, clock):
    code = code_in(services.send_login_code(phone=OWNER_PHONE))
    services.redeem_login_code(phone=OWNER_PHONE, code=code)
    with pytest.raises(Invalid):
        services.redeem_login_code(phone=OWNER_PHONE, code=code)

    code = code_in(services.send_login_code(phone=OWNER_PHONE))
    for _ in range(5):
        with pytest.raises(Invalid):
            services.redeem_login_code(phone=OWNER_PHONE, code="no")
    with pytest.raises(Invalid):
        services.redeem_login_code(phone=OWNER_PHONE, code=code)


def test_codes_cannot_be_asked_for_without_end(db, clock):
    codes_an_hour = deeds.CODE.thing[0].most
    for n in range(codes_an_hour + 1):
        with limits.asked_by(limits.Asker(f"192.0.2.{n}", browser=f"browser {n}")):
            if n < codes_an_hour:
                services.send_login_code(phone=OWNER_PHONE)
                continue
            with pytest.raises(TooMany):
                services.send_login_code(phone=OWNER_PHONE)


def test_the_next_address_after_log_in_stays_on_our_pages(db, client):
    client.post("/me/login/", {"phone": OWNER_PHONE})
    code = code_in(SmsMessage.objects.get())
    answer = client.post(
        "/me/login/", {"phone": OWNER_PHONE, "code": code, "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/dues/"


def test_a_plate_has_one_proven_holder_and_a_sale_ends_the_former(clock, owner, stranger):
    prove(owner, "沪A12345", "blue")
    assert selectors.holder_of("沪A12345", "blue") == owner

    prove(stranger, "沪A12345", "blue")

    assert selectors.holder_of("沪A12345", "blue") == stranger
    assert selectors.proven_plates_of(owner) == []


def test_an_owner_gives_up_a_plate_on_their_page_and_may_take_it_up_again(
    clock, owner, owner_client, stranger_client
):
    holding = prove(owner, "沪A12345", "blue")
    end = f"/me/plates/{holding.pk}/end/"
    assert end in owner_client.get("/me/plates/").content.decode()

    assert stranger_client.post(end).status_code == 404
    assert owner_client.get(end).status_code == 405
    assert selectors.holder_of("沪A12345", "blue") == owner

    for _ in range(2):  # a button pressed twice
        answer = owner_client.post(end, follow=True)
        assert "沪A" not in answer.content.decode()
    assert selectors.holder_of("沪A12345", "blue") is None
    told = OutboxEvent.objects.get(topic="accounts.holding_ended")
    assert told.data == {"holding_id": holding.pk, "user_id": owner.pk}

    prove(owner, "沪A12345", "blue")
    assert selectors.holder_of("沪A12345", "blue") == owner


def test_a_claim_alone_opens_nothing(clock, owner):
    services.claim_plate(user=owner, plate_text="沪A12345", plate_colour="blue")
    assert selectors.holder_of("沪A12345", "blue") is None
    assert selectors.proven_plates_of(owner) == []


@pytest.mark.parametrize(
    ("action", "roles"),
    [
        ("see", ["owner", "manager", "cashier", "attendant"]),
        ("plates", ["owner", "manager", "cashier"]),
        ("money", ["owner", "manager", "cashier"]),
        ("cash", ["owner", "manager", "cashier", "attendant"]),
        ("debts", ["owner", "manager", "cashier", "attendant"]),
        ("export", ["owner", "manager", "cashier"]),
        ("whole_plates", ["owner", "manager"]),
        ("recover", ["owner", "manager"]),
        ("lower_lock", ["owner", "manager", "attendant"]),
        ("devices", ["owner", "manager"]),
        ("cards", ["owner", "manager"]),
        ("settle_stay", ["owner", "manager", "cashier"]),
        ("void_stay", ["owner", "manager"]),
        ("move_money", ["owner", "manager"]),
        ("approve", ["owner", "manager"]),
        ("staff", ["owner"]),
        ("capture", ["attendant"]),
        ("what nobody may", []),
    ],
)
def test_who_may_do_what_at_a_merchant(action: str, roles: list[str]) -> None:
    assert [role for role in MAY if may(role, action)] == roles


def test_a_role_is_given_by_who_may_do_all_that_it_may():
    assert [role for role in MAY if may_give("owner", role)] == list(MAY)
    assert [role for role in MAY if may_give("manager", role)] == ["manager", "cashier"]
    assert [role for role in MAY if may_give(None, role)] == []
    assert not may(None, "see")


def test_a_message_is_sent_once_for_a_key(clock, run_reactions):
    for _ in range(2):
        services.send_sms(
            phone=OWNER_PHONE, template="login_code", params={"code": "123456"}, key="same"
        )
    run_reactions()
    message = SmsMessage.objects.get()
    assert message.state == "delivered"  # the sandbox's table is the phone
    assert message.phone_masked == "139••••5678"
    assert OWNER_PHONE not in message.phone_sealed


class Provider(BaseHTTPRequestHandler):
    """Speaks the published format of the provider and checks what it is sent."""

    answer: dict[str, str] = {}
    seen: list[tuple[dict[str, list[str]], str]] = []

    def do_POST(self):
        query = parse_qs(urlsplit(self.path).query)
        self.seen.append((query, self.headers["Authorization"]))
        body = json.dumps(self.answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def provider():
    Provider.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield AliyunSms(
        access_key="id",
        secret="s",
        sign_name="泊位",
        templates={"login_code": "SMS_1"},
        endpoint=f"http://127.0.0.1:{server.server_port}",
    )
    server.shutdown()


def test_the_provider_is_asked_in_its_own_format(provider):
    Provider.answer = {"Code": "OK", "BizId": "b-1"}
    number = provider.send(phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key="k")
    assert number == "b-1"
    query, authorization = Provider.seen[0]
    assert query["TemplateCode"] == ["SMS_1"]
    assert json.loads(query["TemplateParam"][0]) == {"code": "1"}
    assert authorization.startswith("ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-")


@pytest.mark.parametrize(
    ("code", "final"), [("isv.MOBILE_NUMBER_ILLEGAL", True), ("isv.BUSINESS_LIMIT_CONTROL", False)]
)
def test_a_refusal_of_the_provider_says_whether_trying_again_helps(provider, code, final):
    Provider.answer = {"Code": code}
    with pytest.raises(SmsNotSent) as failed:
        provider.send(phone=OWNER_PHONE, template="login_code", params={"code": "1"}, key="k")
    assert failed.value.final is final


def test_an_owner_sends_the_licence_and_who_decides_sees_it(
    clock, owner, owner_client, stranger_client, operator_client
):
    holding = services.claim_plate(user=owner, plate_text="沪A12345", plate_colour="blue")
    show = f"/me/plates/{holding.pk}/show/"
    data = BytesIO()
    Image.new("RGB", (64, 48), (3, 0, 90)).save(data, "JPEG")
    photograph = SimpleUploadedFile("licence.jpg", data.getvalue(), "image/jpeg")
    assert stranger_client.post(show, {"photograph": photograph}).status_code == 404
    owner_client.post(show, {})
    holding.refresh_from_db()
    assert holding.evidence == ""

    photograph.seek(0)
    owner_client.post(show, {"photograph": photograph})
    holding.refresh_from_db()
    assert holding.evidence
    desk = operator_client.get(f"/admin/accounts/plateholding/{holding.pk}/change/")
    address = re.search(r'href="(/[^"]*photograph[^"]*)"', desk.content.decode())
    assert address
    assert operator_client.get(address[1]).status_code == 200


def test_who_says_that_the_vehicle_is_sold_holds_it_no_more(clock, owner, owner_client):
    holding = prove(owner, "沪A12345", "blue")
    owner_client.post(f"/me/plates/{holding.pk}/end/", {"why": "sold"})
    holding.refresh_from_db()
    assert holding.state == "ended"
    assert audit.trail(holding).last().reason == "sold"
