"""Stays, and what is done about one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from accounts.guards import actor_of
from core import parse, plates, wiring
from core.admin import Exported, ReadOnly, TabularInline, told_notes
from core.errors import BoweiError, Invalid
from core.money import format_fen
from parking import selectors, services
from parking.admin.pictures import picture
from parking.forms import ChosenMoveForm, CloseForm, OpenForm, PlateForm, ReasonForm
from parking.models import (
    BerthEvent,
    ParkingSession,
    ReviewItem,
    Sighting,
    StayPayment,
)
from parking.states import StayState
from parking.tables import StayTable
from parking.words import reason_of, spoken


class SightingInline(TabularInline):
    model = Sighting
    fields = ["occurred_at", "purpose", "state", "plate", "photograph"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    hide_title = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("plate"))
    def plate(self, row: Sighting) -> str:
        return plates.display(row.plate_text) if row.plate_text else "-"

    @display(description=gettext_lazy("photograph"))
    def photograph(self, row: Sighting) -> str:
        return picture(row, 160)


class EventInline(TabularInline):
    model = BerthEvent
    fields = ["occurred_at", "kind", "said_by", "received_at", "times", "ignored"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PaymentInline(TabularInline):
    model = StayPayment
    fields = [
        "paid_at",
        "kind",
        "order",
        "amount_fen",
        "refunded_fen",
        "moved_fen",
        "forgone_fen",
    ]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("order"))
    def order(self, row: StayPayment) -> str:
        """Its order's page, from which money goes back."""
        place = reverse("admin:payments_order_change", args=[row.order_item.order_id])
        return format_html('<a href="{}">{}</a>', place, row.order_number)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StayPayment]:
        return super().get_queryset(request).select_related("order_item")


