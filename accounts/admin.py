"""The operator's view of people and merchants."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import factors, own_data, selectors, services
from accounts.errors import AwaitsSecondPerson
from accounts.guards import actor_of
from accounts.models import (
    ActLimit,
    DataRequest,
    Membership,
    Merchant,
    PlateHolding,
    Proposal,
    SmsMessage,
    SmsReply,
    User,
)
from accounts.states import HoldingState
from core import audit, images, parse
from core.admin import ModelAdmin, ReadOnly, Said, TabularInline, behind
from core.errors import BoweiError

admin.site.unregister(Group)

SUPERUSERS_FIELDS = ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]


def _right(right: Permission) -> str:
    deeds = {"add": _("add"), "change": _("change"), "delete": _("delete"), "view": _("view")}
    meta = right.content_type.model_class()._meta  # type: ignore[union-attr]
    deed = deeds.get(right.codename.partition("_")[0]) or gettext(right.name)
    return f"{meta.app_config.verbose_name} · {meta.verbose_name} · {deed}"


class Appointments(BaseInlineFormSet):
    """Memberships, of which nobody gives or takes one that may do more than their own there."""

    giver: User

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if not form.has_changed() and form not in self.deleted_forms:
                continue
            stored = Membership.objects.filter(pk=form.instance.pk).first()
            kept = form not in self.deleted_forms and form.is_valid()
            posts = [stored, form.instance if kept else None]
            for post in filter(None, posts):
                if not selectors.may_appoint(
                    self.giver, merchant_id=post.merchant_id, role=post.role
                ):
                    raise ValidationError(
                        _("You may give or take no role that may do more than your own.")
                    )


class MembershipInline(TabularInline):
    model = Membership
    formset = Appointments
    extra = 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        made = super().get_formset(request, obj, **kwargs)
        return type(made.__name__, (made,), {"giver": request.user})


class Appointing:
    """A form with memberships in it: each change of one is an act of its own, in the trail."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not Membership:
            super().save_formset(request, form, formset, change)  # type: ignore[misc]
            return
        rows = formset.save(commit=False)
        stored = Membership.objects.in_bulk([one.instance.pk for one in formset.initial_forms])
        for row in [*formset.deleted_objects, *rows]:
            was = stored.get(row.pk)
            if was and (row in formset.deleted_objects or _place(was) != _place(row)):
                self._appoint(request, was, None)
            if row not in formset.deleted_objects:
                same = was if was and _place(was) == _place(row) else None
                self._appoint(request, row, row.role, before=same.role if same else None)

    def _appoint(
        self,
        request: HttpRequest,
        post: Membership,
        after: str | None,
        *,
        before: str | None = None,
    ) -> None:
        before = post.role if after is None else before
        if before == after:
            return
        try:
            services.appoint(
                user_id=post.user_id,
                merchant_id=post.merchant_id,
                before=before,
                after=after,
                actor=actor_of(request),
            )
        except BoweiError as error:
            messages.warning(request, error.message)


def _place(post: Membership) -> tuple[int, int]:
    return post.user_id, post.merchant_id


@admin.register(User)
class UserAdmin(Appointing, DjangoUserAdmin, ModelAdmin):
    """Accounts: rights and others' passwords are a superuser's, and nobody edits a superior."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "masked_phone", "is_staff", "is_active"]
    inlines = [MembershipInline]
    actions = ["reset_factors"]

    @admin.action(description=_("Take away lost second factors"), permissions=["reset"])
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset.order_by("pk"):
            try:
                factors.reset_factors(
                    user_id=user.pk, reason=str(_("said to be lost")), actor=actor_of(request)
                )
            except BoweiError as error:
                messages.warning(request, f"{user.get_username()}: {error.message}")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        person: Any = request.user
        below = obj is None or selectors.may_manage(person, obj)
        return below and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        person: Any = request.user
        below = obj is None or selectors.may_remove(person, obj)
        return below and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fixed = [*super().get_readonly_fields(request, obj)]
        person: Any = request.user
        return fixed if person.is_superuser else [*fixed, *SUPERUSERS_FIELDS]

    @behind("change")
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        person: Any = request.user
        user = self.get_object(request, unquote(id))
        if not person.is_superuser:
            raise PermissionDenied
        if user is None:
            return super().user_change_password(request, id, form_url)  # which says so
        try:
            with services.password_by_two(user, actor=actor_of(request)):
                return super().user_change_password(request, id, form_url)
        except AwaitsSecondPerson as waits:
            return self._waits(request, waits)

    def _changeform_view(self, request: HttpRequest, object_id: Any, *rest: Any) -> Any:
        user = self.get_object(request, unquote(object_id)) if object_id else None
        if user is None or request.method != "POST":
            return super()._changeform_view(request, object_id, *rest)
        try:
            with services.rights_by_two(user, actor=actor_of(request)):
                return super()._changeform_view(request, object_id, *rest)
        except AwaitsSecondPerson as waits:
            return self._waits(request, waits)

    def _waits(self, request: HttpRequest, waits: AwaitsSecondPerson) -> HttpResponse:
        messages.warning(request, waits.message)
        return redirect("admin:accounts_user_changelist")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            audit.record(obj, "created", actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self.delete_queryset(request, User.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            for user in queryset:
                audit.record(user, "deleted", actor=actor_of(request), **selectors.rights_of(user))
            super().delete_queryset(request, queryset)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Rights to what the desk shows, in words: Django keeps their names in English."""
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "user_permissions":
            shown = Q()
            for model in self.admin_site._registry:
                meta = model._meta
                shown |= Q(
                    content_type__app_label=meta.app_label, content_type__model=meta.model_name
                )
            field.queryset = field.queryset.filter(shown).select_related("content_type")
            field.label_from_instance = _right
        return field

    @admin.display(description=_("phone"))
    def masked_phone(self, user: User) -> str:
        return user.phone_masked or "-"


