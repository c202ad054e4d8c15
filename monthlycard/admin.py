"""The operator's view of cards, lots, agreements, statements and differences."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from core.admin import ReadOnly
from core.errors import BoweiError
from core.plates import Plate
from monthlycard import services
from monthlycard.models import (
    Agreement,
    Card,
    Deduction,
    LotSystem,
    PassRecord,
    Plan,
    Statement,
    StatementDifference,
)
from monthlycard.services.statements import agree


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


@admin.register(Plan)
class PlanAdmin(ModelAdmin):
    list_display = ["name", "code", "merchant", "price_fen", "days", "quota_kind", "on_sale"]
    filter_horizontal = ["lots"]


@admin.register(Card)
class CardAdmin(ReadOnly):
    list_display = ["number", "masked", "plan", "state", "valid_until", "quota_left"]
    list_filter = ["state", "plan"]
    search_fields = ["number"]
    list_select_related = ["plan"]
    actions = ["verify", "suspend", "resume"]

    @admin.display(description=_("plate"))
    def masked(self, card: Card) -> str:
        return Plate(card.plate_text, None).masked

    @admin.action(description=_("I have seen the vehicle licence: the card may be paid"))
    def verify(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset.filter(state=Card.State.APPLIED):
            try:
                services.verify(card_id=card.pk, actor=_actor(request))
            except BoweiError as error:
                messages.error(request, f"{card.number}: {error.message}")

    @admin.action(description=_("Suspend: the lots stop taking these cards"))
    def suspend(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset:
            services.suspend(card_id=card.pk, actor=_actor(request), reason="operator")

    @admin.action(description=_("Resume: the lots take these cards again"))
    def resume(self, request: HttpRequest, queryset: QuerySet[Card]) -> None:
        for card in queryset:
            services.resume(card_id=card.pk, actor=_actor(request), reason="operator")


@admin.register(LotSystem)
class LotSystemAdmin(ReadOnly):
    list_display = ["code", "maker", "section", "takes_cards", "last_asked_at", "list_cursor"]
    list_select_related = ["section"]


@admin.register(Agreement)
class AgreementAdmin(ReadOnly):
    list_display = ["lot", "version", "period", "state", "platform_signed_at", "lot_signed_at"]
    list_filter = ["state"]
    actions = ["sign"]

    @admin.action(description=_("Sign for the platform"))
    def sign(self, request: HttpRequest, queryset: QuerySet[Agreement]) -> None:
        for agreement in queryset.filter(state=Agreement.State.DRAFT):
            services.sign_by_platform(agreement=agreement, actor=_actor(request))


@admin.register(PassRecord)
class PassRecordAdmin(ReadOnly):
    list_display = ["passed_at", "lot", "direction", "flow", "reason", "oddity"]
    list_filter = ["lot", "flow", "oddity"]
    list_select_related = ["lot"]
    show_full_result_count = False
    ordering = ["-id"]


class DifferenceInline(TabularInline):
    model = StatementDifference
    fields = ["visit", "kind", "platform_fen", "lot_fen", "proposal"]
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(Statement)
class StatementAdmin(ReadOnly):
    list_display = ["number", "lot", "ends_at", "total_fen", "state", "fetched_at", "answered_at"]
    list_filter = ["state", "lot"]
    list_select_related = ["lot"]
    inlines = [DifferenceInline]
    actions = ["settle"]

    @admin.action(description=_("The differences are settled with the lot: it is agreed"))
    def settle(self, request: HttpRequest, queryset: QuerySet[Statement]) -> None:
        for statement in queryset.filter(state=Statement.State.DISPUTED):
            with transaction.atomic():
                agree(statement, actor=_actor(request), reason="settled with the lot")


@admin.register(Deduction)
class DeductionAdmin(ReadOnly):
    list_display = ["deducted_at", "statement", "card", "fee_fen", "covered_fen", "due_fen"]
    list_select_related = ["statement", "card"]
