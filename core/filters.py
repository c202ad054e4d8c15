"""What the filters of all lists share, on pages and in the interface alike."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core import plates
from core.fields import DayField


class PlateFilter(django_filters.CharFilter):
    """Rows whose plate is or holds what was typed, in whichever way: `沪A·12345`, `沪ａ 123`."""

    def __init__(self, field_name: str = "plate_text", **more: Any) -> None:
        more = {"label": _("Plate"), "max_length": 16, "lookup_expr": "contains"} | more
        super().__init__(field_name=field_name, **more)

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter(rows, plates.normalise(value))
        return found


class DayFilter(django_filters.DateFilter):
    """By a day of the city's."""

    field_class = DayField
