"""The operator's view of orders, refunds and the books: read, and a few deeds of services."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.guards import actor_of
from core import parse, wiring
from core.admin import ReadOnly, TabularInline, told_notes
from core.errors import BoweiError
from core.money import format_fen
from payments import selectors, services
from payments.forms import RefundForm
from payments.models import (
    Attempt,
    CashShift,
    Credit,
    Invoice,
    LedgerEntry,
    LedgerTransfer,
    Notification,
    Order,
    OrderItem,
    Refund,
)
from payments.states import RefundState


class ItemInline(TabularInline):
    model = OrderItem
    fields = ["title", "merchant", "state", "amount_fen", "taken_fen"]
    readonly_fields = fields
    extra = 0
    can_delete = False


class AttemptInline(TabularInline):
    model = Attempt
    fields = ["out_trade_no", "provider", "state", "amount_fen", "provider_no", "problem"]
    readonly_fields = fields
    extra = 0
    can_delete = False


def left_of(order: Order) -> list[tuple[OrderItem, int]]:
    """What of each line of an order can still go back, where something can."""
    rows = [(item, selectors.left_fen(item)) for item in order.items.order_by("pk")]
    return [(item, fen) for item, fen in rows if fen]


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ["number", "title", "state", "amount_fen", "created_at", "paid_at"]
    list_filter = ["state"]
    search_fields = ["number", "attempts__out_trade_no", "attempts__provider_no"]
    exclude = ["token", "basket"]
    readonly_fields = ["words"]
    inlines = [ItemInline, AttemptInline]
    actions_detail = ["give_back"]
    show_full_result_count = False
    ordering = ["-id"]

    @action(description=_("Give money back"), url_path="refund", permissions=["refund"])
    def give_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Part or all of one line goes back to who paid, for a reason."""
        order = selectors.order(parse.row_id(object_id))
        ways = [(item.pk, f"{item.title} · {format_fen(fen)}") for item, fen in left_of(order)]
        form = RefundForm(request.POST or None, ways=ways)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                services.refund_by_hand(
                    item_id=given["item"],
                    amount_fen=given["amount"],
                    reason=given["reason"],
                    key=f"desk:{given['key']}",
                    actor=actor_of(request),
                )
            except BoweiError as error:
                if error.keeps:
                    messages.warning(request, error.message)
                    return redirect("admin:payments_order_change", order.pk)
                form.add_error(None, error.message)
            else:
                messages.success(request, gettext("Promised: it is on its way to its payer."))
                return redirect("admin:payments_order_change", order.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Give money back"),
            "order": order,
            "refunds": selectors.refunds_of(order),
            "form": form,
            "ways": ways,
        }
        return TemplateResponse(request, "admin/payments/give_back.html", context)

    @admin.display(description=_("words of callers"))
    def words(self, row: Order) -> str:
        return told_notes(wiring.staff_notes([("payments.order", row.pk)]))


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """Where money is stuck: an unknown outcome, an amount that differs."""

    list_display = [
        "out_trade_no",
        "provider",
        "account",
        "state",
        "amount_fen",
        "reported_fen",
        "created_at",
        "person_since",
        "problem",
    ]
    list_filter = ["state", "provider"]
    search_fields = ["out_trade_no", "provider_no"]
    exclude = ["pay_url", "qr", "sheet", "browser"]
    actions = ["ask_provider", "accept_reported"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.action(description=_("Ask the provider how these stand"), permissions=["query"])
    def ask_provider(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> None:
        for attempt in queryset[:20]:
            state = services.query_attempt(attempt.pk)
            messages.info(request, f"{attempt.out_trade_no}: {state}")

    @admin.action(description=_("Take the amount that was reported"), permissions=["accept"])
    def accept_reported(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> None:
        for attempt in queryset[:20]:
            try:
                services.accept_reported(attempt_id=attempt.pk, actor=actor_of(request))
            except BoweiError as error:
                say = messages.warning if error.keeps else messages.error
                say(request, f"{attempt.out_trade_no}: {error.message}")
            else:
                messages.info(request, f"{attempt.out_trade_no}: {_('done')}")


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    list_display = [
        "received_at",
        "provider",
        "out_trade_no",
        "verified",
        "processed_at",
        "times",
        "problem",
    ]
    list_filter = ["provider", "verified", ("processed_at", admin.EmptyFieldListFilter)]
    search_fields = ["out_trade_no"]
    exclude = ["raw", "fingerprint"]
    readonly_fields = ["as_it_came"]
    actions = ["try_again"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description=_("as it came"))
    def as_it_came(self, row: Notification) -> str:
        return bytes(row.raw).decode(errors="replace")[:4000]

    @admin.action(description=_("Act on these now"), permissions=["process"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        for notice in queryset.filter(verified=True, processed_at=None)[:50]:
            problem = services.process_notification(notice.pk)
            messages.info(request, f"{notice.out_trade_no}: {problem or _('done')}")


@admin.register(Refund)
class RefundAdmin(ReadOnly):
    list_display = [
        "out_refund_no",
        "state",
        "amount_fen",
        "reason",
        "asked_at",
        "counter",
        "person_since",
        "problem",
    ]
    list_select_related = ["counter"]
    list_filter = ["state"]
    search_fields = ["out_refund_no", "attempt__out_trade_no"]
    exclude = ["key"]
    actions = ["ask_anew"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.action(
        description=_("Ask the provider anew, under a new number"), permissions=["repeat"]
    )
    def ask_anew(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        done = sum(
            services.ask_again(row.pk, actor=actor_of(request))
            for row in queryset.filter(state=RefundState.FAILED)
        )
        messages.info(request, _("%(count)s asked for anew") % {"count": done})


@admin.register(Invoice)
class InvoiceAdmin(ReadOnly):
    """Tax invoices and their red letters: who waits, and why."""

    list_display = ["number", "merchant", "state", "amount_fen", "asked_at", "looks", "problem"]
    list_filter = ["state", "merchant"]
    list_select_related = ["merchant"]
    search_fields = ["number", "fapiao_no", "order__number"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(Credit)
class CreditAdmin(ReadOnly):
    list_display = ["attempt", "state", "amount_fen", "why", "created_at"]
    list_filter = ["state", "why"]
    ordering = ["-id"]


@admin.register(CashShift)
class CashShiftAdmin(ReadOnly):
    list_display = ["merchant", "person", "state", "opened_at", "counted_fen", "difference_fen"]
    list_filter = ["state", "merchant"]
    ordering = ["-id"]


class EntryInline(TabularInline):
    model = LedgerEntry
    fields = ["account", "amount_fen", "order_item"]
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(LedgerTransfer)
class LedgerTransferAdmin(ReadOnly):
    list_display = ["posted_at", "recorded_at", "key", "note"]
    search_fields = ["key", "note"]
    inlines = [EntryInline]
    show_full_result_count = False
    ordering = ["-id"]
