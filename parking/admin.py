"""The operator's desk for this row: set up streets, look at stays, answer the review queue."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.guards import actor_of
from core import images, parse, plates
from core.admin import Exported, ModelAdmin, ReadOnly, TabularInline, behind
from core.errors import BoweiError, Invalid
from core.money import format_fen
from parking import selectors, services
from parking.forms import ChosenMoveForm, CloseForm, OpenForm, PlateForm, ReasonForm
from parking.links import berth_url
from parking.models import (
    Berth,
    BerthEvent,
    BerthSensor,
    CameraCoverage,
    CameraTrust,
    CloneCase,
    HandheldPost,
    HolidayYear,
    ImageOrder,
    InspectionTask,
    ParkingSession,
    PlateReading,
    Prepayment,
    ReviewItem,
    Section,
    Sighting,
    SignReport,
    StayPayment,
    Tariff,
    TariffVersion,
)
from parking.rules import accuracy
from parking.services.accuracy import known_of
from parking.services.holidays import read_year
from parking.services.prices import check_terms
from parking.states import ReviewState, StayState
from parking.tables import StayTable
from parking.views.merchant import answer_review, review_context
from parking.words import reason_of, spoken


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


class BerthInline(TabularInline):
    model = Berth
    fields = ["position", "number", "code", "latitude", "longitude", "in_service"]
    ordering = ["position"]
    extra = 0


@admin.register(Section)
class SectionAdmin(ModelAdmin):
    list_display = ["name", "code", "merchant", "ground", "tariff"]
    list_filter = ["merchant", "ground"]
    list_select_related = ["merchant", "tariff"]
    search_fields = ["name", "code"]
    inlines = [BerthInline]


class SensorInline(TabularInline):
    model = BerthSensor
    extra = 0


class CoverageInline(TabularInline):
    model = CameraCoverage
    extra = 0


@admin.register(Berth)
class BerthAdmin(ModelAdmin):
    list_display = ["code", "section", "number", "in_service", "lock_up"]
    list_filter = ["section__merchant", "in_service"]
    list_select_related = ["section"]
    search_fields = ["code"]
    readonly_fields = ["lock_up", "address"]
    inlines = [SensorInline, CoverageInline]
    actions = ["print_signs", "make_new_addresses"]

    @display(description=gettext_lazy("address in its code"))
    def address(self, berth: Berth) -> str:
        return berth_url(berth.code, berth.address_version) if berth.pk else "-"

    @admin.action(description=gettext_lazy("Print their codes"), permissions=["readdress"])
    def print_signs(self, request: HttpRequest, rows: QuerySet[Berth]) -> HttpResponse | None:
        chosen = rows.select_related("section__merchant")
        try:
            printed = services.print_signs(
                list(chosen.order_by("section__name", "section_id", "position")),
                actor=actor_of(request),
            )
        except BoweiError as error:
            messages.warning(request, error.message)
            return None
        answer = HttpResponse(printed, content_type="application/pdf")
        answer["Content-Disposition"] = 'attachment; filename="signs.pdf"'
        return answer

    @admin.action(
        description=gettext_lazy("Make their printed codes worthless"), permissions=["readdress"]
    )
    def make_new_addresses(self, request: HttpRequest, rows: QuerySet[Berth]) -> None:
        ids = list(rows.values_list("pk", flat=True))
        count = services.readdress(berth_ids=ids, actor=actor_of(request))
        text = ngettext(
            "%(n)d berth has a new address. Print its sign anew; the old code leads to the page"
            " for typed numbers.",
            "%(n)d berths have new addresses. Print their signs anew; the old codes lead to the"
            " page for typed numbers.",
            count,
        )
        messages.success(request, text % {"n": count})


@admin.register(HandheldPost)
class HandheldPostAdmin(ModelAdmin):
    list_display = ["device", "section"]
    list_select_related = ["device", "section"]


# ── Stays ────────────────────────────────────────────────────────────────────────────────────
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
        return _picture(row, 160)


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
        "order_number",
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


def _picture(row: Sighting, width: int) -> str:
    from core import images

    url = images.url(row.image_sha, keeps=row.plate_text)
    return format_html('<img src="{}" width="{}" alt="">', url, width)


def _original(row: Sighting) -> str:
    from core import images

    return format_html(
        '<a href="{}">{}</a>', images.asking_url(row.image_sha), _("Open the original")
    )


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
    readonly_fields = ["questions", "bill"]
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


@admin.register(Sighting)
class SightingAdmin(ReadOnly):
    list_display = ["id", "occurred_at", "purpose", "state", "device", "berth"]
    list_filter = ["state", "purpose"]
    list_select_related = ["device", "berth"]
    show_full_result_count = False
    readonly_fields = ["photograph"]

    @display(description=gettext_lazy("photograph"))
    def photograph(self, row: Sighting) -> str:
        return format_html("{}<br>{}", _picture(row, 480), _original(row))


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


@admin.register(CameraTrust)
class CameraTrustAdmin(ModelAdmin):
    """How often each camera's sure readings are right; stopped ones first, then by code."""

    list_display = ["device", "state", "share", "bar", "changed_at"]
    list_filter = ["state"]
    list_select_related = ["device"]
    search_fields = ["device__code"]
    ordering = [Case(When(state=CameraTrust.State.STOPPED, then=0), default=1), "device__code"]
    fields = ["device", "state", "share", "bar"]
    fields += ["counted_from", "changed_at", "sampled_at"]
    readonly_fields = [name for name in fields if name != "bar"]
    actions_detail = ["let_bill", "stop"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @display(description=gettext_lazy("right"))
    def share(self, trust: CameraTrust) -> str:
        """As found, what it may be, and from what: one look at the rows says all three."""
        known = known_of(trust)
        if not known.sampled and not known.wrong:
            return _("nothing known yet of %(made)s readings") % {"made": known.made}
        found = accuracy.accuracy(known)
        text = _(
            "%(low)s–%(high)s %%: of those drawn %(right)s of %(sampled)s are right;"
            " of all, %(wrong)s of %(made)s are known to be wrong"
        )
        return text % {
            "low": f"{100 * found.low:.1f}",
            "high": f"{100 * found.high:.1f}",
            "right": known.right,
            "sampled": known.sampled,
            "wrong": known.wrong,
            "made": known.made,
        }

    @action(description=gettext_lazy("Let it bill again"), url_path="bill", permissions=["trust"])
    def let_bill(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set(request, object_id, bill=True, title=_("Let it bill again"))

    @action(description=gettext_lazy("Stop it"), url_path="stop", permissions=["trust"])
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set(request, object_id, bill=False, title=_("Stop it"))

    def _set(self, request: HttpRequest, object_id: str, *, bill: bool, title: str) -> HttpResponse:
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            services.set_billing(
                trust_id=parse.row_id(object_id),
                bill=bill,
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
            )
            messages.success(request, _("Done, and noted in the audit trail."))
            return redirect("admin:parking_cameratrust_change", object_id)
        context = {**self.admin_site.each_context(request), "form": form, "title": title}
        return TemplateResponse(request, "parking/operator_by_hand.html", context)


# ── The review queue ─────────────────────────────────────────────────────────────────────────
@admin.register(ReviewItem)
class ReviewItemAdmin(ReadOnly):
    """The queue: picture, candidates with their doubt per character, keys 1-5, undo."""

    list_display = [
        "look",
        "kind",
        "reason",
        "merchant",
        "state",
        "opened_at",
        "settled_by",
        "settled_at",
    ]
    list_display_links = None
    list_filter = ["state", "kind", "merchant"]
    ordering = [Case(When(state=ReviewState.OPEN, then=0), default=1), "opened_at"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReviewItem]:
        return selectors.reviews_for(None)

    @display(description=gettext_lazy("question"))
    def look(self, item: ReviewItem) -> str:
        url = reverse("admin:parking_reviewitem_look", args=[item.pk])
        return format_html('<a href="{}">{} {}</a>', url, _("Look"), item.pk)

    @display(description=gettext_lazy("why"))
    def reason(self, item: ReviewItem) -> str:
        return reason_of(item.why)

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(self.look_view)
        return [path("<int:pk>/look/", look, name="parking_reviewitem_look"), *super().get_urls()]

    @behind("view", doing="settle")
    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One question; after an answer the next one."""
        item = selectors.reviews_for(None).filter(pk=pk).first()
        if item is None:
            return redirect("admin:parking_reviewitem_changelist")
        context = {**self.admin_site.each_context(request), **review_context(item, request.user.pk)}
        context |= {"title": _("Needs a look"), "opts": self.model._meta}
        if item.stay_id:
            context["stay_url"] = reverse(
                "admin:parking_parkingsession_change", args=[item.stay_id]
            )
        if request.method == "POST":
            try:
                undone = answer_review(item, request)
            except BoweiError as error:
                context["problem"] = error.message
            else:
                return self._next(request, item, undone=undone)
        undo = request.session.pop("parking.undo", None)
        if undo:
            context["undo_url"] = reverse("admin:parking_reviewitem_look", args=[undo])
        return TemplateResponse(request, "parking/operator_review.html", context)

    def _next(self, request: HttpRequest, item: ReviewItem, *, undone: bool) -> HttpResponse:
        if undone:
            return redirect("admin:parking_reviewitem_look", item.pk)
        if item.kind == ReviewItem.Kind.PLATE:
            request.session["parking.undo"] = item.pk
        following = selectors.open_reviews(None).first()
        if following is None:
            messages.success(request, _("Nothing waits any more."))
            return redirect("admin:parking_reviewitem_changelist")
        return redirect("admin:parking_reviewitem_look", following.pk)
