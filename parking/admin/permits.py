"""Permits: one person adds, another grants."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.guards import actor_of
from core.admin import Masked, ModelAdmin
from core.errors import BoweiError, Invalid
from core.typed import PlatedForm
from parking import services
from parking.models import Permit
from parking.services.permits import check_permit


class PermitAdminForm(PlatedForm):
    """The plate as people type it, a time to come, and roads of the merchant's own."""

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if {"merchant", "since", "until", "sections"} <= given.keys():
            try:
                check_permit(
                    merchant_id=given["merchant"].pk,
                    since=given["since"],
                    until=given["until"],
                    sections=list(given["sections"]),
                )
            except Invalid as error:
                for name, said in error.fields.items():
                    self.add_error(name, str(said))
        return given


@admin.register(Permit)
class PermitAdmin(Masked, ModelAdmin):
    """The register of permits; none is changed, another is asked for."""

    list_display = ["id", "plate", "kind", "merchant", "state", "since", "until", "granted_by"]
    list_filter = ["state", "kind", "merchant"]
    list_select_related = ["merchant"]
    search_fields = ["plate_text"]
    form = PermitAdminForm
    fields = [
        "merchant",
        "sections",
        "plate_text",
        "plate_colour",
        "kind",
        "why",
        "since",
        "until",
        "starts",
        "ends",
    ]
    filter_horizontal = ["sections"]
    actions = ["grant", "end"]
    ordering = ["-id"]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Permit, form: Any, change: bool) -> None:
        sections = list(form.cleaned_data["sections"])
        services.ask_permit(obj, sections=sections, actor=actor_of(request))

    @admin.action(description=_("Grant: I am the second person"), permissions=["grant"])
    def grant(self, request: HttpRequest, queryset: QuerySet[Permit]) -> None:
        for row in queryset:
            try:
                services.grant_permit(permit_id=row.pk, actor=actor_of(request))
            except BoweiError as error:
                messages.warning(request, f"{row.pk}: {error.message}")

    @admin.action(description=_("End the permit"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Permit]) -> None:
        for row in queryset:
            services.end_permit(
                permit_id=row.pk, actor=actor_of(request), reason="ended on the desk"
            )
