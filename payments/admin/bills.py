"""The operator's view of providers' bills: the days, in what they differ, and who closed them."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.guards import actor_of
from core.admin import ReadOnly, TabularInline
from core.errors import BoweiError
from core.templatetags.bowei import money_tag
from payments import services, tasks
from payments.models import BillDay, BillDifference
from payments.states import BillDayState, DifferenceState

MOST = 100  # answered, or closed, in one go


class DifferenceInline(TabularInline):
    model = BillDifference
    fields = ["state", "gap", "number", "refund_number", "ours_fen", "theirs_fen", "owner"]
    fields += ["answer", "late"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    ordering = ["-state", "pk"]
    per_page = 50


def _sum(field: str) -> Callable[[Any, BillDay], str]:
    """A sum of a day in fen; nothing while its bill is not there."""

    column = cast("models.Field[Any, Any]", BillDay._meta.get_field(field))

    @admin.display(description=column.verbose_name, ordering=field)
    def shown(desk: Any, row: BillDay) -> str:
        return "-" if row.state == BillDayState.AWAITED else money_tag(getattr(row, field))

    return shown


@admin.register(BillDay)
class BillDayAdmin(ReadOnly):
    """Each day at each provider: what it says, what we say, and what is still to look into."""

    list_display = [
        "day",
        "provider",
        "shown_state",
        "to_look_into",
        "paid_there",
        "paid_here",
        "back_there",
        "back_here",
        "fees",
        "trouble",
    ]
    paid_there, paid_here = _sum("payments_fen"), _sum("ours_fen")
    back_there, back_here = _sum("refunds_fen"), _sum("ours_back_fen")
    fees = _sum("fees_fen")
    list_filter = ["state", "provider", ("person_since", admin.EmptyFieldListFilter)]
    date_hierarchy = "day"
    fields = [
        ("day", "provider", "billed", "state"),
        ("payments", "payments_fen", "ours_fen"),
        ("refunds", "refunds_fen", "ours_back_fen"),
        ("fees_fen", "digest"),
        ("taken_at", "matched_at", "closed_at", "closed_by"),
        ("person_since", "next_look_at", "looks", "trouble"),
    ]
    readonly_fields = ["trouble"]
    inlines = [DifferenceInline]
    actions = ["fetch_now", "match_now", "close_days"]
    show_full_result_count = False
    ordering = ["-day", "provider"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BillDay]:
        rows: QuerySet[BillDay] = super().get_queryset(request)
        is_open = Q(differences__state=DifferenceState.OPEN)
        return rows.annotate(open_ones=Count("differences", filter=is_open))

    @display(
        description=_("state"),
        label={
            BillDayState.AWAITED: "warning",
            BillDayState.MATCHED: "info",
            BillDayState.CLOSED: "success",
        },
    )
    def shown_state(self, row: BillDay) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("problem"))
    def trouble(self, row: BillDay) -> str:
        return gettext(row.problem) if row.problem else "-"

    @admin.display(description=_("differences to look into"), ordering="open_ones")
    def to_look_into(self, row: Any) -> str:
        if not row.open_ones:
            return "-"
        place = reverse("admin:payments_billdifference_changelist")
        where = f"{place}?bill_day__id__exact={row.pk}&state__exact={DifferenceState.OPEN.value}"
        return format_html('<a href="{}">{}</a>', where, row.open_ones)

    @admin.action(description=_("Fetch these bills now"), permissions=["fetch"])
    def fetch_now(self, request: HttpRequest, queryset: QuerySet[BillDay]) -> None:
        rows = queryset.filter(state=BillDayState.AWAITED)[:MOST]
        for row in rows:
            tasks.fetch_bill.delay(row.pk)
        messages.info(request, _("Asked for. Look again in a minute."))

    @admin.action(description=_("Match these days anew"), permissions=["fetch"])
    def match_now(self, request: HttpRequest, queryset: QuerySet[BillDay]) -> None:
        for row in queryset.exclude(state=BillDayState.AWAITED)[:MOST]:
            tasks.match_bill.delay(row.pk)
        messages.info(request, _("Asked for. Look again in a minute."))

    @admin.action(description=_("Close these days for good"), permissions=["close"])
    def close_days(self, request: HttpRequest, queryset: QuerySet[BillDay]) -> None:
        closed = 0
        for row in queryset.order_by("day")[:MOST]:
            try:
                services.close_day(row.pk, actor=actor_of(request))
            except BoweiError as error:
                messages.error(request, f"{row}: {error.message}")
            else:
                closed += 1
        text = ngettext("%(n)d day is closed.", "%(n)d days are closed.", closed)
        messages.success(request, text % {"n": closed})


class AnswerForm(forms.Form):
    """What came of differences, in words."""

    answer = forms.CharField(
        label=_("What came of it"), max_length=300, widget=UnfoldAdminTextInputWidget()
    )


@admin.register(BillDifference)
class BillDifferenceAdmin(ReadOnly):
    """Differences: one person looks into each, and says what came of it."""

    list_display = [
        "bill_day",
        "gap",
        "number",
        "ours_fen",
        "theirs_fen",
        "ours",
        "theirs",
        "shown_state",
        "owner",
        "found_at",
        "late",
    ]
    list_filter = ["state", "late", "gap", ("owner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["bill_day", "owner"]
    search_fields = ["number", "refund_number"]
    fields = [
        ("bill_day", "gap", "state", "late"),
        ("number", "refund_number", "paid_by"),
        ("ours_fen", "theirs_fen"),
        ("ours", "theirs"),
        ("found_at", "owner", "answered_at"),
        "answer",
    ]
    readonly_fields = ["paid_by"]
    actions = ["take", "answer_these"]
    show_full_result_count = False
    ordering = ["state", "found_at", "pk"]

    @display(
        description=_("state"),
        label={
            DifferenceState.OPEN: "warning",
            DifferenceState.ANSWERED: "success",
            DifferenceState.GONE: "info",
        },
    )
    def shown_state(self, row: BillDifference) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("order"))
    def paid_by(self, row: BillDifference) -> str:
        if row.attempt is None:
            return "-"
        order = row.attempt.order
        place = reverse("admin:payments_order_change", args=[order.pk])
        return format_html('<a href="{}">{}</a>', place, order.number)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "bill_day__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.action(description=_("I look into these"), permissions=["answer"])
    def take(self, request: HttpRequest, queryset: QuerySet[BillDifference]) -> None:
        for row in queryset[:MOST]:
            try:
                services.take_difference(row.pk, actor=actor_of(request))
            except BoweiError as error:
                messages.error(request, f"{row}: {error.message}")

    @admin.action(description=_("Say what came of these"), permissions=["answer"])
    def answer_these(self, request: HttpRequest, queryset: QuerySet[BillDifference]) -> Any:
        form = AnswerForm(request.POST if "answer" in request.POST else None)
        rows = queryset[:MOST]
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": gettext("What came of it"),
                "form": form,
                "rows": rows,
                "action": "answer_these",
            }
            return render(request, "admin/payments/answer_differences.html", context)
        for row in rows:
            try:
                services.answer_difference(
                    row.pk, answer=form.cleaned_data["answer"], actor=actor_of(request)
                )
            except BoweiError as error:
                messages.error(request, f"{row}: {error.message}")
        return None
