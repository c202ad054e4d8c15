"""How lists of debts are narrowed, on pages and in the interface alike."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from arrears.models import Debt
from arrears.states import DebtState
from core.fields import choices_of
from core.filters import PlateFilter

LIVE = "live"


class DebtFilter(django_filters.FilterSet):
    """By state and plate."""

    state = django_filters.ChoiceFilter(label=_("State"), choices=choices_of(DebtState))
    plate = PlateFilter()

    class Meta:
        model = Debt
        fields: list[str] = []


class DebtsOnPage(DebtFilter):
    """On a page those that are not paid stand first of all."""

    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[(LIVE, _("Not paid")), ("", _("All")), *choices_of(DebtState)],
        empty_label=None,
        method="by_state",
    )

    def __init__(self, data: QueryDict, **more: Any) -> None:
        data = data.copy()
        data.setdefault("state", LIVE)
        super().__init__(data, **more)

    def by_state(self, rows: QuerySet[Debt], name: str, value: str) -> QuerySet[Debt]:
        return rows.filter(state__in=Debt.LIVE if value == LIVE else [value])
