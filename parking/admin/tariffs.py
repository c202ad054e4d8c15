"""Prices and the days that decide them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.guards import actor_of
from core.admin import ModelAdmin, TabularInline
from core.errors import Invalid
from parking import services
from parking.models import (
    HolidayYear,
    Tariff,
    TariffVersion,
)
from parking.services.holidays import read_year
from parking.services.prices import check_terms


class TermsForm(forms.ModelForm):
    """A tariff version whose terms are a tariff."""

    class Meta:
        model = TariffVersion
        fields = ["tariff", "number", "terms", "valid_from"]

    def clean_terms(self) -> Any:
        terms = self.cleaned_data["terms"]
        try:
            return check_terms(terms).to_json()
        except Invalid as error:
            raise forms.ValidationError(error.message) from error


@admin.register(TariffVersion)
class TariffVersionAdmin(ModelAdmin):
    """Prices: a version that a stay has used can only be looked at."""

    form = TermsForm
    list_display = ["tariff", "number", "valid_from", "first_used_at"]
    list_filter = ["tariff"]
    list_select_related = ["tariff"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        used = obj is not None and obj.first_used_at is not None
        return not used and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        used = obj is not None and obj.first_used_at is not None
        return not used and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = obj.created_by or actor_of(request)
        super().save_model(request, obj, form, change)


class VersionInline(TabularInline):
    model = TariffVersion
    fields = ["number", "valid_from", "first_used_at"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    hide_title = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tariff)
class TariffAdmin(ModelAdmin):
    list_display = ["name", "merchant"]
    list_filter = ["merchant"]
    inlines = [VersionInline]


class YearForm(forms.ModelForm):
    """A year's days off and the days worked for them, one a line, as its notice says them."""

    text = forms.CharField(
        label=gettext_lazy("Days of the year"),
        widget=UnfoldAdminTextareaWidget({"rows": 24}),
        help_text=gettext_lazy(
            "One day a line: 2027-10-01,break,National Day for a day off,"
            " 2027-10-09,make_up,National Day for a weekend day that is worked for it."
            " All other days are plain."
        ),
    )

    class Meta:
        model = HolidayYear
        fields = ["year", "notice"]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if "year" in said and "text" in said:
            try:
                read_year(said["year"], said["text"])
            except Invalid as error:
                self.add_error("text", str(error.message))
        return said


@admin.register(HolidayYear)
class HolidayYearAdmin(ModelAdmin):
    """The years' holidays: another version is added, none is changed."""

    form = YearForm
    list_display = ["year", "number", "notice", "made_at", "made_by"]
    ordering = ["-year", "-number"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return ["year", "notice", "text"]
        return ["year", "number", "notice", "days", "made_at", "made_by"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        said = form.cleaned_data
        made = services.publish_year(
            year=said["year"], text=said["text"], notice=said["notice"], actor=actor_of(request)
        )
        obj.pk, obj.number = made.pk, made.number
