"""What interfaces answer is what their document says: no other status, field or kind."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from accounts.models import User
from devices import services as devices
from tests.interfaces.asks import RECIPES
from tests.interfaces.conftest import Ask, Camera, Lot, Town
from tests.interfaces.document import Document
from tests.people import TEST, logged_in

ODD_VALUES = ["nothing", "9" * 30, "\0"]
ODD_FIELDS: list[Any] = [None, "\0", 10**30, []]
ODD_BODIES = [b"", b"{", b"[]", b"\xff"]


def test_each_operation_succeeds_as_its_document_says(town: Town, told: Document) -> None:
    faults: list[str] = []
    succeeded = set()
    for recipe in RECIPES:
        with transaction.atomic():
            ask = recipe(town)
            answer = ask.send()
            transaction.set_rollback(True)  # the town is as it was
        faults += told.faults(ask.method, ask.path, answer)
        if 200 <= answer.status_code < 300:
            succeeded.add((ask.method, ask.path))
        else:
            faults.append(f"{recipe.__name__}: {answer.status_code} {answer.content[:300]!r}")
    assert not faults, "\n".join(faults)
    assert told.operations() - succeeded == set()


@pytest.fixture
def others(request: pytest.FixtureRequest, town: Town, operator: User) -> list[Any]:
    """Everybody who may ask something that is not theirs."""
    names = ("anonymous", "stranger_client", "other_merchant_client", "operator_client")
    forgetful = Client(enforce_csrf_checks=True)
    forgetful.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    _device, key = devices.enroll(
        code="S-1", kind="sensor", merchant_id=town.merchant.pk, name="S-1", actor=TEST
    )
    return [
        *(request.getfixturevalue(name) for name in names),
        logged_in(request.getfixturevalue("cashier")),
        forgetful,
        Lot("east", "not the secret"),
        Lot("west", town.lots.secrets["west"]),
        Camera("not the key"),
        Camera(key),
    ]


def test_each_refusal_is_one_that_the_document_tells(
    town: Town, told: Document, others: list[Any]
) -> None:
    faults: list[str] = []
    seen = set()
    tried = set()
    for recipe in RECIPES:
        with transaction.atomic():
            ask = recipe(town)
            new = (ask.method, ask.path) not in tried
            tried.add((ask.method, ask.path))
            for odd in odd_asks(ask, told, others) if new else []:
                with transaction.atomic():
                    answer = odd.send()
                    transaction.set_rollback(True)
                seen.add(answer.status_code)
                faults += told.faults(ask.method, ask.path, answer)
            if new:
                ask.send()
                faults += told.faults(ask.method, ask.path, ask.send())  # the same once more
            transaction.set_rollback(True)
        cache.clear()
    assert not faults, "\n".join(dict.fromkeys(faults))
    assert {400, 401, 403, 404, 406, 409, 415} <= seen


def odd_asks(ask: Ask, told: Document, others: list[Any]) -> Iterator[Ask]:
    """The request by others, and changed in one place each."""
    for who in others:
        yield replace(ask, by=who)
    yield replace(ask, headers={**ask.headers, "Accept": "text/html"})
    for name in ask.values:
        odd = [replace(ask, values={**ask.values, name: value}) for value in ODD_VALUES]
        yield from (one for one in odd if one.view() in (None, ask.view()))
    operation = told.operation(ask.method, ask.path)
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            for value in ODD_VALUES:
                yield replace(ask, query={parameter["name"]: value})
    if "requestBody" in operation:
        yield replace(ask, kind="text/plain")
        for body in ODD_BODIES:
            yield replace(ask, body=body)
        for name in ask.body if isinstance(ask.body, dict) else []:
            for field in ODD_FIELDS:
                yield replace(ask, body={**ask.body, name: field})
