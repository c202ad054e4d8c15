"""How lists of recovery orders are narrowed, on pages and in the interface alike."""

import django_filters
from django import forms
from django.db.models import QuerySet

from core.filters import PlateFilter
from recovery import selectors
from recovery.models import RecoveryOrder


class RecoveryFilter(django_filters.FilterSet):
    """By plate, and by state: on the page that is a tab."""

    plate = PlateFilter()
    state = django_filters.CharFilter(method="by_state", widget=forms.HiddenInput)

    class Meta:
        model = RecoveryOrder
        fields: list[str] = []

    def by_state(
        self, rows: QuerySet[RecoveryOrder], name: str, value: str
    ) -> QuerySet[RecoveryOrder]:
        return selectors.in_state(rows, value)
