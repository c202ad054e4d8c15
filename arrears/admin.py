"""The operator's view of debts, objections, schemes and decisions."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import actor_of
from arrears import looking, selectors, services
from arrears.calling import Calling
from arrears.models import (
    Assessment,
    BlacklistEntry,
    CallNote,
    Contact,
    Debt,
    Demand,
    Dispute,
    ExemptVehicle,
    ListingRule,
    Look,
    OptOut,
    PayWindow,
    Plan,
    Portrait,
    RecoveryNotice,
    RiskModel,
    Scheme,
    Watch,
)
from arrears.states import DisputeState, LookState, RiskModelState
from core import clock, wiring
from core.admin import Masked, ModelAdmin, ReadOnly, Said, TabularInline, behind, told_notes
from core.errors import BoweiError
from core.money import format_fen
from core.typed import PlatedForm


@admin.register(Debt)
class DebtAdmin(Masked, ReadOnly):
    list_display = ["id", "plate", "merchant", "section", "amount_fen", "state", "opened_at"]
    list_filter = ["state", "merchant"]
    list_select_related = ["merchant", "section"]
    search_fields = ["plate_text"]
    show_full_result_count = False
    date_hierarchy = "opened_at"
    readonly_fields = ["disputes", "words"]
    ordering = ["-id"]

    @admin.display(description=_("disputes"))
    def disputes(self, row: Debt) -> str:
        said = Dispute.objects.filter(stays=row.stay_id).order_by("pk")
        return ", ".join(f"{one.pk}: {one.get_state_display()}" for one in said)

    @admin.display(description=_("words of callers"))
    def words(self, row: Debt) -> str:
        return told_notes(wiring.staff_notes([("parking.stay", row.stay_id)]))


@admin.register(Dispute)
class DisputeAdmin(ModelAdmin):
    """The queue of objections: write the answer, then choose the verdict by an action."""

    list_display = ["id", "reason", "merchant", "state", "opened_at", "answer_by"]
    list_filter = ["state", "reason", "merchant"]
    list_select_related = ["merchant"]
    fields = [
        "state",
        "reason",
        "text",
        "answer",
        "merchant",
        "plate_text",
        "plate_colour",
        "named",
        "words",
        "opened_at",
        "answer_by",
        "decided_at",
    ]
    readonly_fields = [name for name in fields if name != "answer"]
    actions = ["uphold", "reject"]
    ordering = ["state", "answer_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("stays"))
    def named(self, row: Dispute) -> str:
        return ", ".join(f"{one.pk}: {format_fen(one.fee_fen)}" for one in row.stays.order_by("pk"))

    @admin.display(description=_("words of callers"))
    def words(self, row: Dispute) -> str:
        stays = row.stays.values_list("pk", flat=True)
        return told_notes(wiring.staff_notes([("parking.stay", pk) for pk in stays]))

    def _settle(self, request: HttpRequest, rows: QuerySet[Dispute], verdict: str) -> None:
        for row in rows.filter(state=DisputeState.OPEN):
            try:
                services.settle_dispute(
                    dispute_id=row.pk, verdict=verdict, answer=row.answer, actor=actor_of(request)
                )
            except BoweiError as error:
                messages.warning(request, f"{row.pk}: {error.message}")

    @admin.action(description=_("The owner was right: drop the debts"), permissions=["decide"])
    def uphold(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> None:
        self._settle(request, queryset, "upheld")

    @admin.action(description=_("The fee stands"), permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> None:
        self._settle(request, queryset, "rejected")


@admin.register(BlacklistEntry)
class BlacklistAdmin(Masked, ReadOnly):
    list_display = ["id", "plate", "state", "amount_fen", "since", "due_at", "active_at"]
    list_filter = ["state"]
    search_fields = ["plate_text"]
    show_full_result_count = False
    ordering = ["-id"]


class ExemptForm(PlatedForm):
    """The plate as people type it, and a time that is still to come."""

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if (until := given.get("until")) and until <= clock.now():
            self.add_error("until", _("Name a time to come."))
        return given


@admin.register(ExemptVehicle)
class ExemptVehicleAdmin(Masked, ModelAdmin):
    """The register of exempt vehicles: one person adds, another grants."""

    list_display = ["id", "plate", "reason", "state", "until", "asked_by", "granted_by"]
    list_filter = ["state", "reason"]
    search_fields = ["plate_text"]
    form = ExemptForm
    fields = ["plate_text", "plate_colour", "reason", "why", "until"]
    actions = ["grant", "end"]
    ordering = ["-id"]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ExemptVehicle, form: Any, change: bool) -> None:
        services.ask_exemption(obj, actor=actor_of(request))

    @admin.action(description=_("Grant: I am the second person"), permissions=["grant"])
    def grant(self, request: HttpRequest, queryset: QuerySet[ExemptVehicle]) -> None:
        for row in queryset:
            try:
                services.grant_exemption(exemption_id=row.pk, actor=actor_of(request))
            except BoweiError as error:
                messages.warning(request, f"{row.pk}: {error.message}")

    @admin.action(description=_("End the exemption"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[ExemptVehicle]) -> None:
        for row in queryset:
            services.end_exemption(
                exemption_id=row.pk, actor=actor_of(request), reason="ended on the desk"
            )


@admin.register(ListingRule)
class ListingRuleAdmin(Said, ModelAdmin):
    """From when on debts list a vehicle; a new version is added, none is changed."""

    list_display = ["merchant", "amount_fen", "count", "age_days", "valid_from", "said_by", "why"]
    list_filter = ["merchant"]
    list_select_related = ["merchant"]
    ordering = ["-id"]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def say(self, request: HttpRequest, form: Any) -> ListingRule:
        given = form.cleaned_data
        return services.say_rule(
            merchant_id=given["merchant"].pk if given["merchant"] else None,
            amount_fen=given["amount_fen"],
            count=given["count"],
            age_days=given["age_days"],
            why=given["why"],
            actor=actor_of(request),
        )


@admin.register(Look)
class LookAdmin(ReadOnly):
    """What waits for a look before its demand: by batches on a page, with pictures and keys."""

    list_display = ["look", "merchant", "state", "opened_at", "looked_by", "looked_at"]
    list_display_links = None
    list_filter = ["state", "merchant", "debt__state"]
    list_select_related = ["merchant"]
    show_full_result_count = False
    ordering = ["opened_at", "id"]

    @admin.display(description=_("question"))
    def look(self, row: Look) -> str:
        if row.state != LookState.WAITING:
            return str(row.pk)
        url = reverse("admin:arrears_look_take")
        return format_html('<a href="{}">{} {}</a>', url, gettext("Look"), row.pk)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.take_view)
        return [path("take/", page, name="arrears_look_take"), *super().get_urls()]

    @behind("view", doing="judge")
    def take_view(self, request: HttpRequest) -> HttpResponse:
        """The next pictures; after the answer those that follow."""
        if request.method == "POST":
            looking.take(request, None)
            return redirect("admin:arrears_look_take")
        context = {**self.admin_site.each_context(request), **looking.context_of(request, None)}
        context |= {"title": _("Look before the demand"), "opts": self.model._meta}
        return TemplateResponse(request, "arrears/operator_looks.html", context)


@admin.register(CallNote)
class CallNoteAdmin(Calling, ReadOnly):
    """What callers said; a call is answered from here."""

    list_display = ["taken_at", "about", "text", "objected", "taken_by"]
    list_filter = [("dispute", admin.EmptyFieldListFilter)]
    list_filter_submit = True
    list_select_related = ["stay__berth", "order"]
    exclude = ["key", "user"]
    actions_list = ["answer"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description=_("about"))
    def about(self, row: CallNote) -> str:
        return row.order.number if row.order else f"{row.stay.berth.code} · {row.stay_id}"  # type: ignore[union-attr]

    @admin.display(description=_("objection"), boolean=True)
    def objected(self, row: CallNote) -> bool:
        return row.dispute_id is not None


@admin.register(Demand)
class DemandAdmin(Masked, ReadOnly):
    list_display = ["id", "plate", "channel", "state", "made_at", "due_at", "delivered_at"]
    list_filter = ["state", "channel"]
    exclude = ["token"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(RecoveryNotice)
class NoticeAdmin(Masked, ReadOnly):
    list_display = [
        "id",
        "plate",
        "device",
        "merchant",
        "amount_fen",
        "state",
        "outcome",
        "made_at",
    ]
    list_filter = ["state", "outcome", "merchant"]
    list_select_related = ["device", "merchant"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(PayWindow)
class PayWindowAdmin(ReadOnly):
    list_display = ["id", "stay", "state", "due_at"]
    list_filter = ["state"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(Portrait)
class PortraitAdmin(ReadOnly):
    """Portraits are personal: the list shows no subject."""

    list_display = ["id", "as_of", "version", "has_history", "simulated"]
    list_filter = ["has_history", "simulated", "version"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(Assessment)
class AssessmentAdmin(Masked, ReadOnly):
    list_display = ["id", "plate", "state", "at_risk", "chance", "late", "objected", "as_of"]
    list_filter = ["state", "at_risk", "late", "objected", "model"]
    readonly_fields = ["in_words"]
    exclude = ["payment_time", "ask_again_at"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description=_("chance of not paying in time"))
    def chance(self, row: Assessment) -> str:
        return "" if row.probability is None else f"{row.probability:.0%}"

    @admin.display(description=_("reasons"))
    def in_words(self, row: Assessment) -> str:
        decision = selectors.decision_of(row.stay_id)
        told = decision.reasons if decision else []
        return " · ".join(f"{one['text']} ({one['effect']})" for one in told)


@admin.register(Watch)
class WatchAdmin(ReadOnly):
    list_display = ["id", "stay", "state", "began_at", "due_at"]
    list_filter = ["state"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(RiskModel)
class RiskModelAdmin(ModelAdmin):
    """The costs may be edited; the threshold follows. A model takes over by the action alone."""

    list_display = ["version", "state", "source", "data_from", "data_to", "threshold"]
    fields = [
        "version",
        "state",
        "source",
        "data_from",
        "data_to",
        "sha256",
        "figures",
        "registered_at",
        "threshold",
        "contact_fen",
        "annoyance_fen",
        "due_fen",
        "lift",
    ]
    readonly_fields = fields[:9]
    actions = ["take_over"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("threshold"))
    def threshold(self, row: RiskModel) -> str:
        from arrears.services.models import threshold_of

        return f"{threshold_of(row):.0%}"

    @admin.action(description=_("Let this model take over"), permissions=["promote"])
    def take_over(self, request: HttpRequest, queryset: QuerySet[RiskModel]) -> None:
        for row in queryset.filter(state=RiskModelState.SHADOW):
            try:
                services.promote(row.version, actor=actor_of(request))
            except BoweiError as error:
                messages.warning(request, f"{row.version}: {error.message}")


@admin.register(Scheme)
class SchemeAdmin(ModelAdmin):
    """Instalments are not offered until a stay can be paid in parts: no promise that we break."""

    exclude = ["instalments"]
    list_display = [
        "name",
        "channel",
        "tone",
        "contacts",
        "lift",
        "is_plain",
        "active",
        "paid_share",
    ]
    list_filter = ["active", "channel"]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False  # plans refer to it; it is put out of use instead

    @admin.display(description=_("paid of its plans"))
    def paid_share(self, row: Scheme) -> str:
        mine = [one for one in selectors.uplift() if one.scheme == row.code]
        plans = sum(one.plans for one in mine)
        return f"{sum(one.paid for one in mine)} / {plans}"


class ContactInline(TabularInline):
    model = Contact
    fields = ["number", "channel", "state", "outcome", "why", "due_at", "at"]
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(Plan)
class PlanAdmin(Masked, ReadOnly):
    list_display = ["id", "plate", "scheme", "holdout", "amount_fen", "state", "made_at"]
    list_filter = ["state", "scheme", "holdout"]
    list_select_related = ["scheme"]
    exclude = ["parts_fen"]
    readonly_fields = ["parts"]
    inlines = [ContactInline]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description=_("parts"))
    def parts(self, row: Plan) -> str:
        return " + ".join(format_fen(fen) for fen in row.parts_fen) or "—"


@admin.register(Contact)
class ContactAdmin(ReadOnly):
    list_display = ["id", "channel", "state", "outcome", "why", "due_at", "at"]
    list_filter = ["state", "channel", "outcome"]
    exclude = ["token"]
    actions = ["called_and_paid", "called_in_vain"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.action(description=_("Called: will pay"), permissions=["call"])
    def called_and_paid(self, request: HttpRequest, queryset: QuerySet[Contact]) -> None:
        self._called(request, queryset, "opened")

    @admin.action(description=_("Called: nobody answered"), permissions=["call"])
    def called_in_vain(self, request: HttpRequest, queryset: QuerySet[Contact]) -> None:
        self._called(request, queryset, "nothing")

    def _called(self, request: HttpRequest, rows: QuerySet[Contact], outcome: str) -> None:
        for row in rows.filter(channel="call"):
            services.call_made(contact_id=row.pk, outcome=outcome, actor=actor_of(request))


@admin.register(OptOut)
class OptOutAdmin(ModelAdmin):
    list_display = ["id", "at", "by"]
