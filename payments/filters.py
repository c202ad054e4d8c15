"""How lists of money are narrowed."""

from datetime import datetime, time, timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import clock
from core.filters import DayFilter
from payments.models import CashShift, LedgerEntry


class EntryFilter(django_filters.FilterSet):
    """By days, from one to another, both included, in the city's days."""

    since = DayFilter(label=_("From"))
    until = DayFilter(label=_("To"))

    class Meta:
        model = LedgerEntry
        fields: list[str] = []

    def bounds(self) -> tuple[datetime, datetime]:
        """[start of the first day, end of the last); today where nothing (right) was said."""
        said = self.form.cleaned_data if self.is_valid() else {}
        today = timezone.localdate(clock.now())
        since = said.get("since") or said.get("until") or today
        until = max(said.get("until") or said.get("since") or today, since)
        return _midnight(since), _midnight(until + timedelta(days=1))

    def filter_queryset(self, queryset: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        since, until = self.bounds()
        return queryset.filter(posted_at__gte=since, posted_at__lt=until)


class ShiftFilter(django_filters.FilterSet):
    """By days on which shifts began, both included; all where none is said."""

    since = DayFilter(label=_("From"))
    until = DayFilter(label=_("To"))

    class Meta:
        model = CashShift
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[CashShift]) -> QuerySet[CashShift]:
        since, until = self.form.cleaned_data.get("since"), self.form.cleaned_data.get("until")
        if since:
            queryset = queryset.filter(opened_at__gte=_midnight(since))
        if until:
            queryset = queryset.filter(opened_at__lt=_midnight(until + timedelta(days=1)))
        return queryset


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
