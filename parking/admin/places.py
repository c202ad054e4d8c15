"""Streets: sections, berths and what stands there."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from accounts.guards import actor_of
from core.admin import ModelAdmin, TabularInline
from core.errors import BoweiError
from parking import services
from parking.links import berth_url
from parking.models import (
    Berth,
    BerthSensor,
    CameraCoverage,
    HandheldPost,
    Section,
)


class BerthInline(TabularInline):
    model = Berth
    fields = ["position", "number", "code", "latitude", "longitude", "in_service"]
    ordering = ["position"]
    extra = 0


@admin.register(Section)
class SectionAdmin(ModelAdmin):
    list_display = ["name", "code", "merchant", "ground", "tariff"]
    list_filter = ["merchant", "ground"]
    list_select_related = ["merchant", "tariff"]
    search_fields = ["name", "code"]
    inlines = [BerthInline]


class SensorInline(TabularInline):
    model = BerthSensor
    extra = 0


class CoverageInline(TabularInline):
    model = CameraCoverage
    extra = 0


@admin.register(Berth)
class BerthAdmin(ModelAdmin):
    list_display = ["code", "section", "number", "in_service", "lock_up"]
    list_filter = ["section__merchant", "in_service"]
    list_select_related = ["section"]
    search_fields = ["code"]
    readonly_fields = ["lock_up", "address"]
    inlines = [SensorInline, CoverageInline]
    actions = ["print_signs", "make_new_addresses"]

    @display(description=gettext_lazy("address in its code"))
    def address(self, berth: Berth) -> str:
        return berth_url(berth.code, berth.address_version) if berth.pk else "-"

    @admin.action(description=gettext_lazy("Print their codes"), permissions=["readdress"])
    def print_signs(self, request: HttpRequest, rows: QuerySet[Berth]) -> HttpResponse | None:
        chosen = rows.select_related("section__merchant")
        try:
            printed = services.print_signs(
                list(chosen.order_by("section__name", "section_id", "position")),
                actor=actor_of(request),
            )
        except BoweiError as error:
            messages.warning(request, error.message)
            return None
        answer = HttpResponse(printed, content_type="application/pdf")
        answer["Content-Disposition"] = 'attachment; filename="signs.pdf"'
        return answer

    @admin.action(
        description=gettext_lazy("Make their printed codes worthless"), permissions=["readdress"]
    )
    def make_new_addresses(self, request: HttpRequest, rows: QuerySet[Berth]) -> None:
        ids = list(rows.values_list("pk", flat=True))
        count = services.readdress(berth_ids=ids, actor=actor_of(request))
        text = ngettext(
            "%(n)d berth has a new address. Print its sign anew; the old code leads to the page"
            " for typed numbers.",
            "%(n)d berths have new addresses. Print their signs anew; the old codes lead to the"
            " page for typed numbers.",
            count,
        )
        messages.success(request, text % {"n": count})


@admin.register(HandheldPost)
class HandheldPostAdmin(ModelAdmin):
    list_display = ["device", "section"]
    list_select_related = ["device", "section"]


# ── Stays ────────────────────────────────────────────────────────────────────────────────────
