"""The operator's view of devices: what they are, what they were told, what was refused."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AllValuesCheckboxFilter

from accounts.guards import actor_of
from core.admin import ModelAdmin, ReadOnly, TabularInline
from core.errors import BoweiError
from devices import services
from devices.models import Command, Connection, Device, DeviceMessage


class ConnectionInline(TabularInline):
    model = Connection
    fields = ["epoch", "attendant", "opened_at", "closed_at", "why_closed"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    ordering = ["-epoch"]
    per_page = 10

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class EnrolForm(forms.ModelForm):
    class Meta:
        model = Device
        fields = ["code", "kind", "merchant", "name"]


@admin.register(Device)
class DeviceAdmin(ModelAdmin):
    list_display = ["code", "kind", "merchant", "name", "state", "online", "heard"]
    list_filter = ["kind", "state", "online", "silent", "merchant"]
    list_select_related = ["merchant"]
    search_fields = ["code", "name"]
    ordering = ["code"]
    readonly_fields = ["state", "epoch", "online", "silent", "last_heard_at", "facts"]
    fields = ["code", "kind", "merchant", "name", *readonly_fields]
    inlines = [ConnectionInline]
    actions = ["new_key", "lost_key", "revoke"]
    show_full_result_count = False

    @admin.display(description=_("last heard"), ordering="last_heard_at")
    def heard(self, device: Device) -> Any:
        from core.templatetags.bowei import age

        return age(device.last_heard_at)

    def get_readonly_fields(self, request: HttpRequest, obj: Device | None = None) -> list[str]:
        fixed = ["code", "kind", "merchant"] if obj else []
        return [*fixed, *self.readonly_fields]

    def get_fields(self, request: HttpRequest, obj: Device | None = None) -> list[str]:
        return list(self.fields) if obj else list(EnrolForm.Meta.fields)

    def get_inlines(self, request: HttpRequest, obj: Device | None) -> list[Any]:
        return self.inlines if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Device, form: forms.ModelForm, change: bool
    ) -> None:
        if change:
            Device.objects.filter(pk=obj.pk).update(name=obj.name)
            return
        device, key = services.enroll(
            code=obj.code,
            kind=obj.kind,
            merchant_id=obj.merchant_id,
            name=obj.name,
            actor=actor_of(request),
        )
        obj.pk = device.pk
        self._show(request, device, key)

    @admin.action(
        description=_("Give a new key; the old one works until the new one is used"),
        permissions=["rekey"],
    )
    def new_key(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        self._rotate(request, queryset, revoke_others=False)

    @admin.action(
        description=_("Key lost: give a new one and end the old one now"), permissions=["rekey"]
    )
    def lost_key(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        self._rotate(request, queryset, revoke_others=True)

    @admin.action(description=_("Take out of service for good"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        for device in queryset:
            services.revoke(device_id=device.pk, actor=actor_of(request), reason="by the operator")

    def _rotate(
        self, request: HttpRequest, queryset: QuerySet[Device], *, revoke_others: bool
    ) -> None:
        for device in queryset:
            try:
                key = services.rotate_key(
                    device_id=device.pk, actor=actor_of(request), revoke_others=revoke_others
                )
            except BoweiError as error:
                self.message_user(request, f"{device.code}: {error.message}", messages.ERROR)
            else:
                self._show(request, device, key)

    def _show(self, request: HttpRequest, device: Device, key: str) -> None:
        text = gettext("The key of %(code)s, shown this once: %(key)s")
        self.message_user(request, text % {"code": device.code, "key": key}, messages.WARNING)


@admin.register(Command)
class CommandAdmin(ReadOnly):
    list_display = [
        "id",
        "device",
        "action",
        "state",
        "priority",
        "attempts",
        "created_at",
        "sent_at",
        "ended_at",
        "actor",
    ]
    list_filter = ["action", "state"]
    list_select_related = ["device"]
    search_fields = ["device__code", "reference"]
    ordering = ["-id"]
    show_full_result_count = False
    actions = ["withdraw"]

    @admin.action(description=_("Take back what has not ended"), permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Command]) -> None:
        for command in queryset:
            services.withdraw(command.pk, actor=actor_of(request))


class RefusedFilter(admin.SimpleListFilter):
    """Quarantined messages first: they are what a person looks for here."""

    title = _("refused")
    parameter_name = "refused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("refused")), ("no", _("accepted"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeviceMessage]
    ) -> QuerySet[DeviceMessage]:
        waiting = queryset.exclude(refused="").filter(admitted_at=None)
        if self.value() == "yes":
            return waiting
        return queryset.exclude(pk__in=waiting) if self.value() == "no" else queryset


@admin.register(DeviceMessage)
class DeviceMessageAdmin(ReadOnly):
    list_display = [
        "id",
        "device",
        "action",
        "refused",
        "why",
        "occurred_at",
        "received_at",
        "corrected_at",
        "admitted_at",
    ]
    list_filter = [RefusedFilter, ("action", AllValuesCheckboxFilter)]
    list_select_related = ["device"]
    search_fields = ["device__code", "message_id"]
    exclude = ["merchant", "login_name"]
    ordering = ["-id"]
    show_full_result_count = False
    actions = ["admit"]

    @admin.action(
        description=_("Admit what was refused, in the order in which it came"),
        permissions=["admit"],
    )
    def admit(self, request: HttpRequest, queryset: QuerySet[DeviceMessage]) -> None:
        for message in queryset.order_by("pk"):
            try:
                services.admit(message.pk, actor=actor_of(request))
            except BoweiError as error:
                self.message_user(request, f"{message.pk}: {error.message}", messages.ERROR)
