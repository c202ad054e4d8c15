"""What the filters of all lists share, on pages and in the interface alike."""

from typing import Any

import django_filters
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from core import audit, plates
from core.fields import DayField


class PlateFilter(django_filters.CharFilter):
    """Rows whose plate is or holds what was typed, in whichever way: `沪A·12345`, `沪ａ 123`.

    Whoever looks for a vehicle so stands in the trail, once for each question. Who reads masked
    plates finds only by a whole one, else parts would tell what the mask hides.
    """

    def __init__(self, field_name: str = "plate_text", **more: Any) -> None:
        more = {"label": _("Plate"), "max_length": 16, "lookup_expr": "contains"} | more
        super().__init__(field_name=field_name, **more)

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        plate = plates.normalise(value)
        request = getattr(self.parent, "request", None)
        if plate:
            note_search(getattr(request, "user", None), of=rows.model, plate=plate)
        if plate and not getattr(request, "reads_plates", True):
            return rows.filter(**{self.field_name: plate})
        found: QuerySet[Any] = super().filter(rows, plate)
        return found


def note_search(person: Any, *, of: type[Model], plate: str) -> None:
    """A person who works here looked for a vehicle, in which list; the plate is noted masked."""
    if person is not None and person.is_authenticated:
        audit.record(
            person,
            "plate looked for",
            actor=person.actor,
            list=of._meta.label_lower,
            plate=plates.masked(plate),
        )


class DayFilter(django_filters.DateFilter):
    """By a day of the city's."""

    field_class = DayField
