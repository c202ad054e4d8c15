"""Tax invoices: asked for once, of what was kept, taken back when money goes back."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db.models import Sum
from django.test import Client

from accounts.models import Merchant
from core import clock as business_clock
from core.errors import Invalid, Missing, Refused
from payments import services, tasks
from payments.invoices.base import InvoiceSays
from payments.models import Invoice, Order
from payments.services import invoices
from payments.services.moving import move
from payments.states import InvoiceState
from tests import waiting
from tests.payments import kiosk
from tests.payments.conftest import TEST, moved, open_order, pay
from tests.payments.threads import at_once

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def paid(order: Order) -> Order:
    """An order of ¥6.00 that is paid."""
    pay(order)
    order.refresh_from_db()
    return order


def ask(order: Order, merchant: Merchant, **more: Any) -> Invoice:
    said = {"buyer_name": "张三", "actor": "owner"} | more
    return services.ask_invoice(order_id=order.pk, merchant_id=merchant.pk, **said)


def give_back(order: Order, fen: int, key: str = "k") -> None:
    item = order.items.first()
    assert item is not None
    services.refund(item_id=item.pk, amount_fen=fen, reason="x", actor=TEST, key=key)


def carried_out(invoice: Invoice) -> str:
    state = services.carry_out_invoice(invoice.pk)
    invoice.refresh_from_db()
    assert state == invoice.state
    return state


# ── What is kept is what is invoiced ─────────────────────────────────────────────────────────────
def test_an_invoice_is_of_what_the_merchant_has_kept(paid: Order, merchant: Merchant) -> None:
    give_back(paid, 150)
    invoice = ask(paid, merchant, buyer_tax_no=" 91310000ma1fl0a00x ")
    assert (invoice.state, invoice.amount_fen) == ("asked", 450)
    assert (invoice.buyer_name, invoice.buyer_tax_no) == ("张三", "91310000MA1FL0A00X")
    assert carried_out(invoice) == "issued"
    assert invoice.fapiao_no == f"SANDBOX-{invoice.number}"
    assert (invoice.next_look_at, invoice.red_no) == (None, "")


def test_asked_for_again_it_is_the_same_invoice(paid: Order, merchant: Merchant) -> None:
    first = ask(paid, merchant)
    assert ask(paid, merchant, buyer_name="李四") == first
    carried_out(first)
    assert ask(paid, merchant) == first
    assert Invoice.objects.count() == 1


def test_two_merchants_of_one_order_issue_two_invoices(
    merchant: Merchant, other_merchant: Merchant, clock: Any
) -> None:
    things = [kiosk.owe(1, 600, merchant.pk), kiosk.owe(2, 400, other_merchant.pk)]
    order = services.open_order(items=things, actor=TEST)
    pay(order)
    for seller in (merchant, other_merchant):
        ask(order, seller)
    told = Invoice.objects.order_by("pk").values_list("merchant", "amount_fen")
    assert list(told) == [(merchant.pk, 600), (other_merchant.pk, 400)]


def test_what_went_back_whole_or_was_never_paid_is_not_invoiced(
    order: Order, merchant: Merchant, other_merchant: Merchant
) -> None:
    with pytest.raises(Refused):
        ask(order, merchant)
    pay(order)
    with pytest.raises(Missing):
        ask(order, other_merchant)
    give_back(order, 600)
    with pytest.raises(Refused):
        ask(order, merchant)


@pytest.mark.parametrize(
    ("buyer", "tax_no"), [("", ""), ("  ", ""), ("张三", "12"), ("张三", "I" * 18)]
)
def test_an_invoice_names_a_buyer(paid: Order, merchant: Merchant, buyer: str, tax_no: str) -> None:
    with pytest.raises(Invalid):
        ask(paid, merchant, buyer_name=buyer, buyer_tax_no=tax_no)
    assert Invoice.objects.count() == 0


@pytest.mark.parametrize("state", [InvoiceState.ASKED, InvoiceState.REVERSING])
@pytest.mark.parametrize(("looks", "then", "wait_s"), [(0, 1, 10), (8, 9, 1800), (9, 10, 3600)])
def test_an_issuer_without_an_answer_is_asked_again_ever_more_seldom(
    paid: Order, merchant: Merchant, state: str, looks: int, then: int, wait_s: int
) -> None:
    invoice = ask(paid, merchant)
    Invoice.objects.update(state=state, looks=looks)
    began = business_clock.real()
    assert invoices._mark(invoice.pk, InvoiceSays(stands="pending", problem="x" * 301)) == state
    invoice.refresh_from_db()
    assert (invoice.looks, invoice.problem) == (then, "x" * 300)
    assert invoice.next_look_at is not None
    waits = invoice.next_look_at - timedelta(seconds=wait_s)
    assert began <= waits <= business_clock.real()


# ── Money goes back ──────────────────────────────────────────────────────────────────────────────
def test_a_refund_after_the_invoice_starts_the_red_letter_and_the_rest_is_asked_for_anew(
    paid: Order, merchant: Merchant
) -> None:
    invoice = ask(paid, merchant)
    carried_out(invoice)
    give_back(paid, 100)
    invoice.refresh_from_db()
    assert invoice.state == "reversing"
    assert ask(paid, merchant) == invoice  # until it is taken back there is no other
    assert carried_out(invoice) == "reversed"
    assert invoice.red_no == f"SANDBOX-RED-{invoice.number}"
    rest = ask(paid, merchant)
    assert (rest.state, rest.amount_fen) == ("asked", 500)


def test_a_refund_before_the_invoice_is_sent_keeps_it_from_being_issued(
    paid: Order, merchant: Merchant, anonymous: Client
) -> None:
    invoice = ask(paid, merchant)
    give_back(paid, 100)
    assert carried_out(invoice) == "refused"
    assert invoice.fapiao_no == ""
    page = anonymous.get(f"/o/{paid.token}/invoice/", headers=ENGLISH).content.decode()
    assert "Money went back meanwhile; ask anew for the rest." in page
    assert ask(paid, merchant).amount_fen == 500


def test_a_refund_while_the_issuer_is_asked_takes_back_what_it_issues(
    paid: Order, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = ask(paid, merchant)
    plain = invoices._mark

    def late(*given: Any) -> str:
        monkeypatch.setattr(invoices, "_mark", plain)
        give_back(paid, 100)
        return plain(*given)

    monkeypatch.setattr(invoices, "_mark", late)
    assert carried_out(invoice) == "reversing"
    assert invoice.fapiao_no != ""
    assert carried_out(invoice) == "reversed"


def test_money_that_moves_to_another_merchant_takes_the_invoice_back(
    paid: Order, merchant: Merchant, other_merchant: Merchant
) -> None:
    invoice = ask(paid, merchant)
    carried_out(invoice)
    item = paid.items.get()
    move(
        item_id=item.pk,
        amount_fen=200,
        payable=item.payable,
        subject_id=9,
        merchant_id=other_merchant.pk,
        title="x",
        reason="x",
        actor=TEST,
    )
    assert carried_out(invoice) == "reversed"
    assert (ask(paid, merchant).amount_fen, ask(paid, other_merchant).amount_fen) == (400, 200)


@pytest.mark.django_db(transaction=True)
def test_ten_who_ask_at_once_get_one_invoice(order: Order, merchant: Merchant) -> None:
    pay(order)
    found = at_once(*[lambda: ask(order, merchant).pk] * 10)
    assert len(set(found)) == 1
    assert Invoice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refund_and_an_invoice_at_once_never_leave_more_invoiced_than_kept(
    order: Order, merchant: Merchant
) -> None:
    pay(order)
    at_once(lambda: give_back(order, 100), lambda: ask(order, merchant))
    invoice = Invoice.objects.get()
    at_once(
        lambda: services.carry_out_invoice(invoice.pk), lambda: give_back(order, 100, "another")
    )
    for _twice in range(2):
        services.carry_out_invoice(invoice.pk)
    standing = Invoice.objects.filter(state=InvoiceState.ISSUED)
    total = standing.aggregate(fen=Sum("amount_fen"))["fen"] or 0
    assert total in (0, 400)


@pytest.mark.django_db(transaction=True)
def test_whoever_works_on_an_invoice_waits_for_who_works_on_its_order(
    order: Order, merchant: Merchant
) -> None:
    pay(order)
    invoice = ask(order, merchant)
    says = invoices.InvoiceSays(stands="pending")
    acts: dict[str, Callable[[], object]] = {
        "ask": lambda: ask(order, merchant),
        "sent": lambda: invoices._may_be_sent(invoice.pk, backwards=False),
        "answer": lambda: invoices._mark(invoice.pk, says),
    }
    assert waiting.all_at(order, acts) == dict.fromkeys(acts, "waits")


def test_an_invoice_is_asked_about_until_it_is_there_and_then_no_more(
    paid: Order, merchant: Merchant
) -> None:
    invoice = ask(paid, merchant)
    assert tasks.look_at_invoices() == 1
    assert tasks.look_at_invoices() == 0  # claimed for a minute
    carried_out(invoice)
    assert tasks.look_at_invoices() == 0


# ── The page ─────────────────────────────────────────────────────────────────────────────────────
def test_a_payer_asks_for_the_invoice_and_sees_what_becomes_of_it(
    paid: Order, merchant: Merchant, anonymous: Client
) -> None:
    page = f"/o/{paid.token}/invoice/"
    assert page in anonymous.get(f"/o/{paid.token}/done/").content.decode()
    said = {"merchant": merchant.pk, "buyer_name": "张三", "buyer_tax_no": ""}
    for _twice in range(2):
        assert anonymous.post(page, said).status_code == 302
    invoice = Invoice.objects.get()
    asked = anonymous.get(page, headers=ENGLISH).content.decode()
    assert "Asked for" in asked
    assert "张•" in asked
    assert "张三" not in asked  # the link may have been sent on
    carried_out(invoice)
    assert invoice.fapiao_no in anonymous.get(page, headers=ENGLISH).content.decode()
    give_back(paid, 600)
    assert "Being taken back" in anonymous.get(page, headers=ENGLISH).content.decode()
    carried_out(invoice)
    text = anonymous.get(page, headers=ENGLISH).content.decode()
    assert "there is nothing to be invoiced" in text


def test_where_nobody_issues_any_none_is_offered(
    paid: Order, anonymous: Client, settings: Any
) -> None:
    settings.PRODUCTION = True
    assert "/invoice/" not in anonymous.get(f"/o/{paid.token}/done/").content.decode()
    assert anonymous.get(f"/o/{paid.token}/invoice/").status_code == 404


# ── Nuonuo, as it publishes itself ───────────────────────────────────────────────────────────────
class NuonuoServer(ThreadingHTTPServer):
    """The gateway on a port of this machine: checks the signature, issues at the second look."""

    SECRET = "s" * 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.known: dict[str, dict[str, Any]] = {}
        self.red: dict[str, int] = {}
        self.down = False

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((method, body))
        if method == "requestBillingNew":
            number = body["order"]["orderNo"]
            if number in self.known:
                return {"code": "E9106", "describe": "订单编号不能重复"}
            if body["order"]["buyerName"] == "无效":
                return {"code": "E9999", "describe": "购方名称无效"}
            self.known[number] = {"status": "20", "statusMsg": "开票中"}
            return {"code": "E0000", "result": {"invoiceSerialNum": "22072015181902023731"}}
        if method == "queryInvoiceResult":
            row = self.known.get(body["orderNos"][0])
            if row is None:
                return {"code": "E9500", "describe": "未查询到发票"}
            told = dict(row)
            row |= {"status": "2", "allElectronicInvoiceNumber": "26332000000123456789"}
            row |= {"pdfUrl": "https://inv.jss.com.cn/fp/x.pdf"}
            return {"code": "E0000", "result": [told]}
        if method == "saveInvoiceRedConfirm":
            self.red[body["billId"]] = 0
            return {"code": "E0000", "result": body["billId"]}
        looks = self.red.get(body["billId"])
        if looks is None:
            return {"code": "E0000", "result": {"total": 0, "list": []}}
        self.red[body["billId"]] += 1
        row = {"billStatus": "01", "openStatus": 1 if looks else 0, "redInvoiceNumber": "2633R"}
        return {"code": "E0000", "result": {"total": 1, "list": [row]}}


class _Answers(BaseHTTPRequestHandler):
    server: NuonuoServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = dict(parse_qsl(urlsplit(self.path).query))
        said = "a=services&l=v1&p=open&k={appkey}&i={senid}&n={nonce}&t={timestamp}&f="
        mine = hmac.new(
            self.server.SECRET.encode(), (said.format(**asked) + body).encode(), hashlib.sha1
        )
        genuine = self.headers["X-Nuonuo-Sign"] == base64.b64encode(mine.digest()).decode()
        assert (len(asked["senid"]), len(asked["nonce"])) == (32, 8)
        method = self.headers["method"].removeprefix("nuonuo.OpeMplatform.")
        told: dict[str, Any] = {"code": "070101", "describe": "bad sign"}
        if genuine and (self.headers["accessToken"], self.headers["userTax"]) == ("t", "9131"):
            told = self.server.answer(method, json.loads(body))
        self.send_response(500 if self.server.down else 200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_args: Any) -> None: ...


@pytest.fixture
def nuonuo(settings: Any, merchant: Merchant) -> Iterator[NuonuoServer]:
    server = NuonuoServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seller = {"taxnum": "9131", "name": "愚园停车", "token": "t", "clerk": "王五"}
    seller |= {"goods_name": "停车费", "goods_code": "3040502020200000000", "tax_rate": "0.06"}
    settings.BOWEI_INVOICES = {
        "app_key": "k",
        "app_secret": server.SECRET,
        "gateway": f"http://127.0.0.1:{server.server_port}/open/v1/services",
        "sellers": {merchant.code: seller},
    }
    yield server
    server.shutdown()


def test_nuonuo_issues_what_it_is_asked_for_once_and_takes_it_back(
    paid: Order, merchant: Merchant, nuonuo: NuonuoServer
) -> None:
    invoice = ask(paid, merchant)
    assert [carried_out(invoice) for _look in range(3)] == ["asked", "asked", "issued"]
    method, body = nuonuo.asked[0]
    assert method == "requestBillingNew"
    [line] = body["order"]["invoiceDetail"]
    assert (line["taxIncludedAmount"], line["price"], line["withTaxFlag"]) == ("6.00", "6.00", "1")
    assert body["order"]["orderNo"] == invoice.number
    assert (body["order"]["salerTaxNum"], body["order"]["invoiceLine"]) == ("9131", "pc")
    assert invoice.fapiao_no == "26332000000123456789"
    assert invoice.url == "https://inv.jss.com.cn/fp/x.pdf"
    give_back(paid, 600)
    invoice.refresh_from_db()
    states = [carried_out(invoice) for _look in range(3)]
    assert states == ["reversing", "reversing", "reversed"]
    save = next(body for method, body in nuonuo.asked if method == "saveInvoiceRedConfirm")
    assert (save["blueElecInvoiceNumber"], save["billId"]) == (invoice.fapiao_no, invoice.number)
    assert invoice.red_no == "2633R"
    methods = [method for method, _body in nuonuo.asked]
    assert methods.count("requestBillingNew") == methods.count("saveInvoiceRedConfirm") == 1


def test_an_issuer_that_does_not_answer_is_asked_what_it_knows_before_it_is_asked_again(
    paid: Order, merchant: Merchant, nuonuo: NuonuoServer
) -> None:
    invoice = ask(paid, merchant)
    nuonuo.down = True  # it has heard us, and we do not know
    assert carried_out(invoice) == "asked"
    assert invoice.problem == "HTTPError"
    nuonuo.down = False
    assert [carried_out(invoice) for _look in range(2)] == ["asked", "issued"]
    assert [method for method, _body in nuonuo.asked].count("requestBillingNew") == 1
    assert moved(Invoice, "issued") == 1


def test_what_nuonuo_refuses_is_said_and_may_be_asked_for_anew(
    paid: Order, merchant: Merchant, nuonuo: NuonuoServer, anonymous: Client
) -> None:
    refused = ask(paid, merchant, buyer_name="无效")
    assert carried_out(refused) == "refused"
    assert refused.problem == "E9999 购方名称无效"
    assert "购方名称无效" in anonymous.get(f"/o/{paid.token}/invoice/").content.decode()
    assert ask(paid, merchant) != refused


def test_a_merchant_whom_nuonuo_does_not_know_issues_none(
    nuonuo: NuonuoServer, other_merchant: Merchant, clock: Any
) -> None:
    order = open_order(other_merchant, 600)
    pay(order)
    with pytest.raises(Missing):
        ask(order, other_merchant)
