"""The operator's payouts: agreements, accounts, and each payout from drawn up to paid out."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import RegexValidator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.guards import actor_of
from accounts.selectors import merchants, name_of
from core.admin import ModelAdmin, ReadOnly, Said
from core.errors import BoweiError
from core.fields import DayField
from payments import services
from payments.models import Payee, Payout, PayoutTerms
from payments.selectors.payouts import lines_of
from payments.states import PayoutState

MOST = 100  # decided about in one go
MOST_LINES = 50  # shown of a payout


class Versions(Said, ModelAdmin):
    """New versions are added, by two persons; none is changed."""

    list_filter = ["merchant"]
    list_select_related = ["merchant"]
    ordering = ["-id"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PayoutTerms)
class PayoutTermsAdmin(Versions):
    list_display = ["merchant", "valid_from", "share", "fees_borne", "weekday", "said_by", "why"]

    @admin.display(description=_("operator's share"), ordering="share_bp")
    def share(self, row: PayoutTerms) -> str:
        return row.share_text

    def say(self, request: HttpRequest, form: Any) -> Model:
        given = dict(form.cleaned_data)
        merchant = given.pop("merchant")
        return services.say_payout_terms(merchant_id=merchant.pk, actor=actor_of(request), **given)


class PayeeForm(forms.ModelForm):
    """An account as it is typed; holder and number are sealed before they are kept."""

    holder = forms.CharField(
        label=_("holder of the account"), max_length=100, widget=UnfoldAdminTextInputWidget()
    )
    number = forms.CharField(
        label=_("account number"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        validators=[
            RegexValidator(r"^(?:[0-9][ -]?){8,32}$", _("An account number has 8 to 32 digits."))
        ],
    )
    bank_code = forms.CharField(
        label=_("number of the branch (CNAPS)"),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        validators=[RegexValidator(r"^[0-9]{12}$", _("The number of a branch has 12 digits."))],
    )

    class Meta:
        model = Payee
        fields = ["merchant", "holder", "number", "bank", "bank_code", "why"]


class WhyForm(forms.Form):
    """Why, in words."""

    why = forms.CharField(
        label=_("Why"), max_length=200, widget=UnfoldAdminTextInputWidget({"autocomplete": "off"})
    )


@admin.register(Payee)
class PayeeAdmin(Versions):
    form = PayeeForm
    list_display = ["merchant", "bank", "end", "valid_from", "said_by", "why"]
    exclude = ["holder_sealed", "number_sealed", "tail"]
    actions_detail = ["reveal"]

    @admin.display(description=_("account number"))
    def end(self, row: Payee) -> str:
        return f"••••{row.tail}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ["merchant", "holder", "number", "bank", "bank_code", "why"]
        return ["merchant", "bank", "bank_code", "end", "valid_from", "said_by", "why"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj else []

    def say(self, request: HttpRequest, form: Any) -> Model:
        given = dict(form.cleaned_data)
        merchant = given.pop("merchant")
        return services.say_payee(merchant_id=merchant.pk, actor=actor_of(request), **given)

    @action(description=_("Read it whole"), url_path="reveal", permissions=["reveal"])
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The account in plain digits, for a reason that the trail keeps."""
        row = self.get_object(request, object_id)
        if row is None:
            return redirect("admin:payments_payee_changelist")
        form = WhyForm(request.POST or None)
        shown = None
        if request.method == "POST" and form.is_valid():
            shown = services.reveal_payee(
                payee_id=row.pk, why=form.cleaned_data["why"], actor=actor_of(request)
            )
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Read it whole"),
            "form": form,
            "shown": shown,
            "about": str(row),
        }
        answer = TemplateResponse(request, "admin/payments/ask.html", context)
        answer["Cache-Control"] = "no-store"
        return answer


class DrawForm(forms.Form):
    """Whose payout, and of which days."""

    merchant = forms.ModelChoiceField(
        merchants(), label=_("merchant"), widget=UnfoldAdminSelectWidget()
    )
    until = DayField(
        label=_("up to before"),
        required=False,
        help_text=_("Empty: all days that are over."),
    )


