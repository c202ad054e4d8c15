"""The operator's view of what happened: audit trail, events, parked reactions."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from core import outbox
from core.models import AuditEntry, OutboxDelivery, OutboxEvent


class ReadOnly(ModelAdmin):
    """Rows that nobody adds, changes or removes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ["at", "subject", "subject_id", "action", "from_state", "to_state", "actor"]
    list_filter = ["subject", "action"]
    search_fields = ["subject_id", "actor"]
    show_full_result_count = False
    ordering = ["-id"]


class DeliveryInline(TabularInline):
    model = OutboxDelivery
    fields = ["reaction", "state", "attempts", "done_at", "error"]
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnly):
    list_display = ["id", "topic", "occurred_at", "created_at"]
    list_filter = ["topic"]
    inlines = [DeliveryInline]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(OutboxDelivery)
class OutboxDeliveryAdmin(ReadOnly):
    list_display = ["id", "event", "reaction", "state", "attempts", "next_try_at"]
    list_filter = ["state", "reaction"]
    list_select_related = ["event"]
    actions = ["replay"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.action(description=_("Run parked reactions again"))
    def replay(self, request: HttpRequest, queryset: QuerySet[OutboxDelivery]) -> None:
        outbox.replay(queryset.values_list("pk", flat=True))
