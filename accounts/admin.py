"""The operator's view of people and merchants."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import selectors, services
from accounts.guards import actor_of
from accounts.models import Membership, Merchant, PlateHolding, SmsMessage, SmsReply, User
from accounts.states import HoldingState
from core import audit, images
from core.admin import ModelAdmin, ReadOnly, TabularInline, behind

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
    """A form with memberships in it: each change of one stands in its person's trail."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not Membership:
            super().save_formset(request, form, formset, change)  # type: ignore[misc]
            return
        ids = [one.instance.pk for one in formset.initial_forms]
        before = Membership.objects.in_bulk(ids)
        super().save_formset(request, form, formset, change)  # type: ignore[misc]
        after = Membership.objects.in_bulk([*ids, *(one.pk for one in formset.new_objects)])
        for pk in sorted(before.keys() | after.keys()):
            self._note(request, before.get(pk), after.get(pk))

    def _note(
        self, request: HttpRequest, before: Membership | None, after: Membership | None
    ) -> None:
        """One entry for each person whom the change concerns; two where it went to another."""
        actor = actor_of(request)
        was, now = _post(before), _post(after)
        if before and after and before.user_id == after.user_id:
            if was != now:
                services.note_membership(after.user_id, before=was, after=now, actor=actor)
            return
        if before:
            services.note_membership(before.user_id, before=was, after=None, actor=actor)
        if after:
            services.note_membership(after.user_id, before=None, after=now, actor=actor)


def _post(membership: Membership | None) -> services.Post | None:
    return (membership.merchant_id, membership.role) if membership else None


@admin.register(User)
class UserAdmin(Appointing, DjangoUserAdmin, ModelAdmin):
    """Accounts: rights and others' passwords are a superuser's, and nobody edits a superior."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "masked_phone", "is_staff", "is_active"]
    inlines = [MembershipInline]

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
        with services.password_noted(user, actor=actor_of(request)):
            return super().user_change_password(request, id, form_url)

    def _changeform_view(self, request: HttpRequest, object_id: Any, *rest: Any) -> Any:
        user = self.get_object(request, unquote(object_id)) if object_id else None
        if user is None or request.method != "POST":
            return super()._changeform_view(request, object_id, *rest)
        with services.rights_noted(user, actor=actor_of(request)):
            return super()._changeform_view(request, object_id, *rest)

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
        url = images.url(row.evidence)
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
