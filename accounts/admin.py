"""The operator's view of people and merchants."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import services
from accounts.models import Membership, Merchant, PlateHolding, SmsMessage, User
from accounts.states import HoldingState
from core.admin import ModelAdmin, ReadOnly, TabularInline

admin.site.unregister(Group)


def _right(right: Permission) -> str:
    deeds = {"add": _("add"), "change": _("change"), "delete": _("delete"), "view": _("view")}
    meta = right.content_type.model_class()._meta  # type: ignore[union-attr]
    deed = deeds.get(right.codename.partition("_")[0]) or gettext(right.name)
    return f"{meta.app_config.verbose_name} · {meta.verbose_name} · {deed}"


class MembershipInline(TabularInline):
    model = Membership
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "masked_phone", "is_staff", "is_active"]
    inlines = [MembershipInline]

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
class MerchantAdmin(ModelAdmin):
    list_display = ["name", "code", "is_city"]
    search_fields = ["name", "code"]
    inlines = [MembershipInline]


@admin.register(PlateHolding)
class PlateHoldingAdmin(ReadOnly):
    list_display = ["masked", "user", "state", "method", "claimed_at", "proven_at"]
    list_filter = ["state"]
    list_select_related = ["user"]
    exclude = ["evidence"]
    actions = ["prove"]

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
                actor=request.user.actor,
            )


@admin.register(SmsMessage)
class SmsMessageAdmin(ReadOnly):
    list_display = ["created_at", "phone_masked", "template", "state", "error"]
    list_filter = ["state", "template"]
    fields = ["created_at", "phone_masked", "template", "state", "error", "valid_until", "sent_at"]
