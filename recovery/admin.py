"""The operator's view of recoveries: all of it to read, and the emergency lowering."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import actor_of
from core import plates, states
from core.admin import ModelAdmin, ReadOnly, Said, TabularInline
from recovery import selectors, services
from recovery.models import (
    BoundDebt,
    EvidencePhoto,
    LockEvent,
    LockSign,
    LockTerms,
    MoveInstruction,
    RecoveryOrder,
    SettlementOrder,
)


class Why(forms.Form):
    reason = forms.CharField(label=_("Why is the lock lowered?"), max_length=200)


class _Rows(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BoundDebtInline(_Rows):
    model = BoundDebt
    verbose_name, verbose_name_plural = _("bound debt"), _("bound debts")
    fields = ["debt", "stay", "amount_fen"]
    readonly_fields = fields


class SettlementInline(_Rows):
    model = SettlementOrder
    fields = ["payment_number", "amount_fen", "made_at", "seen_at"]
    readonly_fields = fields


class MoveInline(_Rows):
    model = MoveInstruction
    fields = ["state", "made_at", "due_at", "reminders", "alarm_at", "confirmed_at"]
    readonly_fields = fields


class LockEventInline(_Rows):
    model = LockEvent
    fields = ["position", "cause", "battery_pct", "occurred_at", "received_at"]
    readonly_fields = fields


@admin.register(LockTerms)
class LockTermsAdmin(Said, ModelAdmin):
    """What each merchant asks of itself; the operator changes it with the merchant's word."""

    list_display = ["merchant", "floor_fen"]
    list_select_related = ["merchant"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["merchant"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def say(self, request: HttpRequest, form: Any) -> LockTerms:
        return services.set_terms(
            merchant_id=form.instance.merchant_id,
            floor_fen=form.cleaned_data["floor_fen"],
            actor=actor_of(request),
        )


class EvidencePhotoInline(_Rows):
    model = EvidencePhoto
    fields = ["purpose", "by", "berth", "device", "typed", "taken_at"]
    readonly_fields = fields


@admin.register(RecoveryOrder)
class RecoveryOrderAdmin(ReadOnly):
    list_display = [
        "code",
        "merchant",
        "masked",
        "state",
        "ended_by",
        "lock",
        "trouble",
        "bound_at",
    ]
    list_filter = ["state", "lock_position", "ended_by", "problem", "merchant"]
    search_fields = ["code", "device__code"]
    list_select_related = ["merchant"]
    fields = [
        "code",
        "state",
        "ended_by",
        "merchant",
        "section",
        "berth",
        "stay",
        "masked",
        "plate_colour",
        "device",
        "lock",
        "lock_at",
        "trouble",
        "bound_at",
        "bound_by",
        "placed_at",
        "raising_at",
        "raised_at",
        "ended_at",
        "late_at",
        "lowered_at",
        "moved_at",
    ]
    readonly_fields = ["masked", "lock", "trouble"]
    inlines = [
        BoundDebtInline,
        EvidencePhotoInline,
        SettlementInline,
        MoveInline,
        LockEventInline,
    ]
    actions = ["lower_now"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description=_("plate"))
    def masked(self, row: RecoveryOrder) -> str:
        return plates.masked(row.plate_text)

    @admin.display(description=_("position of the lock"))
    def lock(self, row: RecoveryOrder) -> Any:
        return (
            gettext(states.of_subject("lock", row.lock_position).word) if row.lock_position else "-"
        )

    @admin.display(description=_("problem"))
    def trouble(self, row: RecoveryOrder) -> str:
        return selectors.problem_text(row.problem) if row.problem else "-"

    @admin.action(description=_("Emergency: lower these locks at once"), permissions=["lower"])
    def lower_now(self, request: HttpRequest, queryset: QuerySet[RecoveryOrder]) -> Any:
        """Asks why, then orders the locks down; each is audited with the reason (P1.5)."""
        form = Why(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": _("Lower the lock at once"),
                "form": form,
                "orders": queryset,
                "action": "lower_now",
            }
            return render(request, "admin/recovery/lower_now.html", context)
        for order in queryset:
            services.emergency_lower(
                order.pk, actor=actor_of(request), reason=form.cleaned_data["reason"]
            )
        messages.success(request, _("The locks are ordered down."))
        return None


@admin.register(LockSign)
class LockSignAdmin(ReadOnly):
    """Codes on locks that were made anew; each that was printed before leads nowhere."""

    list_display = ["device", "version"]
    list_select_related = ["device"]
    search_fields = ["device__code"]
    fields = ["device", "version"]
    actions = ["make_new_addresses"]

    @admin.action(description=_("Make their printed codes worthless"), permissions=["readdress"])
    def make_new_addresses(self, request: HttpRequest, rows: QuerySet[LockSign]) -> None:
        ids = list(rows.values_list("device_id", flat=True))
        count = services.readdress_locks(device_ids=ids, actor=actor_of(request))
        text = gettext("Worthless from now on: %(n)s. Print them anew.")
        messages.success(request, text % {"n": count})
