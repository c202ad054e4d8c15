"""The operator's view of what happened: audit trail, events, parked reactions."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cache, partial, wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import DataError, ProgrammingError, models
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin
from import_export.fields import Field
from import_export.formats.base_formats import CSV, XLSX
from import_export.resources import ModelResource
from unfold import admin as unfold
from unfold.contrib.import_export.forms import ExportForm
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from core import audit, outages, outbox, plates, sheets, wiring
from core.errors import BoweiError, Invalid
from core.fields import DayField, DeskJSONField, DeskMomentField, MoneyField
from core.filters import note_search
from core.models import AuditEntry, Outage, OutboxDelivery, OutboxEvent, RetentionRun
from core.tables import Table
from core.templatetags.bowei import PLATE_LOOKS, money_tag, when


@cache
def in_yuan(field: MoneyField) -> Callable[[Model], str]:
    """The column of the desk that shows `field` in yuan, and sorts by it."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def shown(row: Model) -> str:
        return money_tag(getattr(row, field.attname))

    shown.__name__ = field.name
    return shown


@cache
def in_colour(field: models.CharField) -> Callable[[Model], str]:
    """The column of the desk that says the colour of a plate in words."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def shown(row: Model) -> str:
        stored = getattr(row, field.attname)
        return str(PLATE_LOOKS[stored][1]) if stored in PLATE_LOOKS else stored or "-"

    shown.__name__ = field.name
    return shown


class InWords:
    """Every MoneyField is shown and typed in yuan, every plate's colour shown as a word; what is
    typed as a day, a moment or JSON is read as at every other door."""

    model: type[Model]
    formfield_overrides = {
        MoneyField: {"widget": UnfoldAdminTextInputWidget({"prefix": "¥", "class": "pl-9"})},
        models.DateField: {"form_class": DayField},
        models.DateTimeField: {"form_class": DeskMomentField},
        models.JSONField: {"form_class": DeskJSONField},
    }

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return self._shown(super().get_list_display(request))  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        return list(dict.fromkeys([*names, *self._shown(names)]))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, Any]]:
        sets = super().get_fieldsets(request, obj)  # type: ignore[misc]
        only_read = None  # everything
        if obj is None or self.has_change_permission(request, obj):  # type: ignore[attr-defined]
            only_read = self.get_readonly_fields(request, obj)
        return [
            (title, {**options, "fields": self._shown(options["fields"], only_read)})
            for title, options in sets
        ]

    def _shown(self, names: Iterable[Any], only: list[Any] | None = None) -> list[Any]:
        """`names` with money in yuan and colours in words; `only` those that nobody types."""
        columns: dict[str, Callable[[Model], str]] = {}
        for field in self.model._meta.fields:
            if isinstance(field, MoneyField):
                columns[field.name] = in_yuan(field)
            elif isinstance(field, models.CharField) and field.name.endswith("colour"):
                columns[field.name] = in_colour(field)
        shown: list[Any] = []
        for name in names:
            if isinstance(name, list | tuple):
                shown.append(tuple(self._shown(name, only)))
            elif name in columns and (only is None or name in only):
                shown.append(columns[name])
            else:
                shown.append(name)
        return list(dict.fromkeys(shown))


DJANGOS = ("add", "change", "delete", "view")


# ── Rights ───────────────────────────────────────────────────────────────────────────────────
def behind(right: str, *, doing: str | None = None) -> Callable[[Any], Any]:
    """For a page of a desk's own: who lacks `right`, or `doing` to send it, gets 403."""

    def guard(page: Any) -> Any:
        @wraps(page)
        def guarded(desk: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            needed = {right, doing or right} if request.method == "POST" else {right}
            if not all(desk.holds(request, one) for one in needed):
                raise PermissionDenied
            return page(desk, request, *args, **kwargs)

        guarded.allowed_permissions = [right, doing] if doing else [right]  # type: ignore[attr-defined]
        return guarded

    return guard


class Rights:
    """No deed without a right of its name: a desk that has one is not registered.

    A deed is an action (`permissions=["revoke"]`) or a page of the desk's own (`behind`). Beside
    Django's four, `revoke` of a device is the right `devices.revoke_device`, which the model
    declares in `Meta.permissions`. Django asks for `has_revoke_permission`: it is made here.
    """

    model: type[Model]
    THEIRS = ("django", "unfold", "import_export")  # their pages ask for Django's rights themselves

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)  # type: ignore[call-arg]
        for right in self.own_rights():
            if not hasattr(type(self), f"has_{right}_permission"):
                setattr(self, f"has_{right}_permission", partial(self._asked, right))
        for name, deed in self.deeds():
            self._refuse_unnamed(name, deed, most=1)

    def own_rights(self) -> list[str]:
        """What may be done to this model beyond Django's four: `revoke`, `export`."""
        ending = f"_{self.model._meta.model_name}"
        names = [str(one[0]) for one in self.model._meta.permissions]
        return [name.removesuffix(ending) for name in names if name.endswith(ending)]

    def holds(self, request: HttpRequest, right: str) -> bool:
        """Whether the person who asks has the right to do this to rows of this model."""
        if right in DJANGOS:
            return bool(getattr(self, f"has_{right}_permission")(request))
        meta = self.model._meta
        return request.user.has_perm(f"{meta.app_label}.{right}_{meta.model_name}")  # type: ignore[union-attr]

    def _asked(self, right: str, request: HttpRequest, _row: Any = None) -> bool:
        return self.holds(request, right)

    def deeds(self) -> Iterator[tuple[str, Any]]:
        """Every action of this desk, whether of a list, of a row, or of a form."""
        for method, name, _words in self._get_base_actions():  # type: ignore[attr-defined]
            yield name, method
        for place in ("list", "row", "detail", "submit_line"):
            for action in getattr(self, f"_get_base_actions_{place}")():
                yield action.method.__name__, action.method

    @property
    def urls(self) -> list[Any]:
        """The addresses of this desk, none of ours among them without a right."""
        found: list[Any] = self.get_urls()  # type: ignore[attr-defined]
        for one in found:
            if one.callback.__module__.partition(".")[0] not in self.THEIRS:
                self._refuse_unnamed(one.name or str(one.pattern), one.callback, most=2)
        return found

    def _refuse_unnamed(self, name: str, deed: Any, *, most: int) -> None:
        named = getattr(deed, "allowed_permissions", None) or []
        known = {*DJANGOS, *self.own_rights()}
        if most == 1:
            known.remove("view")  # to look is no leave to act
        if not 1 <= len(named) <= most or not known.issuperset(named):
            raise ImproperlyConfigured(
                f"{type(self).__name__}: {name} names no right of {self.model._meta.label}"
            )


