"""The operator's view of cards, lots, agreements, statements and differences."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.guards import actor_of
from core import images
from core.admin import ModelAdmin, ReadOnly, TabularInline
from core.errors import BoweiError
from core.fields import YuanField
from core.money import format_fen
from core.plates import Plate
from core.templatetags.bowei import duration, money_tag
from monthlycard import services
from monthlycard.models import (
    Agreement,
    Card,
    CardObjection,
    Deduction,
    LotSystem,
    PassRecord,
    Plan,
    PlanVersion,
    Statement,
    StatementCorrection,
    StatementDifference,
    StatementItem,
)

MOST_QUOTA = 2**31 - 1  # what its column holds


def _in_its_unit(plan: PlanVersion, amount: int) -> str:
    """So much of a card's quota: money, time, or a number of visits."""
    if plan.quota_kind == Plan.Quota.MONEY:
        return money_tag(amount)
    return duration(amount) if plan.quota_kind == Plan.Quota.TIME else str(amount)


class PlanForm(forms.ModelForm):
    """A plan whose quota is typed in the unit of what it covers."""

    quota = forms.CharField(
        initial="0",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        help_text=_("Yuan, seconds or visits, as chosen above; 0 where it covers everything."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quota"].label = capfirst(Plan._meta.get_field("quota").verbose_name)
        if self.instance.pk and self.instance.quota_kind == Plan.Quota.MONEY:
            self.initial["quota"] = YuanField().prepare_value(self.instance.quota)

    def clean_grace_days(self) -> int:
        return self.cleaned_data["grace_days"] or 0

    def clean_quota(self) -> Any:
        field = (
            YuanField()
            if self.cleaned_data.get("quota_kind") == Plan.Quota.MONEY
            else forms.IntegerField(min_value=0)
        )
        quota = field.clean(self.cleaned_data["quota"])
        if not 0 <= quota <= MOST_QUOTA:
            raise forms.ValidationError(_("This is more than a card can cover."))
        return quota


@admin.register(Plan)
class PlanAdmin(ModelAdmin):
    form = PlanForm
    list_display = ["name", "code", "merchant", "price_fen", "days", "quota_kind", "on_sale"]
    filter_horizontal = ["lots"]

    actions = ["carry_over"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What is sold from now on is a version of its own; cards that were sold keep theirs."""
        super().save_related(request, form, formsets, change)
        services.version_of(form.instance)

    @admin.action(
        description=_("Carry these plans' lots over to the cards that were sold"),
        permissions=["carry"],
    )
    def carry_over(self, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        for plan in queryset:
            told = services.reissue(plan_id=plan.pk, actor=actor_of(request))
            text = gettext("%(plan)s: %(count)s cards have other lots now.")
            messages.info(request, text % {"plan": plan.name, "count": told})


@admin.register(Card)
class CardAdmin(ReadOnly):
    list_display = ["number", "masked", "plan", "state", "valid_until", "left"]
    list_filter = ["state", "plan"]
    search_fields = ["number"]
    list_select_related = ["plan", "terms"]
    fields = ["number", "masked", "plan", "state", "licence", "valid_from", "valid_until"]
    fields += ["left", "applied_at"]
    actions = ["verify", "refuse", "suspend", "resume", "end"]

    @admin.display(description=_("plate"))
    def masked(self, card: Card) -> str:
        return Plate(card.plate_text, None).masked

    @admin.display(description=_("remaining"), ordering="quota_left")
    def left(self, card: Card) -> str:
        return _in_its_unit(card.terms, card.quota_left)

    @admin.action(
        description=_("I have seen the vehicle licence: the card may be paid"),
        permissions=["judge"],
    )
    def verify(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset.filter(state=Card.State.APPLIED):
            try:
                services.accept_licence(card_id=card.pk, actor=actor_of(request))
            except BoweiError as error:
                messages.error(request, f"{card.number}: {error.message}")

    @admin.display(description=_("vehicle licence"))
    def licence(self, card: Card) -> str:
        if not card.evidence_sha:
            return "—"
        url = images.original_url(card.evidence_sha, why=f"licence of card {card.number}")
        return format_html('<a href="{}">{}</a>', url, _("Show the photograph"))

    @admin.action(description=_("The licence does not show it: refuse"), permissions=["judge"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset:
            services.refuse(card_id=card.pk, actor=actor_of(request), reason="licence")

    @admin.action(description=_("End, and pay the rest back"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset:
            try:
                fen = services.end_card(card_id=card.pk, actor=actor_of(request), reason="operator")
                messages.info(request, f"{card.number}: {format_fen(fen)}")
            except BoweiError as error:
                messages.warning(request, f"{card.number}: {error.message}")

    @admin.action(
        description=_("Suspend: the lots stop taking these cards"), permissions=["suspend"]
    )
    def suspend(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset:
            services.suspend(card_id=card.pk, actor=actor_of(request), reason="operator")

    @admin.action(description=_("Resume: the lots take these cards again"), permissions=["suspend"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset:
            services.resume(card_id=card.pk, actor=actor_of(request), reason="operator")


@admin.register(LotSystem)
class LotSystemAdmin(ReadOnly):
    list_display = ["code", "maker", "section", "takes_cards", "last_asked_at", "list_cursor"]
    list_select_related = ["section"]
    actions = ["take_cards", "take_no_cards"]

    @admin.action(description=_("These lots take cards"), permissions=["switch"])
    def take_cards(self, request: HttpRequest, queryset: QuerySet[LotSystem]) -> None:
        for lot in queryset:
            services.set_takes_cards(lot=lot, takes=True, actor=actor_of(request))

    @admin.action(description=_("These lots take no cards for now"), permissions=["switch"])
    def take_no_cards(self, request: HttpRequest, queryset: QuerySet[LotSystem]) -> None:
        for lot in queryset:
            services.set_takes_cards(lot=lot, takes=False, actor=actor_of(request))


@admin.register(Agreement)
class AgreementAdmin(ReadOnly):
    list_display = ["lot", "version", "period", "state", "platform_signed_at", "lot_signed_at"]
    list_filter = ["state"]
    list_select_related = ["lot"]
    fields = ["lot", "terms", "when_expired", "period", "period_day", "silence_agrees_after_h"]
    fields += ["valid_from"]
    actions = ["sign"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Agreement, form: Any, change: bool) -> None:
        """A new version for both to sign; one that contradicts itself is not saved."""
        facts = {name: form.cleaned_data[name] for name in self.fields}
        try:
            obj.pk = services.draft_agreement(actor=actor_of(request), **facts).pk
        except BoweiError as error:
            messages.error(request, str(error.message))

    @admin.action(description=_("Sign for the platform"), permissions=["sign"])
    def sign(self, request: HttpRequest, queryset: QuerySet[Agreement]) -> None:
        for agreement in queryset.filter(state=Agreement.State.DRAFT):
            services.sign_by_platform(agreement=agreement, actor=actor_of(request))


@admin.register(PassRecord)
class PassRecordAdmin(ReadOnly):
    list_display = ["passed_at", "lot", "direction", "flow", "reason", "oddity"]
    list_filter = ["lot", "flow", "oddity"]
    exclude = ["body_hash"]
    list_select_related = ["lot"]
    show_full_result_count = False
    ordering = ["-id"]


class DifferenceInline(TabularInline):
    model = StatementDifference
    fields = ["visit", "kind", "platform_fen", "lot_fen", "proposed", "settled_by", "settled_note"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    @admin.display(description=_("proposal"))
    def proposed(self, row: StatementDifference) -> str:
        return gettext(row.proposal)


class CorrectionInline(TabularInline):
    model = StatementCorrection
    fields = ["visit", "out", "fee_fen", "by", "why", "made_at"]
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(Statement)
class StatementAdmin(ReadOnly):
    list_display = ["number", "lot", "ends_at", "total_fen", "state", "fetched_at", "missed_at"]
    list_filter = ["state", "lot", ("missed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["lot"]
    inlines = [DifferenceInline, CorrectionInline]
    actions = ["settle"]

    @admin.action(
        description=_("The differences are settled with the lot: it is agreed"),
        permissions=["settle"],
    )
    def settle(self, request: HttpRequest, queryset: QuerySet[Statement]) -> None:
        for statement in queryset.filter(state=Statement.State.DISPUTED):
            try:
                services.settle_statement(
                    statement_id=statement.pk, actor=actor_of(request), why="settled with the lot"
                )
            except BoweiError as error:
                messages.warning(request, f"{statement.number}: {error.message}")


@admin.register(StatementItem)
class StatementItemAdmin(ReadOnly):
    """The visits of statements: one that is wrong leaves by a correcting line, or comes back."""

    list_display = ["statement", "visit", "entry_at", "exit_at", "fee_fen"]
    list_select_related = ["statement"]
    list_filter = ["statement__lot"]
    search_fields = ["visit", "statement__number"]
    show_full_result_count = False
    ordering = ["-id"]
    actions = ["take_out", "bring_back"]

    @admin.action(
        description=_("Take these visits out of their statements"), permissions=["correct"]
    )
    def take_out(self, request: HttpRequest, queryset: QuerySet[StatementItem]) -> None:
        self._correct(request, queryset, out=True, why="taken out by the operator")

    @admin.action(description=_("Bring these visits back"), permissions=["correct"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[StatementItem]) -> None:
        self._correct(request, queryset, out=False, why="brought back by the operator")

    def _correct(
        self, request: HttpRequest, rows: QuerySet[StatementItem], *, out: bool, why: str
    ) -> None:
        for statement_id, visit in rows.values_list("statement", "visit").distinct():
            try:
                services.correct_statement(
                    statement_id=statement_id,
                    visits=[visit],
                    out=out,
                    actor=actor_of(request),
                    why=why,
                )
            except BoweiError as error:
                messages.error(request, f"{visit}: {error.message}")


@admin.register(CardObjection)
class CardObjectionAdmin(ModelAdmin):
    """The queue of objections about cards: write the answer, then choose the verdict."""

    list_display = ["id", "reason", "card", "lot", "state", "opened_at", "answer_by"]
    list_filter = ["state", "reason", "lot"]
    list_select_related = ["card", "lot"]
    fields = ["state", "reason", "text", "answer", "card", "lot", "deduction", "visits"]
    fields += ["opened_at", "answer_by", "decided_at"]
    readonly_fields = [name for name in fields if name != "answer"]
    ordering = ["state", "answer_by"]
    actions = ["uphold", "reject"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.action(
        description=_("The owner was right: these visits are not theirs"), permissions=["decide"]
    )
    def uphold(self, request: HttpRequest, queryset: QuerySet[CardObjection]) -> None:
        self._answer(request, queryset, upheld=True)

    @admin.action(description=_("The fee stands"), permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[CardObjection]) -> None:
        self._answer(request, queryset, upheld=False)

    def _answer(self, request: HttpRequest, rows: QuerySet[CardObjection], *, upheld: bool) -> None:
        for row in rows.filter(state=CardObjection.State.OPEN):
            try:
                services.answer_objection(
                    objection_id=row.pk, upheld=upheld, answer=row.answer, actor=actor_of(request)
                )
            except BoweiError as error:
                messages.error(request, f"{row.pk}: {error.message}")


@admin.register(Deduction)
class DeductionAdmin(ReadOnly):
    list_display = [
        "deducted_at",
        "statement",
        "card",
        "fee_fen",
        "covered_fen",
        "due_fen",
        "state",
    ]
    list_filter = ["state"]
    list_select_related = ["statement", "card__terms"]
    exclude = ["quota_used"]
    readonly_fields = ["used"]

    @admin.display(description=_("quota used"))
    def used(self, row: Deduction) -> str:
        return _in_its_unit(row.card.terms, row.quota_used)
