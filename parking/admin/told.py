"""What was told and seen, to look at: photographs, readings, events, payments ahead."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display

from accounts.guards import actor_of
from core import images, parse
from core.admin import ReadOnly
from parking import services
from parking.admin.pictures import original, picture
from parking.forms import ReasonForm
from parking.models import (
    BerthEvent,
    CloneCase,
    ImageOrder,
    InspectionTask,
    PlateReading,
    Prepayment,
    Sighting,
    SignReport,
)
from parking.words import reason_of


@admin.register(Sighting)
class SightingAdmin(ReadOnly):
    list_display = ["id", "occurred_at", "purpose", "state", "device", "berth"]
    list_filter = ["state", "purpose"]
    list_select_related = ["device", "berth"]
    show_full_result_count = False
    readonly_fields = ["photograph"]

    @display(description=gettext_lazy("photograph"))
    def photograph(self, row: Sighting) -> str:
        return format_html("{}<br>{}", picture(row, 480), original(row))


@admin.register(PlateReading)
class PlateReadingAdmin(ReadOnly):
    list_display = ["sighting", "state", "reason", "confident", "model", "read_at"]
    list_filter = ["state", "model"]
    list_select_related = ["sighting"]
    fields = [
        "state",
        "sighting",
        "text",
        "colour",
        "colour_confidence",
        "likeliest",
        "sharpness",
        "confident",
        "reason",
        "model",
        "read_at",
    ]
    readonly_fields = ["likeliest", "reason"]
    show_full_result_count = False

    @display(description=gettext_lazy("why"))
    def reason(self, row: PlateReading) -> str:
        return reason_of(row.why) if row.why else "-"

    @display(description=gettext_lazy("candidates"))
    def likeliest(self, row: PlateReading) -> str:
        told = (f"{one['text']} {one['probability']:.0%}" for one in row.candidates)
        return " · ".join(told) or "-"


@admin.register(ImageOrder)
class ImageOrderAdmin(ReadOnly):
    list_display = ["stay", "device", "state", "asked_at"]
    list_filter = ["state"]
    list_select_related = ["device"]


@admin.register(InspectionTask)
class InspectionTaskAdmin(ReadOnly):
    list_display = ["berth", "section", "state", "opened_at", "done_at"]
    list_filter = ["state", "section"]
    list_select_related = ["berth", "section"]
    fields = ["state", "merchant", "section", "berth", "stay", "reason", "opened_at", "done_at"]
    readonly_fields = ["reason"]

    @display(description=gettext_lazy("why"))
    def reason(self, row: InspectionTask) -> str:
        return reason_of(row.why)


@admin.register(SignReport)
class SignReportAdmin(ReadOnly):
    """Codes that look strange: somebody goes there, and says here that it is dealt with."""

    list_display = ["told_at", "kind", "berth", "place", "away_m", "state"]
    list_filter = ["state", "kind"]
    list_select_related = ["berth"]
    fields = ["state", "kind", "berth", "place", "text", "photograph", "latitude", "longitude"]
    fields += ["away_m", "told_at", "done_at", "what_to_do"]
    readonly_fields = ["photograph", "what_to_do"]
    actions = ["settle"]

    @display(description=gettext_lazy("photograph"))
    def photograph(self, row: SignReport) -> str:
        if not row.image_sha:
            return "-"
        return format_html('<img src="{}" alt="" width="320">', images.url(row.image_sha))

    @display(description=gettext_lazy("what to do"))
    def what_to_do(self, row: SignReport) -> str:
        return _(
            "Send somebody to the berth. A sticker over our code: photograph it, take it down, and"
            " tell the police and the payment services, whose account it leads to. One of our own"
            " codes in another place: take it down, make the berth's printed code worthless, and"
            " print it anew. Then say here that it is dealt with."
        )

    @admin.action(description=gettext_lazy("It is dealt with"), permissions=["settle"])
    def settle(self, request: HttpRequest, rows: QuerySet[SignReport]) -> None:
        done = [services.settle_sign_report(row.pk, actor=actor_of(request)) for row in rows]
        text = ngettext("%(n)d report is dealt with.", "%(n)d reports are dealt with.", sum(done))
        messages.success(request, text % {"n": sum(done)})


@admin.register(BerthEvent)
class BerthEventAdmin(ReadOnly):
    list_display = ["berth", "kind", "occurred_at", "received_at", "said_by", "stay", "times"]
    list_filter = ["kind", ("stay", admin.EmptyFieldListFilter)]
    list_select_related = ["berth"]
    search_fields = ["berth__code"]
    show_full_result_count = False


@admin.register(Prepayment)
class PrepaymentAdmin(ReadOnly):
    list_display = ["id", "state", "berth", "minutes", "attempts_left", "created_at"]
    list_filter = ["state"]
    list_select_related = ["berth"]
    exclude = ["token", "candidates", "differs"]
    show_full_result_count = False


# ── Copied plates ────────────────────────────────────────────────────────────────────────────
@admin.register(CloneCase)
class CloneCaseAdmin(ReadOnly):
    """Plates that two vehicles seem to carry: found copied, and closed, each with its reason."""

    list_display = ["id", "plate_text", "plate_colour", "why", "state", "opened_at", "closed_at"]
    list_filter = ["state", "why"]
    search_fields = ["plate_text"]
    ordering = [Case(When(state__in=CloneCase.LIVE, then=0), default=1), "opened_at"]
    show_full_result_count = False
    readonly_fields = ["stays_in_question"]
    exclude = ["stays"]
    actions_detail = ["say_copied", "close_case"]

    @display(description=gettext_lazy("stays"))
    def stays_in_question(self, case: CloneCase) -> str:
        return format_html_join(
            SafeString("<br>"),
            '<a href="{}">{} · {}</a>',
            (
                (
                    reverse("admin:parking_parkingsession_change", args=[one.pk]),
                    one.berth.code,
                    date_format(timezone.localtime(one.arrived_at), "SHORT_DATETIME_FORMAT"),
                )
                for one in case.stays.select_related("berth").order_by("-arrived_at")[:100]
            ),
        )

    @action(
        description=gettext_lazy("The plate is copied"), url_path="copied", permissions=["settle"]
    )
    def say_copied(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, services.say_copied, title=_("The plate is copied"))

    @action(description=gettext_lazy("Close the case"), url_path="close", permissions=["settle"])
    def close_case(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, services.close_case, title=_("Close the case"))

    def _decide(
        self, request: HttpRequest, object_id: str, decide: Any, *, title: str
    ) -> HttpResponse:
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            decide(
                case_id=parse.row_id(object_id),
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
            )
            messages.success(request, _("Done, and noted in the audit trail."))
            return redirect("admin:parking_clonecase_change", object_id)
        context = {**self.admin_site.each_context(request), "form": form, "title": title}
        return TemplateResponse(request, "parking/operator_by_hand.html", context)