# What Django's lists break with where an address asks for what no list can be made of.
UNASKABLE = (ValueError, OverflowError, DataError, ProgrammingError)


class ModelAdmin(Rights, InWords, unfold.ModelAdmin):
    """What every list and form of the operator's desk begins with."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list that an address asks for; one that no list can be made of shows all rows.

        Django takes `arrived_at__year=9999` and `arrived_at__range=yesterday` as they are typed,
        and breaks on them itself, before or within the query.
        """
        try:
            return super().get_changelist_instance(request)
        except UNASKABLE as error:
            if not request.GET:  # then it is no address's fault
                raise
            raise IncorrectLookupParameters from error

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The row of an address; an empty `_to_field` names no field, and is none."""
        return super().get_object(request, object_id, from_field or None)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Finds a plate however it is typed, as the portal's lists do (`core.filters`)."""
        found, repeats = super().get_search_results(request, queryset, search_term)
        plate = plates.normalise(search_term)
        if plate and any("plate_text" in name for name in self.get_search_fields(request)):
            note_search(request.user, of=self.model, plate=plate)
            found |= queryset.filter(plate_text__contains=plate)
        return found, repeats

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field and db_field.name in self.filter_horizontal:
            field.help_text = db_field.help_text  # its arrows need no word about Control keys
        return field