@admin.register(Payout)
class PayoutAdmin(ReadOnly):
    """Each payout: what it comes to, whose word it waits for, and all its lines."""

    list_display = [
        "number",
        "merchant",
        "shown_state",
        "net_fen",
        "earned_fen",
        "share_fen",
        "fees_fen",
        "held_fen",
        "drawn_at",
        "drawer",
        "problem",
    ]
    list_filter = ["state", "merchant"]
    list_select_related = ["merchant"]
    search_fields = ["number", "out_no", "batch", "bank_no"]
    fields = [
        ("number", "merchant"),
        ("state", "until"),
        ("earned_fen", "cash_fen"),
        ("share_fen", "fees_fen"),
        ("held_fen", "held_until"),
        ("released_fen", "net_fen"),
        ("drawn_at", "drawer"),
        ("approved_at", "approver"),
        ("payee", "out_no"),
        ("batch", "sent_at"),
        ("bank_no", "ended_at"),
        "problem",
        "lines_count",
        "first_lines",
    ]
    readonly_fields = ["drawer", "approver", "first_lines"]
    actions = ["approve", "send", "file_again", "confirm", "fail", "send_again", "drop"]
    actions_list = ["draw"]
    show_full_result_count = False
    ordering = ["-id"]

    @display(
        description=_("state"),
        label={
            PayoutState.DRAWN: "warning",
            PayoutState.APPROVED: "warning",
            PayoutState.SENT: "info",
            PayoutState.CONFIRMED: "success",
            PayoutState.FAILED: "danger",
            PayoutState.RETURNED: "danger",
        },
    )
    def shown_state(self, row: Payout) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("drawn up by"))
    def drawer(self, row: Payout) -> str:
        return name_of(row.drawn_by)

    @admin.display(description=_("approved by"))
    def approver(self, row: Payout) -> str:
        return name_of(row.approved_by) if row.approved_by else "-"

    @admin.display(description=_("lines"))
    def first_lines(self, row: Payout) -> str:
        """The first lines, each opening to its payment; all of them stand in the ledger's list."""
        context = {"lines": lines_of(row)[:MOST_LINES], "payout": row}
        return render_to_string("admin/payments/payout_lines.html", context)

    @action(description=_("Draw up a payout"), url_path="draw", permissions=["draw"])
    def draw(self, request: HttpRequest) -> HttpResponse:
        """What a merchant can be paid out of days that are over and closed."""
        form = DrawForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                row = services.draw_payout(
                    merchant_id=given["merchant"].pk, until=given["until"], actor=actor_of(request)
                )
            except BoweiError as error:
                form.add_error(None, error.message)
            else:
                return redirect("admin:payments_payout_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Draw up a payout"),
            "form": form,
        }
        return TemplateResponse(request, "admin/payments/ask.html", context)

    @admin.action(description=_("Approve these payouts"), permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        self._each(request, queryset, services.approve_payout)

    @admin.action(description=_("Send these again"), permissions=["approve"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        self._each(request, queryset, services.send_payout_again)

    @admin.action(description=_("Send these by a file for the bank"), permissions=["send"])
    def send(self, request: HttpRequest, queryset: QuerySet[Payout]) -> HttpResponse | None:
        ids = list(queryset.values_list("pk", flat=True)[:MOST])
        try:
            batch = services.send_payouts(payout_ids=ids, actor=actor_of(request))
        except BoweiError as error:
            messages.error(request, error.message)
            return None
        return self._file(request, batch)

    @admin.action(description=_("Take the bank's file of this one again"), permissions=["send"])
    def file_again(self, request: HttpRequest, queryset: QuerySet[Payout]) -> HttpResponse | None:
        batch = queryset.exclude(batch="").values_list("batch", flat=True).first()
        if batch is None:
            messages.error(request, gettext("None of these is in a file yet."))
            return None
        return self._file(request, batch)

    def _file(self, request: HttpRequest, batch: str) -> HttpResponse:
        made = services.file_of_batch(batch=batch, actor=actor_of(request))
        answer = HttpResponse(made, content_type="text/csv; charset=gb18030")
        answer["Content-Disposition"] = f'attachment; filename="payouts-{batch}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(description=_("The bank has made these"), permissions=["send"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        self._each(request, queryset, services.confirm_payout, bank_no="")

    @admin.action(
        description=_("The bank has not made these, or they came back"), permissions=["send"]
    )
    def fail(self, request: HttpRequest, queryset: QuerySet[Payout]) -> Any:
        return self._with_why(request, queryset, "fail", services.fail_payout)

    @admin.action(description=_("Give these up"), permissions=["draw"])
    def drop(self, request: HttpRequest, queryset: QuerySet[Payout]) -> Any:
        return self._with_why(request, queryset, "drop", services.drop_payout)

    def _with_why(
        self, request: HttpRequest, rows: QuerySet[Payout], name: str, act: Callable[..., Any]
    ) -> Any:
        form = WhyForm(request.POST if "why" in request.POST else None)
        if form.is_valid():
            return self._each(request, rows, act, why=form.cleaned_data["why"])
        context = {
            **self.admin_site.each_context(request),
            "title": self.get_action(name)[2],  # type: ignore[index]
            "form": form,
            "rows": rows[:MOST],
            "action": name,
        }
        return TemplateResponse(request, "admin/payments/ask.html", context)

    def _each(
        self, request: HttpRequest, rows: QuerySet[Payout], act: Callable[..., Any], **given: Any
    ) -> None:
        done = 0
        for row in rows.order_by("pk")[:MOST]:
            try:
                act(payout_id=row.pk, actor=actor_of(request), **given)
            except BoweiError as error:
                say = messages.warning if error.keeps else messages.error
                say(request, f"{row}: {error.message}")
            else:
                done += 1
        if done:
            text = ngettext("%(n)d payout is noted.", "%(n)d payouts are noted.", done)
            messages.success(request, text % {"n": done})
