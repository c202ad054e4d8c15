"""The operator's desk: every list and form opens, and whoever reads or types money has yuan."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from core.admin import InWords
from core.fields import MoneyField, YuanField
from core.money import format_fen, parse_yuan
from payments import services as payments
from recovery.models import RecoveryOrder
from tests.people import logged_in

ENGLISH = {"accept-language": "en"}
NO_MONEY = re.compile(r"\bfen\b|（分）")
STORED = re.compile(
    r"<textarea.*?</textarea>|<pre.*?</pre>|<script.*?</script>|<style.*?</style>|<[^>]*>",
    re.DOTALL,
)
DESKS = [one for one in admin.site._registry.values() if isinstance(one, InWords)]


def _money(model: type[Model]) -> list[str]:
    return [one.name for one in model._meta.fields if isinstance(one, MoneyField)]


@pytest.fixture
def desk_client(morning: None) -> Client:
    """The town's own operator."""
    return logged_in(User.objects.get(is_superuser=True))


@pytest.fixture
def asked(rf: RequestFactory) -> Any:
    request = rf.get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    return request


def test_every_admin_of_ours_shows_money_in_yuan():
    ours = {model for model in admin.site._registry if _money(model)}
    inlines = [inline for desk in admin.site._registry.values() for inline in desk.inlines]
    assert len(ours) > 10
    assert ours <= {desk.model for desk in DESKS}
    assert [one for one in inlines if not issubclass(one, InWords)] == []


def test_no_column_of_money_is_shown_as_it_is_stored(asked):
    for desk in DESKS:
        row = desk.model()
        shown = [(desk, desk.get_list_display(asked))]
        places = [desk, *(inline(desk.model, admin.site) for inline in desk.inlines)]
        for place in places:
            names = flatten_fieldsets(place.get_fieldsets(asked, row))
            typed = getattr(place, "get_form", None)
            if typed and place.has_change_permission(asked, row):
                form = typed(asked, row, change=True)
                names = [
                    name
                    for name in names
                    if not isinstance(form.base_fields.get(str(name)), YuanField)
                ]
            shown.append((place, names))
        for place, names in shown:
            assert set(_money(place.model)) & {one for one in names if isinstance(one, str)} == (
                set()
            ), place


def test_every_list_row_and_form_of_the_desk_says_yuan(desk_client: Client):
    """JSON on a row's page (terms, what a model weighed) is a machine's and stays as it is."""
    order = RecoveryOrder.objects.get()
    bill = payments.open_order(items=[("recovery.order", order.pk)], actor="owner")
    payments.pay_at_counter(bill.pk, "user:1")
    sums = 0
    for model, desk in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        _open(desk_client, reverse(f"{name}_changelist"))
        _open(desk_client, reverse(f"{name}_add"), 200, 403)
        for row in desk.get_queryset(None)[:1]:  # type: ignore[arg-type]
            page = _open(desk_client, reverse(f"{name}_change", args=[row.pk]))
            text = unescape(STORED.sub(" ", page))
            for column in _money(model):
                fen = getattr(row, column)
                shown = "—" if fen is None else format_fen(fen)
                assert shown in text or f'value="{shown[1:]}"' in page, (name, column)
                sums += 1
    assert sums > 5

    by_amount = _open(desk_client, reverse("admin:arrears_debt_changelist") + "?o=-4")
    found = re.findall(r"¥[\d,]+\.\d\d", STORED.sub(" ", by_amount))
    assert len(set(found)) > 1
    assert found == sorted(found, key=parse_yuan, reverse=True)


def _open(client: Client, address: str, *fine: int) -> str:
    answer = client.get(address, headers=ENGLISH)
    assert answer.status_code in (fine or (200,)), address
    page = answer.content.decode()
    assert NO_MONEY.search(unescape(STORED.sub(" ", page))) is None, address
    return page