@admin.register(ParkingSession)
class ParkingSessionAdmin(Exported, ReadOnly):
    """Stays: opened, ended, cancelled and corrected by hand, each with its reason in the trail."""

    table = StayTable
    list_display = ["id", "berth", "masked", "shown_state", "arrived_at", "left_at", "due_fen"]
    list_filter = ["state", "plate_state", "doubtful", "simulated", "merchant"]
    list_select_related = ["berth", "section"]
    search_fields = ["plate_text", "berth__code"]
    date_hierarchy = "arrived_at"
    show_full_result_count = False
    exclude = ["lines"]
    readonly_fields = ["questions", "words", "bill"]
    inlines = [SightingInline, PaymentInline, EventInline]
    actions_detail = ["end_stay", "cancel_stay", "correct_stay", "move_payment"]
    actions_list = ["open_stay"]

    @display(description=gettext_lazy("plate"))
    def masked(self, row: ParkingSession) -> str:
        return plates.masked(row.plate_text) if row.plate_text else "-"

    @display(description=gettext_lazy("open questions"))
    def questions(self, row: ParkingSession) -> str:
        """What holds everything that is asked for the stay: what, since when, whose answer."""
        asked = ReviewItem.objects.filter(
            pk__in=[one.item for one in selectors.questions_about(row.pk)]
        )
        return format_html_join(
            SafeString("<br>"),
            '<a href="{}">{}</a> {} · {}',
            (
                (
                    reverse("admin:parking_reviewitem_look", args=[one.pk]),
                    reason_of(one.why),
                    date_format(timezone.localtime(one.opened_at), "SHORT_DATETIME_FORMAT"),
                    one.merchant,
                )
                for one in asked.select_related("merchant").order_by("opened_at")
            ),
        )

    @display(description=gettext_lazy("words of callers"))
    def words(self, row: ParkingSession) -> str:
        return told_notes(wiring.staff_notes([("parking.stay", row.pk)]))

    @display(description=gettext_lazy("bill"))
    def bill(self, row: ParkingSession) -> str:
        lines = [spoken(line) for line in row.lines]
        context = {"lines": lines, "sum_fen": row.fee_fen}
        return render_to_string("components/lines.html", context)

    @display(
        description=gettext_lazy("state"),
        label={
            StayState.PARKED: "info",
            StayState.DUE: "warning",
            StayState.SETTLED: "success",
            StayState.VOID: "danger",
        },
    )
    def shown_state(self, row: ParkingSession) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @action(description=gettext_lazy("Begin a stay by hand"), url_path="open", permissions=["open"])
    def open_stay(self, request: HttpRequest) -> HttpResponse:
        def carry_out(given: dict[str, Any]) -> int:
            berth = selectors.berth_by_code(given["berth"])
            if berth is None:
                raise Invalid("no_berth", _("There is no such berth."))
            return services.open_by_hand(
                berth_id=berth.pk,
                arrived_at=given["arrived_at"],
                plate_text=given["plate"],
                plate_colour=given["colour"],
                actor=actor_of(request),
                reason=given["reason"],
            )

        return self._by_hand(request, OpenForm, carry_out, title=_("Begin a stay by hand"))

    @action(description=gettext_lazy("End by hand"), url_path="end", permissions=["end"])
    def end_stay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def carry_out(given: dict[str, Any]) -> int:
            services.close_by_hand(
                stay_id=parse.row_id(object_id),
                left_at=given["left_at"],
                actor=actor_of(request),
                reason=given["reason"],
            )
            return parse.row_id(object_id)

        return self._by_hand(request, CloseForm, carry_out, title=_("End this stay by hand"))

    @action(description=gettext_lazy("Cancel"), url_path="void", permissions=["void"])
    def cancel_stay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def carry_out(given: dict[str, Any]) -> int:
            services.void_stay(
                stay_id=parse.row_id(object_id), actor=actor_of(request), reason=given["reason"]
            )
            return parse.row_id(object_id)

        return self._by_hand(request, ReasonForm, carry_out, title=_("Cancel this stay"))

    @action(
        description=gettext_lazy("Correct the plate"), url_path="plate", permissions=["correct"]
    )
    def correct_stay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def carry_out(given: dict[str, Any]) -> int:
            services.correct_plate(
                stay_id=parse.row_id(object_id),
                plate_text=given["plate"],
                plate_colour=given["colour"],
                actor=actor_of(request),
                why="operator",
            )
            return parse.row_id(object_id)

        return self._by_hand(request, PlateForm, carry_out, title=_("Correct the plate"))

    @action(description=gettext_lazy("Move a payment"), url_path="move", permissions=["move"])
    def move_payment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A payment of this stay goes to the stay it was meant for, or back."""
        stay_id = parse.row_id(object_id)
        kept = StayPayment.objects.filter(stay=stay_id).order_by("pk")
        ways = [
            (row.pk, f"{row.order_number} · {format_fen(row.kept_fen)}")
            for row in kept
            if row.kept_fen
        ]

        def carry_out(given: dict[str, Any]) -> int:
            services.move_payment(
                payment_id=given["payment"],
                to_stay_id=services.stay_id_meant(given["berth"], given["plate"]),
                actor=actor_of(request),
                reason=given["reason"],
            )
            return stay_id

        form = partial(ChosenMoveForm, ways=ways)
        return self._by_hand(request, form, carry_out, title=_("Move a payment"))

    def _by_hand(
        self,
        request: HttpRequest,
        form_class: Callable[..., forms.Form],
        carry_out: Any,
        *,
        title: str,
    ) -> HttpResponse:
        """Show the form of a change by hand, and carry it out."""
        form = form_class(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                pk = carry_out(form.cleaned_data)
            except BoweiError as error:
                if error.keeps:
                    messages.warning(request, error.message)
                    return redirect("admin:parking_parkingsession_changelist")
                form.add_error(None, error.message)
            else:
                messages.success(request, _("Done, and noted in the audit trail."))
                return redirect("admin:parking_parkingsession_change", pk)
        context = {**self.admin_site.each_context(request), "form": form, "title": title}
        return TemplateResponse(request, "parking/operator_by_hand.html", context)
