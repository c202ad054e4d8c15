"""Filters of lists of stays, for pages and interface alike."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.fields import choices_of
from core.filters import DayFilter, PlateFilter
from parking.models import ParkingSession, Permit, Section
from parking.states import PermitState, StayState


class StayFilter(django_filters.FilterSet):
    """By state, section, plate, berth, day and doubt."""

    state = django_filters.ChoiceFilter(
        label=_("State"), choices=choices_of(StayState), empty_label=_("All")
    )
    section = django_filters.ModelChoiceFilter(
        label=_("Section"), queryset=Section.objects.none(), empty_label=_("All")
    )
    plate = PlateFilter()
    berth = django_filters.CharFilter(
        label=_("Berth"), field_name="berth__code", lookup_expr="iexact"
    )
    since = DayFilter(label=_("From"), field_name="arrived_at", lookup_expr="date__gte")
    until = DayFilter(label=_("Until"), field_name="arrived_at", lookup_expr="date__lte")
    doubtful = django_filters.BooleanFilter(
        label=_("In doubt"),
        widget=forms.Select(choices=[("", _("All")), ("true", _("Yes")), ("false", _("No"))]),
    )

    class Meta:
        model = ParkingSession
        fields: list[str] = []

    def __init__(self, *args: Any, merchant_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sections = Section.objects.filter(merchant_id=merchant_id).order_by("name")
        self.filters["section"].queryset = sections


class InOrder(django_filters.OrderingFilter):
    """Sorts; what is equal stands by number, so that no row is on two pages."""

    def filter(self, rows: QuerySet[ParkingSession], value: Any) -> QuerySet[ParkingSession]:
        found: QuerySet[ParkingSession] = super().filter(rows, value)
        return found.order_by(*found.query.order_by, "pk") if value else found


class SortedStays(StayFilter):
    """For the interface, where no list's head sorts."""

    sort = InOrder(
        fields=[
            ("arrived_at", "arrived"),
            ("left_at", "left"),
            ("fee_fen", "fee"),
            ("due_fen", "due"),
            ("berth__code", "berth"),
        ],
    )


class PermitFilter(django_filters.FilterSet):
    """By state, kind and plate."""

    state = django_filters.ChoiceFilter(
        label=_("State"), choices=choices_of(PermitState), empty_label=_("All")
    )
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=Permit.KINDS, empty_label=_("All"))
    plate = PlateFilter()

    class Meta:
        model = Permit
        fields: list[str] = []
