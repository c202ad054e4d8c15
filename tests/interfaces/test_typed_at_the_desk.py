"""What nothing in the world is like is refused at each form of the desk, before it is kept."""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.test import RequestFactory

from monthlycard.models import Agreement, Plan

TIMES = ("_s", "_h", "days")
DEEP = "[" * 50_000


Typed = tuple[str, type[Model], forms.Field]


def typed(user: Any) -> Iterator[Typed]:
    """Each field that a person fills in at the desk, with its name and whose it is."""
    request = RequestFactory().get("/admin/")
    request.user = user
    for model, desk in admin.site._registry.items():
        if not desk.has_add_permission(request) and not desk.has_change_permission(request):
            continue
        for name, field in desk.get_form(request, None).base_fields.items():
            yield name, model, field
        for inline in desk.get_inline_instances(request):
            for name, field in inline.get_formset(request).form.base_fields.items():
                yield name, inline.model, field


def refuses(one: Typed, value: Any) -> bool:
    """Whether the form's field or the column's rule refuses it, as a form asks both."""
    name, model, field = one
    try:
        cleaned = field.clean(value)
        if name in {column.name for column in model._meta.fields}:
            model._meta.get_field(name).run_validators(cleaned)
    except ValidationError:
        return True
    return False


def impossible(name: str, field: forms.Field) -> list[Any]:
    if isinstance(field, forms.SplitDateTimeField):
        days = ("0001-01-01", "0202-03-02", "1999-12-31", "2101-01-01", "9999-12-31")
        return [[day, "00:00"] for day in days]
    if isinstance(field, forms.DateField | forms.DateTimeField):
        return ["0001-01-01", "0202-03-02", "9999-12-31"]
    if isinstance(field, forms.JSONField):
        return [DEEP, r'["\u0000"]', r'["\ud800"]', f"[{10**30}]", "[NaN]", "[1e999]"]
    if isinstance(field, forms.IntegerField):
        return ["²", "9" * 5000, *(["2147483647"] if name.endswith(TIMES) else [])]
    return []


def test_no_form_of_the_desk_takes_what_the_world_does_not_have(db: None, operator: Any) -> None:
    tried = [(one, impossible(one[0], one[2])) for one in typed(operator)]
    taken = [
        f"{one[1].__name__}.{one[0]}: {str(value)[:40]}"
        for one, values in tried
        for value in values
        if not refuses(one, value)
    ]
    assert taken == []
    kinds = {type(one[2]).__name__ for one, values in tried if values}
    assert kinds >= {"DeskMomentField", "DeskJSONField", "IntegerField"}


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ("silence_agrees_after_h", "0"),
        ("silence_agrees_after_h", "2147483647"),
        ("valid_from_0", "0001-01-01"),
        ("valid_from_0", "9999-12-31"),
        ("terms", DEEP),
        ("terms", '{"basis": "count", "entry_fen": "²"}'),
    ],
)
def test_an_agreement_that_nothing_can_follow_is_not_written(
    world: Any, operator_client: Any, wrong: str, value: str
) -> None:
    form = {
        "lot": world.east.pk,
        "terms": '{"basis": "count", "entry_fen": 500}',
        "when_expired": "temporary",
        "period": "month",
        "period_day": "1",
        "silence_agrees_after_h": "72",
        "valid_from_0": "2026-04-01",
        "valid_from_1": "00:00",
    }
    operator_client.post("/admin/monthlycard/agreement/add/", form | {wrong: value})
    assert not Agreement.objects.filter(lot=world.east).exists()
    operator_client.post("/admin/monthlycard/agreement/add/", form)
    assert Agreement.objects.get(lot=world.east).valid_from.year == 2026


@pytest.mark.parametrize("days", ["0", "2147483647", "3661"])
def test_no_card_is_sold_for_no_day_or_for_ever(
    world: Any, operator_client: Any, days: str
) -> None:
    form = {
        "merchant": world.plan.merchant_id,
        "code": "ever",
        "name": "Ever",
        "price_fen": "300",
        "days": days,
        "quota_kind": "none",
        "quota": "0",
        "lots": [world.east.pk],
        "on_sale": "on",
    }
    answer = operator_client.post("/admin/monthlycard/plan/add/", form)
    assert answer.status_code == 200
    assert not Plan.objects.filter(code="ever").exists()
