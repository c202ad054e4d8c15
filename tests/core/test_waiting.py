"""The looks that tests take at transactions and locks see what they are there for."""

import pytest
from django.db import transaction

from accounts.models import Merchant
from arrears.models import Scheme
from arrears.services import schemes
from core import locks
from tests import transactions, waiting


def test_a_service_that_writes_in_pieces_is_found(db: None) -> None:
    Scheme.objects.all().delete()
    with transactions.watched() as found:
        schemes.ensure.__wrapped__()  # type: ignore[attr-defined]
    assert found
    assert all("schemes.py" in one and "writes in pieces" in one for one in found)

    Scheme.objects.all().delete()
    with transactions.watched() as found:
        schemes.ensure()
    assert found == []


def test_how_an_act_meets_a_row_that_somebody_works_on(
    transactional_db: None, merchant: Merchant
) -> None:
    rows = Merchant.objects.filter(pk=merchant.pk)

    def read_and_lock() -> None:
        rows.get()
        locks.lock(rows)

    acts = {
        "locks": lambda: locks.lock(rows),
        "writes": lambda: rows.update(name="x"),
        "knows": read_and_lock,
        "knows *": read_and_lock,
        "reads": rows.get,
        "leaves it": lambda: list(rows.select_for_update(no_key=True, skip_locked=True)),
        "fails": lambda: Merchant.objects.get(pk=0),
    }
    met = waiting.all_at(merchant, acts)
    assert [one.split(":")[0].split(" DoesNot")[0] for one in met.values()] == [
        "waits",
        "writes without a lock",
        "reads first",
        "waits",
        "goes on",
        "goes on",
        "raises",
    ]


@pytest.mark.django_db(transaction=True)
def test_what_one_works_on_at_a_time_is_held_until_the_end() -> None:
    def alone() -> None:
        with transaction.atomic():
            locks.one_at_a_time("tests", 7)

    assert waiting.at(("tests", 7), alone) == "waits"
    assert waiting.at(("tests", 8), alone) == "goes on"