@admin.register(Merchant)
class MerchantAdmin(Appointing, ModelAdmin):
    list_display = ["name", "code", "is_city"]
    search_fields = ["name", "code"]
    inlines = [MembershipInline]


@admin.register(PlateHolding)
class PlateHoldingAdmin(ReadOnly):
    list_display = [
        "masked",
        "user",
        "state",
        "licence",
        "method",
        "claimed_at",
        "proven_at",
    ]
    list_filter = ["state"]
    list_select_related = ["user"]
    exclude = ["evidence"]
    readonly_fields = ["licence"]
    actions = ["prove"]

    @admin.display(description=_("vehicle licence"))
    def licence(self, row: PlateHolding) -> str:
        """The photograph that its owner has sent, by an address that lives for an hour."""
        if not row.evidence or not images.exists(row.evidence):
            return "-"
        url = images.original_url(row.evidence, why=f"licence of claim {row.pk}")
        return format_html('<a href="{}">{}</a>', url, _("Show the photograph"))

    @admin.display(description=_("plate"))
    def masked(self, row: PlateHolding) -> str:
        from core.plates import Plate

        return Plate(row.plate_text).masked

    @admin.action(
        description=_("I have seen the vehicle licence: this plate is theirs"),
        permissions=["prove"],
    )
    def prove(self, request: HttpRequest, queryset: QuerySet[PlateHolding]) -> None:
        assert isinstance(request.user, User)
        for row in queryset.filter(state=HoldingState.CLAIMED).select_related("user"):
            services.prove_holding(
                user=row.user,
                plate_text=row.plate_text,
                plate_colour=row.plate_colour,
                method="licence seen",
                actor=actor_of(request),
            )


@admin.register(SmsReply)
class SmsReplyAdmin(ReadOnly):
    list_display = ["received_at", "phone_masked", "meaning", "answers"]
    list_filter = ["meaning"]
    fields = ["received_at", "phone_masked", "user", "meaning", "text", "answers", "provider"]
    readonly_fields = ["text"]
    ordering = ["-id"]

    @admin.display(description=_("text"))
    def text(self, reply: SmsReply) -> str:
        return reply.text


@admin.register(SmsMessage)
class SmsMessageAdmin(ReadOnly):
    list_display = ["created_at", "phone_masked", "template", "state", "error"]
    list_filter = ["state", "template"]
    fields = ["created_at", "phone_masked", "template", "state", "error", "valid_until", "sent_at"]


