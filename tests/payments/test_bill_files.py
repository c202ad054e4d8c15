"""Bills are downloaded, proved and read as WeChat Pay and Alipay publish them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from config.local import billing
from core.calendar import CITY
from payments import providers
from payments.providers.alipay.bills import read_bill as read_alipay
from payments.providers.base import BillAbsent, BillBroken, ProviderUnclear
from payments.providers.files import gunzipped, mils, unzipped
from payments.providers.wechat.bills import read_bill as read_wechat
from payments.rules.bills import BillRow, BillSums
from tests.payments.servers import AlipayServer, WeChatServer, serving

DAY, NAME = date(2026, 3, 2), "2026-03-02"
AT = datetime(2026, 3, 2, 23, 59, 59, tzinfo=CITY)
ROWS = [
    BillRow(kind="payment", number="P1", provider_no="42P1", amount_fen=431850, at=AT),
    BillRow(kind="payment", number="P2", provider_no="42P2", amount_fen=5, at=AT),
    BillRow(
        kind="refund", number="P1", refund_number="R1", provider_no="50R1", amount_fen=105, at=AT
    ),
]
WECHATS = [
    replace(row, merchant="1900000109", fee_mils=fee)
    for row, fee in zip(ROWS, (2_591_100, 30, 630), strict=True)
]
ALIPAYS = [
    replace(row, merchant="2088102146225135", fee_mils=fee)
    for row, fee in zip(ROWS, (2_591_000, 0, 1000), strict=True)
]


@pytest.fixture
def wechat(settings: Any) -> Iterator[WeChatServer]:
    server = WeChatServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"wechat": server.settings(url)}
        providers.forget()
        yield server


@pytest.fixture
def alipay(settings: Any) -> Iterator[AlipayServer]:
    server = AlipayServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"alipay": server.settings(url)}
        providers.forget()
        yield server


def test_wechat_s_bill_is_asked_for_proved_and_read(wechat: WeChatServer) -> None:
    wechat.bills[NAME] = billing.wechat(WECHATS)
    bill = providers.bills("wechat", "1900000109").bill(DAY)
    assert bill.rows == WECHATS
    assert bill.said == BillSums(payments_fen=431855, refunds_fen=105)


def test_alipay_s_bill_is_asked_for_and_read(alipay: AlipayServer) -> None:
    alipay.bills[NAME] = billing.alipay(ALIPAYS, DAY)
    bill = providers.bills("alipay", alipay.SELLER).bill(DAY)
    assert bill.rows == ALIPAYS
    assert bill.said == BillSums(payments=2, refunds=1)


def test_a_bill_of_a_day_without_payments_is_read(wechat: WeChatServer) -> None:
    assert read_wechat(billing.wechat([])).rows == []
    assert read_alipay(billing.alipay([], DAY), DAY).rows == []


@pytest.mark.parametrize("error", ["NO_STATEMENT_EXIST", "STATEMENT_CREATING"])
def test_a_bill_that_wechat_has_not_is_absent(wechat: WeChatServer, error: str) -> None:
    wechat.bill_error = error
    with pytest.raises(BillAbsent):
        providers.bills("wechat", "1900000109").bill(DAY)


def test_a_bill_that_alipay_has_not_is_absent(alipay: AlipayServer) -> None:
    with pytest.raises(BillAbsent):
        providers.bills("alipay", alipay.SELLER).bill(DAY)


def test_a_file_with_another_digest_is_not_wechat_s_bill(wechat: WeChatServer) -> None:
    wechat.bills[NAME] = billing.wechat(WECHATS)
    wechat.spoil_bills = True
    with pytest.raises(BillBroken, match="another digest"):
        providers.bills("wechat", "1900000109").bill(DAY)


def test_an_answer_that_wechat_did_not_sign_leads_to_no_bill(wechat: WeChatServer) -> None:
    wechat.bills[NAME] = billing.wechat(WECHATS)
    wechat.forge_answers = True
    with pytest.raises(ProviderUnclear):
        providers.bills("wechat", "1900000109").bill(DAY)


def test_a_bill_is_fetched_from_alipay_s_own_hosts_alone(alipay: AlipayServer) -> None:
    alipay.bills[NAME] = billing.alipay(ALIPAYS, DAY)
    alipay.bill_host = "notalipay.com"
    with pytest.raises(BillBroken, match="another place"):
        providers.bills("alipay", alipay.SELLER).bill(DAY)


@pytest.mark.parametrize(
    ("find", "put"),
    [
        ("总交易单数", "单数"),  # cut short before its sums
        ("`3,`4318.55", "`4,`4318.55"),  # a row is missing
        ("商户退款单号", "退款单"),
        ("`4318.50", "`4318.505"),
        ("`0.05", "`五分"),
        ("2026-03-02 23", "2026-13-02 23"),
        ("`JSAPI", "JSAPI"),
    ],
)
def test_a_file_that_is_no_bill_of_wechat_is_refused(find: str, put: str) -> None:
    text = billing.wechat(WECHATS).decode()
    assert find in text
    with pytest.raises(BillBroken):
        read_wechat(text.replace(find, put).encode())


@pytest.mark.parametrize(
    ("find", "put"),
    [
        ("#退款合计", "#退款"),
        ("#账号：", "#号："),
        ("商户订单号", "订单"),
        ("退款\t", "分账\t"),
        ("4318.50", "4318.5O"),
    ],
)
def test_a_file_that_is_no_bill_of_alipay_is_refused(find: str, put: str) -> None:
    (name, file), *_rest = unzipped(billing.alipay(ALIPAYS, DAY)).items()
    text = file.decode("gbk")
    assert find in text
    with pytest.raises(BillBroken):
        read_alipay(billing.zipped({name: text.replace(find, put).encode("gbk")}), DAY)


def test_another_day_s_file_is_not_the_bill_of_this_day() -> None:
    with pytest.raises(BillBroken, match="another day"):
        read_alipay(billing.alipay(ALIPAYS, date(2026, 3, 1)), DAY)


@pytest.mark.parametrize("file", [b"", b"no zip", "没有".encode("gbk"), b"PK\x03\x04"])
def test_what_is_no_file_of_a_bill_is_refused(file: bytes) -> None:
    with pytest.raises(BillBroken):
        read_wechat(file)
    with pytest.raises(BillBroken):
        gunzipped(file)
    with pytest.raises(BillBroken):
        read_alipay(file, DAY)


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.providers.files.BILL_BYTES", 1000)
    assert len(gunzipped(billing.packed(b"x" * 1000))) == 1000
    with pytest.raises(BillBroken):
        gunzipped(billing.packed(b"x" * 1001))
    with pytest.raises(BillBroken, match="too large"):
        unzipped(billing.alipay(ALIPAYS * 10, DAY))


@pytest.mark.parametrize(
    ("text", "value"), [("0.00001", 1), ("6", 600_000), ("-6.1", -610_000), ("12.34", 1_234_000)]
)
def test_yuan_are_read_without_a_float(text: str, value: int) -> None:
    assert mils(text) == value


@pytest.mark.parametrize(
    ("said", "known"), [("0.60", 6000), ("0.38", 3800), ("1", 10_000), (None, None)]
)
def test_our_rate_is_what_the_account_s_settings_say(
    wechat: WeChatServer, settings: Any, said: str | None, known: int | None
) -> None:
    told = settings.BOWEI_PAYMENTS["wechat"]
    settings.BOWEI_PAYMENTS = {"wechat": {**told, "rate": said} if said else told}
    assert providers.rate("wechat", "1900000109") == known


def test_two_apps_of_one_merchant_number_share_its_bill(
    wechat: WeChatServer, settings: Any
) -> None:
    now = settings.BOWEI_PAYMENTS["wechat"]
    former = {**now, "appid": "wx0", "until": "2999-01-01"}
    other = {**now, "mchid": "19", "until": "2999-01-01"}
    settings.BOWEI_PAYMENTS = {"wechat": {**now, "former": [former, other]}}
    assert providers.with_bills() == [("wechat", "1900000109"), ("wechat", "19")]
    assert providers.billed_as("wechat", "1900000109/wx0") == "1900000109"
    assert providers.billed_as("wechat", "") == "1900000109"
