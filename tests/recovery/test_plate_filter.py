"""A plate is found in every list, however it was typed (all rows with such a list stand below)."""

from typing import Any

import pytest
from django.test import Client

from recovery.models import RecoveryOrder
from tests.street import PLATE

PAGES = ["/merchant/stays/?state=parked", "/merchant/debts/?state=", "/merchant/recovery/?state="]
INTERFACES = [
    "/api/v1/parking/stays/?state=parked",
    "/api/v1/arrears/debts/?state=open",
    "/api/v1/recovery/orders/?state=bound",
]
WANTED = [1, 2, 1]  # one stay, the debts of two, one lock


def found_on_pages(client: Client, typed: str) -> list[int]:
    answers = [client.get(f"{path}&plate={typed}") for path in PAGES]
    return [answer.context["table"].page.paginator.count for answer in answers]


def found_by_interfaces(client: Client, typed: str) -> list[int]:
    answers: list[Any] = [client.get(f"{path}&plate={typed}").json() for path in INTERFACES]
    return [len(answer["results"] if isinstance(answer, dict) else answer) for answer in answers]


@pytest.mark.parametrize(
    "typed", ["沪A12345", "沪A·12345", "沪Ａ１２３４５", "沪a 12345", " a-123", "45"]
)
def test_a_plate_is_found_as_the_page_shows_it_and_in_part(
    order: RecoveryOrder, merchant_client: Client, typed: str
) -> None:
    assert PLATE.text == "沪A12345"
    assert found_on_pages(merchant_client, typed) == WANTED
    assert found_by_interfaces(merchant_client, typed) == WANTED


@pytest.mark.parametrize("typed", ["沪A·12346", "沪%2512345", "a1245"])
def test_another_plate_is_not(order: RecoveryOrder, merchant_client: Client, typed: str) -> None:
    assert found_on_pages(merchant_client, typed) == [0, 0, 0]
    assert found_by_interfaces(merchant_client, typed) == [0, 0, 0]


@pytest.mark.parametrize("typed", ["沪A·12345", "沪Ａ１２３４５", "沪a 12345"])
def test_the_operator_finds_it_too(
    order: RecoveryOrder, operator_client: Client, typed: str
) -> None:
    for desk, rows in {"parking/parkingsession": 3, "arrears/debt": 2}.items():
        found = operator_client.get(f"/admin/{desk}/?q={typed}").context["cl"]
        assert found.result_count == rows, desk
    none = operator_client.get("/admin/parking/parkingsession/?q=沪A·12346").context["cl"]
    assert none.result_count == 0