# ── Two persons ──────────────────────────────────────────────────────────────────────────────
@admin.register(ActLimit)
class ActLimitAdmin(Said, ModelAdmin):
    """Up to which sum one person acts alone; a new version is added, none is changed."""

    list_display = ["merchant", "each_fen", "day_fen", "valid_from", "said_by", "why"]
    list_filter = ["merchant"]
    list_select_related = ["merchant"]
    ordering = ["-id"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def say(self, request: HttpRequest, form: Any) -> ActLimit:
        given = form.cleaned_data
        return services.set_limit(
            merchant_id=given["merchant"].pk if given["merchant"] else None,
            each_fen=given["each_fen"],
            day_fen=given["day_fen"],
            why=given["why"],
            actor=actor_of(request),
        )


class Refusal(forms.Form):
    answer = forms.CharField(label=_("Why not?"), max_length=300)


@admin.register(Proposal)
class ProposalAdmin(ReadOnly):
    """What one person wants to do and another must agree to; and what each did alone."""

    list_display = [
        "id",
        "what",
        "about",
        "amount_fen",
        "who",
        "asked_at",
        "shown_state",
        "merchant",
    ]
    list_filter = ["state", "merchant"]
    list_select_related = ["merchant"]
    search_fields = ["=id", "about", "asked_by"]
    fields = ["what", "about", "merchant", "amount_fen", "reason", "who", "asked_at", "expires_at"]
    fields += ["state", "decider", "decided_at", "answer", "told_at"]
    readonly_fields = ["what", "who", "decider"]
    actions = ["approve", "refuse", "withdraw"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description=_("act"))
    def what(self, row: Proposal) -> str:
        return str(services.act_of(row).word)

    @admin.display(description=_("proposed by"), ordering="asked_by")
    def who(self, row: Proposal) -> str:
        return selectors.name_of(row.asked_by)

    @admin.display(description=_("second person"))
    def decider(self, row: Proposal) -> str:
        return selectors.name_of(row.decided_by) or "-"

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, row: Proposal) -> str:
        return row.get_state_display()

    @admin.action(description=_("Agree: I am the second person"), permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> None:
        assert isinstance(request.user, User)
        for row in queryset.order_by("pk"):
            try:
                done = services.approve_proposal(proposal_id=row.pk, person=request.user)
            except BoweiError as error:
                messages.warning(request, f"{row.pk}: {error.message}")
            else:
                messages.info(request, f"{row.pk}: {done.get_state_display()} {done.answer}")

    @admin.action(description=_("Do not agree"), permissions=["approve"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> HttpResponse | None:
        """Asks why, then refuses."""
        assert isinstance(request.user, User)
        form = Refusal(request.POST if "answer" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": _("Do not agree"),
                "form": form,
                "rows": [(row, self.what(row)) for row in queryset],
                "action": "refuse",
            }
            return render(request, "admin/accounts/refuse.html", context)
        for row in queryset.order_by("pk"):
            try:
                services.refuse_proposal(
                    proposal_id=row.pk, person=request.user, answer=form.cleaned_data["answer"]
                )
            except BoweiError as error:
                messages.warning(request, f"{row.pk}: {error.message}")
        return None

    @admin.action(description=_("Take back what I have proposed"), permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> None:
        assert isinstance(request.user, User)
        for row in queryset.order_by("pk"):
            try:
                services.withdraw_proposal(proposal_id=row.pk, person=request.user)
            except BoweiError as error:
                messages.warning(request, f"{row.pk}: {error.message}")


@admin.register(DataRequest)
class DataRequestAdmin(ReadOnly):
    """What people ask about their own data; the one that must be answered first stands first."""

    list_display = ["id", "user", "kind", "state", "asked_at", "due_by", "decided_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["user"]
    ordering = ["due_by"]
    exclude = ["file_key", "file_until"]
    readonly_fields = ["why_not_yet"]
    actions_detail = ["answer_page"]

    @admin.display(description=_("why not yet"))
    def why_not_yet(self, row: DataRequest) -> str:
        if row.kind != DataRequest.Kind.ERASURE or row.state != DataRequest.State.ASKED:
            return "-"
        return " ".join(own_data.needed(row.user)) or "-"

    @action(description=_("Answer"), url_path="answer", permissions=["answer"])
    def answer_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Carry it out, or say why not; what is written here the person reads."""
        row = DataRequest.objects.filter(pk=parse.row_id(object_id)).first()
        if row is None:
            return redirect("admin:accounts_datarequest_changelist")
        back = redirect("admin:accounts_datarequest_change", row.pk)
        if request.method == "POST":
            text, actor = request.POST.get("answer", "").strip()[:500], actor_of(request)
            try:
                if "refuse" in request.POST:
                    own_data.refuse(request_id=row.pk, actor=actor, text=text)
                else:
                    own_data.answer(request_id=row.pk, actor=actor, text=text)
                return back
            except BoweiError as error:
                messages.error(request, error.message)
        context = self.admin_site.each_context(request)
        context |= {"row": row, "title": str(row), "needed": own_data.needed(row.user)}
        return render(request, "admin/accounts/answer_request.html", context)