class TabularInline(InWords, unfold.TabularInline):
    """Rows inside another row's form; a row needs no title above its cells."""

    hide_title = True


class ReadOnly(ModelAdmin):
    """Rows that nobody adds, changes or removes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class Masked:
    """A plate column for lists: masked; the whole plate stands on the row's own page."""

    @admin.display(description=_("plate"))
    def plate(self, row: Any) -> str:
        return plates.masked(row.plate_text)


class Said:
    """A form whose rows a service writes, which may put that off until another person agrees.

    `say` is given the form, and answers with the row as it is written. What the service puts off is
    said in its words (`BoweiError.keeps`), and nothing is changed yet.
    """

    def say(self, request: HttpRequest, form: Any) -> Model:
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        try:
            obj.pk = self.say(request, form).pk
        except BoweiError as error:
            if not error.keeps:
                raise
            obj.put_off = error

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if _put_off(obj) else super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if _put_off(obj) else super().log_change(request, obj, message)  # type: ignore[misc]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        return self._put_off_page(request, obj) or super().response_add(  # type: ignore[misc]
            request, obj, post_url_continue
        )

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return self._put_off_page(request, obj) or super().response_change(request, obj)  # type: ignore[misc]

    def _put_off_page(self, request: HttpRequest, obj: Any) -> Any:
        if error := _put_off(obj):
            messages.warning(request, error.message)
            meta = obj._meta
            return redirect(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return None


def told_notes(notes: Iterable[dict[str, Any]]) -> str:
    """What was taken down, a line each: when, what, by whom."""
    lines = ((when(one["at"]), one["text"], one["by"]) for one in notes)
    return format_html_join(SafeString("<br>"), "{} · {} · {}", lines) or "-"


def _put_off(obj: Any) -> BoweiError | None:
    return getattr(obj, "put_off", None)


# ── Lists as files ───────────────────────────────────────────────────────────────────────────
class FileForm(ExportForm):
    """Which file, and what whole plates are for: without a reason they are masked."""

    why = forms.CharField(
        label=_("Whole plates, because"),
        required=False,
        max_length=200,
        help_text=_("Without a reason plates are masked. Who takes whole ones is noted with it."),
        widget=UnfoldAdminTextInputWidget(),
    )


class Exported(ExportMixin):
    """A list that is taken away as a file: by a right of its own, and noted.

    The file is the portal's, of the same `table`. The model declares `export_<model>` in
    `Meta.permissions`. The entry in the trail belongs to who took the file and says which list,
    which columns, how many rows.
    """

    table: type[Table]
    export_form_class = FileForm
    export_formats = [CSV, XLSX]

    @behind("export")
    def export_action(self, request: HttpRequest) -> Any:
        return super().export_action(request)

    def get_export_queryset(self, request: HttpRequest) -> Any:
        """The rows of the list that the address asks for; there is no file of an impossible one."""
        try:
            return super().get_export_queryset(request)
        except (IncorrectLookupParameters, *UNASKABLE) as error:
            raise Http404 from error

    def has_export_permission(self, request: HttpRequest) -> bool:
        desk: Any = self
        return bool(desk.has_view_permission(request) and desk.holds(request, "export"))

    def get_export_resource_classes(self, request: HttpRequest) -> list[Any]:
        """What the form says that a file holds."""

        class Heads(ModelResource):
            class Meta:
                model = self.model

            def get_user_visible_fields(_self) -> list[Field]:
                return [Field(column_name=head) for head in self.table.file_heads()]

        return [Heads]

    def _do_file_export(
        self, file_format: Any, request: HttpRequest, queryset: QuerySet[Model], **more: Any
    ) -> sheets.File:
        kind = file_format.get_extension()
        why = more["export_form"].cleaned_data["why"].strip()
        person: Any = request.user
        audit.record(
            person,
            "list taken as a file",
            actor=f"user:{person.pk}",
            reason=why,
            whole_plates=bool(why),
            list=self.model._meta.label_lower,
            columns=self.table.file_heads(),
            rows=min(queryset.count(), sheets.MOST_ROWS[kind]),
        )
        name = sheets.taken_now(self.table.name, kind)
        return self.table.file_of(queryset, kind, name, masked=not why)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ["at", "subject", "subject_id", "action", "from_state", "to_state", "actor"]
    list_filter = ["subject", "action"]
    search_fields = ["subject_id", "actor"]
    show_full_result_count = False
    ordering = ["-id"]


class DeliveryInline(TabularInline):
    model = OutboxDelivery
    fields = ["reaction", "state", "attempts", "error"]
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnly):
    list_display = ["id", "topic", "occurred_at", "created_at"]
    list_filter = ["topic"]
    inlines = [DeliveryInline]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(OutboxDelivery)
