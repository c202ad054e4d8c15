"""A vehicle in the database: its plate as two columns, and whose rows are the same vehicle's.

Four sayings of one rule, `core.plates.same_vehicle`: of two values, of rows to find, of the rows of
a subquery, and of two tables to join.
"""

from typing import Protocol

from django.db import models
from django.db.models import OuterRef, Q, Value
from django.db.models.lookups import Exact, In

from core import plates
from core.plates import Plate


class Plated(Protocol):
    """Whatever keeps a plate in two texts; both are empty while nobody knows it."""

    @property
    def plate_text(self) -> str: ...

    @property
    def plate_colour(self) -> str: ...


def plate_of(row: Plated) -> Plate | None:
    """The plate of a row, an event or facts; None while nobody knows it."""
    return Plate.of(row.plate_text, row.plate_colour) if row.plate_text else None


def written(plate: Plate | None) -> str:
    """A plate as one text, such as a bill keeps of whose it is; "" for one that nobody knows."""
    return f"{plate.text} {plate.colour_text}".strip() if plate else ""


def plate_written(text: str) -> Plate | None:
    """The plate of `written`'s text."""
    plate, _blank, colour = text.partition(" ")
    return Plate.of(plate, colour) if plate else None


class WithPlate(models.Model):
    """A row with the columns `plate_text` and `plate_colour`, which hold a Plate or nothing.

    Not for what a lot reports: its texts are kept as it wrote them.
    """

    class Meta:
        abstract = True

    @property
    def plate(self: Plated) -> Plate | None:
        """None while nobody knows it."""
        return plate_of(self)


def of_vehicle(plate: Plate | None) -> Q:
    """Rows that can be this vehicle's; none for a plate that nobody knows.

    The text stands first, as in the indexes: the colours only sift what it finds.
    """
    if plate is None:
        return Q(pk__in=[])
    text = Q(plate_text=plate.text)
    if plate.colour is None:
        return text
    return text & Q(plate_colour__in=["", *sorted(plates.alike(plate.colour))])


def of_outer_vehicle() -> Q:
    """Rows of a subquery that can be the vehicle of the outer query's row."""
    green = sorted(plates.NEW_ENERGY_GROUNDS)
    outer = OuterRef("plate_colour")
    return Q(plate_text=OuterRef("plate_text")) & (
        Q(plate_colour="")
        | Q(plate_colour=outer)
        | Q(Exact(outer, Value("")))
        | (Q(plate_colour__in=green) & Q(In(outer, green)))
    )


def same_vehicle_sql(one: str, other: str) -> str:
    """The condition on two tables' plates, for a join; `other` is the one that is looked up."""
    green = ", ".join(f"'{ground}'" for ground in sorted(plates.NEW_ENERGY_GROUNDS))
    a, b = f"{one}.plate_colour", f"{other}.plate_colour"
    return (
        f"({other}.plate_text = {one}.plate_text AND {one}.plate_text <> ''"
        f" AND ({a} = {b} OR {a} = '' OR {b} = '' OR ({a} IN ({green}) AND {b} IN ({green}))))"
    )
