"""Values, queries and joins agree on what the same vehicle is."""

from itertools import product

import pytest
from django.apps import apps
from django.db import connection

from core import clock
from core.plates import Colour, Plate, same_vehicle
from core.vehicles import WithPlate, of_vehicle, plate_of, same_vehicle_sql
from parking.models import ParkingSession, Prepayment

COLOURS: list[str] = ["", *(colour.value for colour in Colour)]
TEXTS = ["沪A12345", "沪A12346", "粤B12345D"]


@pytest.fixture
def rows(db: None) -> list[Prepayment]:
    """A row of every text in every colour, and one whose plate nobody knows."""
    now = clock.now()
    pairs = [*product(TEXTS, COLOURS), ("", "")]
    return Prepayment.objects.bulk_create(
        Prepayment(plate_text=text, plate_colour=colour, minutes=60, arrived_at=now, created_at=now)
        for text, colour in pairs
    )


def test_a_row_knows_its_plate_or_that_nobody_does(rows: list[Prepayment]) -> None:
    assert rows[0].plate == Plate("沪A12345")
    assert rows[1].plate == Plate("沪A12345", Colour.blue)
    assert rows[-1].plate is None


def test_a_query_finds_the_rows_that_are_the_same_vehicles(rows: list[Prepayment]) -> None:
    for asked in [row.plate for row in rows] + [Plate("沪C00001", Colour.blue)]:
        found = set(Prepayment.objects.filter(of_vehicle(asked)).values_list("pk", flat=True))
        others = set(Prepayment.objects.exclude(of_vehicle(asked)).values_list("pk", flat=True))
        same = {row.pk for row in rows if same_vehicle(asked, row.plate)}
        assert found == same, asked
        assert others == {row.pk for row in rows} - same, asked


def test_a_join_pairs_the_rows_that_are_the_same_vehicles(rows: list[Prepayment]) -> None:
    table = Prepayment._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.id, b.id FROM {table} a JOIN {table} b ON {same_vehicle_sql('a', 'b')}"
        )
        joined = set(cursor.fetchall())
    assert joined == {
        (a.pk, b.pk) for a, b in product(rows, rows) if same_vehicle(a.plate, b.plate)
    }


@pytest.mark.parametrize("colour", [None, Colour.blue, Colour.green])
def test_the_text_of_a_plate_is_looked_up_in_an_index(db: None, colour: Colour | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = ParkingSession.objects.filter(of_vehicle(Plate("沪A12345", colour))).explain()
    conditions = [line for line in plan.splitlines() if "Index Cond" in line]
    assert conditions and all("plate_text" in line for line in conditions), plan


def test_every_row_with_the_two_columns_of_a_plate_tells_it() -> None:
    """What lots report is kept as they wrote it, and is no plate until somebody looks."""
    reported = {"monthlycard.question", "monthlycard.passrecord", "monthlycard.statementitem"}
    for model in apps.get_models():
        columns = {field.name for field in model._meta.concrete_fields}
        if {"plate_text", "plate_colour"} <= columns and model._meta.label_lower not in reported:
            assert issubclass(model, WithPlate), model


def test_nobodys_plate_is_no_vehicles() -> None:
    assert not same_vehicle(None, None)
    assert plate_of(Prepayment(plate_text="", plate_colour="")) is None