class OutboxDeliveryAdmin(ReadOnly):
    list_display = ["id", "event", "reaction", "state", "attempts", "next_try_at"]
    list_filter = ["state", "reaction"]
    list_select_related = ["event"]
    actions = ["replay"]
    show_full_result_count = False
    ordering = ["-id"]

    @admin.action(description=_("Run parked reactions again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[OutboxDelivery]) -> None:
        outbox.replay(queryset.values_list("pk", flat=True))


# ── What is kept for a time ──────────────────────────────────────────────────────────────────
@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnly):
    """Each kind of what is kept for a time: the oldest, when the next goes, and the last night."""

    @behind("view")
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        last: dict[str, RetentionRun] = {}
        for run in RetentionRun.objects.exclude(finished_at=None).order_by("night"):
            last[run.kind] = run
        rows = [
            {
                "kind": kind,
                "oldest": (oldest := kind.oldest()),
                "next": oldest and oldest + timedelta(days=kind.days),
                "held": kind.old().count(),
                "run": last.get(kind.name),
            }
            for kind in wiring.kept()
        ]
        context = self.admin_site.each_context(request)
        context |= {"title": _("How long is kept what"), "rows": rows, "opts": self.model._meta}
        return TemplateResponse(request, "admin/core/retention.html", context)


# ── Outages ──────────────────────────────────────────────────────────────────────────────────
class OutageForm(forms.ModelForm):
    """What a person writes of an outage, or corrects; what it was of stays."""

    what = forms.ChoiceField(
        label=_("What was away"), choices=outages.parts, widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = Outage
        fields = ["what", "began_at", "ended_at", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["what"]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if self.errors:
            return said
        what = said.get("what", self.instance.what)
        try:
            outages.check(
                what, said["began_at"], said["ended_at"], said["reason"], but_for=self.instance.pk
            )
        except Invalid as error:
            for name, sentence in error.fields.items():
                self.add_error(name if name in self.fields else None, sentence)
        return said


@admin.register(Outage)
class OutageAdmin(ModelAdmin):
    """What of ours was away. Nothing is removed: what was none ends where it began."""

    form = OutageForm
    list_display = ["part", "began_at", "ended_at", "said_by", "reason", "recorded_at"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter)]
    list_filter_submit = True
    ordering = ["-began_at"]
    actions = ["end_now"]

    @admin.display(description=_("what was away"))
    def part(self, outage: Outage) -> Any:
        return outages.word(outage.what)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["part", "said_by", "recorded_at"] if obj else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        typed = ["began_at", "ended_at", "reason"]
        return ["part", *typed, "said_by", "recorded_at"] if obj else ["what", *typed]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Outage, form: Any, change: bool) -> None:
        said = {name: form.cleaned_data[name] for name in ("began_at", "ended_at", "reason")}
        actor = f"user:{request.user.pk}"
        if change:
            outages.correct(outage_id=obj.pk, actor=actor, **said)
        else:
            obj.pk = outages.write(what=form.cleaned_data["what"], actor=actor, **said).pk

    @admin.action(description=_("It is over now"), permissions=["change"])
    def end_now(self, request: HttpRequest, queryset: QuerySet[Outage]) -> None:
        for pk in queryset.filter(ended_at=None).values_list("pk", flat=True):
            outages.end(outage_id=pk, actor=f"user:{request.user.pk}")
