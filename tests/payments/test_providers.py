"""One list of providers; settings, choices, pages, security policy and documents follow it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils.translation import override

from core import clock as business_clock
from payments import providers, services
from payments.admin.money import AttemptAdmin, NotificationAdmin
from payments.errors import ProviderUnknown
from payments.models import Attempt, Notification, Order
from payments.providers.base import Way
from payments.views import Away
from tests.docs.tables import rows_of_keys, table
from tests.payments.conftest import begin
from tests.payments.servers import AlipayServer, WeChatServer

FOLDER = Path(providers.__file__).parent
NETWORK = [provider for provider in providers.ALL if not provider.by_hand]
ACCOUNTS = [(p.name, p.account) for p in providers.ALL if p.account]
ASKED = ("begin", "query", "close", "refund", "query_refund", "read_notification", "answer")
KEYS = {
    "wechat": WeChatServer().settings("http://127.0.0.1:9"),
    "alipay": AlipayServer().settings("http://127.0.0.1:9"),
}


def test_every_folder_is_a_provider_of_the_list():
    folders = {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert {provider.name for provider in providers.ALL} == folders
    assert all(re.fullmatch(r"[a-z][a-z0-9]{0,15}", name) for name in folders)


@pytest.mark.parametrize("provider", providers.ALL, ids=lambda provider: provider.name)
def test_every_provider_is_called_by_a_word_in_both_languages(provider):
    words = set()
    for language in ("en", "zh-hans"):
        with override(language):
            words.add(str(provider.word))
    assert len(words) == 2
    assert provider.name not in words


@pytest.mark.parametrize("provider", NETWORK, ids=lambda provider: provider.name)
def test_every_provider_but_those_by_hand_can_be_asked_all_we_ask(provider, settings):
    settings.BOWEI_PAYMENTS = KEYS
    client = provider.client(provider.settings())
    assert all(callable(getattr(client, name)) for name in ASKED)
    assert all(header == header.lower() for header in client.signature_headers)


def test_a_payer_is_offered_what_is_set_up_and_nothing_by_hand(settings):
    settings.BOWEI_PAYMENTS = {}
    settings.BOWEI_SANDBOX_PAYMENTS = False
    assert providers.offered() == []
    settings.BOWEI_PAYMENTS = KEYS
    settings.BOWEI_SANDBOX_PAYMENTS = True
    assert providers.offered() == NETWORK
    settings.PRODUCTION = True
    assert providers.SANDBOX not in providers.offered()
    with pytest.raises(ProviderUnknown):
        providers.client("sandbox")


def test_the_cashier_shows_what_is_offered_in_the_order_of_the_list(order, anonymous, settings):
    settings.BOWEI_PAYMENTS = KEYS
    page = anonymous.get(f"/o/{order.token}/").content.decode()
    assert re.findall(r'name="provider"\s+value="(\w+)"', page) == [p.name for p in NETWORK]


def test_a_form_may_lead_to_the_pages_of_every_provider(order, anonymous):
    policy = anonymous.get(f"/o/{order.token}/").headers["Content-Security-Policy"]
    [allowed] = [part.split() for part in policy.split("; ") if part.startswith("form-action")]
    wanted = [target for provider in providers.ALL for target in provider.form_targets]
    assert allowed == ["form-action", "'self'", *wanted]


def test_a_payer_may_be_sent_on_to_the_app_of_every_provider():
    for provider in providers.ALL:
        for scheme in provider.schemes:
            assert Away(f"{scheme}://pay").headers["Location"] == f"{scheme}://pay"


def test_the_desk_filters_by_every_provider(db):
    names = [provider.name for provider in providers.ALL]
    for model, desk in ((Attempt, AttemptAdmin), (Notification, NotificationAdmin)):
        assert [name for name, _word in model._meta.get_field("provider").choices] == names
        assert "provider" in desk.list_filter


def test_nobody_is_asked_of_cash(order):
    attempt = services.pay_at_counter(order.pk, "user:1")
    assert services.query_attempt(attempt.pk) == "paid"
    with pytest.raises(ProviderUnknown):
        services.begin_attempt(order_id=order.pk, provider="counter", return_url="/", actor="owner")
    with pytest.raises(ProviderUnknown):
        services.receive_notification("counter", {}, b"")


def test_a_code_is_asked_only_of_whom_has_codes(order, monkeypatch):
    monkeypatch.setattr(type(providers.SANDBOX), "ways", (Way.PAGE,))
    with pytest.raises(ProviderUnknown):
        services.begin_attempt(
            order_id=order.pk, provider="sandbox", return_url="/", actor="owner", way=Way.CODE
        )
    assert not Attempt.objects.exists()
    assert begin(order).pay_url


def test_a_row_of_a_provider_that_nobody_knows_any_more_is_shown_by_its_name(order, anonymous):
    attempt = begin(order)
    Attempt.objects.filter(pk=attempt.pk).update(provider="unionpay", state="paid")
    Order.objects.filter(pk=order.pk).update(state="paid", paid_at=business_clock.now())
    assert "unionpay" in anonymous.get(f"/o/{order.token}/done/").content.decode()


@pytest.mark.parametrize("name", ["", "WeChat Pay", "1pay"])
def test_the_database_takes_names_alone_for_providers(order, name):
    attempt = begin(order)
    with pytest.raises(IntegrityError, match="attempt_provider_named"), transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(provider=name)


# ── What the environment says ───────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("name", "account"), ACCOUNTS, ids=[name for name, _ in ACCOUNTS])
def test_what_the_environment_says_of_a_provider_reaches_its_client(name, account, settings):
    said = providers.accounts({account.variable: json.dumps(KEYS[name])})
    assert said[name] == KEYS[name]
    settings.BOWEI_PAYMENTS = said
    assert providers.known(name) in providers.offered()
    assert providers.accounts({})[name] == {}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{", "BOWEI_ALIPAY is not JSON."),
        ("[1]", "BOWEI_ALIPAY must be a JSON object."),
        ({"appid": "1"}, "BOWEI_ALIPAY lacks private_key, alipay_public_key."),
        ({**KEYS["alipay"], "mchid": "1"}, "BOWEI_ALIPAY knows no key mchid."),
    ],
)
def test_a_wrong_setting_is_refused_at_the_start_in_a_sentence(said: Any, problem: str):
    text = said if isinstance(said, str) else json.dumps(said)
    with pytest.raises(ImproperlyConfigured) as refused:
        providers.accounts({"BOWEI_ALIPAY": text})
    assert str(refused.value) == problem
    assert "PRIVATE KEY" not in str(refused.value)


def test_wechat_needs_a_public_key_with_its_number_or_certificates():
    bare = {**KEYS["wechat"]}
    del bare["public_key_id"]
    with pytest.raises(ImproperlyConfigured, match="lacks public_key with public_key_id or cert_"):
        providers.accounts({"BOWEI_WECHAT": json.dumps(bare)})
    assert providers.accounts({"BOWEI_WECHAT": json.dumps({**bare, "cert_dir": "/certs"})})


# ── What the documents say ──────────────────────────────────────────────────────────────────────
def test_the_document_of_money_tells_every_provider_its_ways_and_its_variable():
    told = table("money.md", "| name | ways | offered where | how |")
    assert [row[:2] for row in told] == [
        [f"`{provider.name}`", ", ".join(provider.ways)] for provider in providers.ALL
    ]
    for row, provider in zip(told, providers.ALL, strict=True):
        if provider.account:
            assert row[2] == f"`{provider.account.variable}` is set"


def test_the_document_of_money_tells_every_key_as_the_code_does():
    accounts = [account for _name, account in ACCOUNTS]
    assert table("money.md", "| variable | key | meaning |") == rows_of_keys(accounts)


def test_the_document_of_running_names_every_variable():
    named = [row[0] for row in table("running.md", "| Variable | Meaning | Without it |")]
    for _name, account in ACCOUNTS:
        assert any(f"`{account.variable}`" in cell for cell in named)
