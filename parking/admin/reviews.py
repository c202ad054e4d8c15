"""Questions for a person, and cameras that misread."""

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from accounts.guards import actor_of
from core import parse
from core.admin import ModelAdmin, ReadOnly, behind
from core.errors import BoweiError
from parking import selectors, services
from parking.forms import ReasonForm
from parking.models import (
    CameraTrust,
    ReviewItem,
)
from parking.rules import accuracy
from parking.services.accuracy import known_of
from parking.states import ReviewState
from parking.views.merchant import answer_review, review_context
from parking.words import reason_of


@admin.register(CameraTrust)
class CameraTrustAdmin(ModelAdmin):
    """How often each camera's sure readings are right; stopped ones first, then by code."""

    list_display = ["device", "state", "share", "bar", "changed_at"]
    list_filter = ["state"]
    list_select_related = ["device"]
    search_fields = ["device__code"]
    ordering = [Case(When(state=CameraTrust.State.STOPPED, then=0), default=1), "device__code"]
    fields = ["device", "state", "share", "bar"]
    fields += ["counted_from", "changed_at", "sampled_at"]
    readonly_fields = [name for name in fields if name != "bar"]
    actions_detail = ["let_bill", "stop"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @display(description=gettext_lazy("right"))
    def share(self, trust: CameraTrust) -> str:
        """As found, what it may be, and from what: one look at the rows says all three."""
        known = known_of(trust)
        if not known.sampled and not known.wrong:
            return _("nothing known yet of %(made)s readings") % {"made": known.made}
        found = accuracy.accuracy(known)
        text = _(
            "%(low)s–%(high)s %%: of those drawn %(right)s of %(sampled)s are right;"
            " of all, %(wrong)s of %(made)s are known to be wrong"
        )
        return text % {
            "low": f"{100 * found.low:.1f}",
            "high": f"{100 * found.high:.1f}",
            "right": known.right,
            "sampled": known.sampled,
            "wrong": known.wrong,
            "made": known.made,
        }

    @action(description=gettext_lazy("Let it bill again"), url_path="bill", permissions=["trust"])
    def let_bill(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set(request, object_id, bill=True, title=_("Let it bill again"))

    @action(description=gettext_lazy("Stop it"), url_path="stop", permissions=["trust"])
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set(request, object_id, bill=False, title=_("Stop it"))

    def _set(self, request: HttpRequest, object_id: str, *, bill: bool, title: str) -> HttpResponse:
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            services.set_billing(
                trust_id=parse.row_id(object_id),
                bill=bill,
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
            )
            messages.success(request, _("Done, and noted in the audit trail."))
            return redirect("admin:parking_cameratrust_change", object_id)
        context = {**self.admin_site.each_context(request), "form": form, "title": title}
        return TemplateResponse(request, "parking/operator_by_hand.html", context)


# ── The review queue ─────────────────────────────────────────────────────────────────────────
@admin.register(ReviewItem)
class ReviewItemAdmin(ReadOnly):
    """The queue: picture, candidates with their doubt per character, keys 1-5, undo."""

    list_display = [
        "look",
        "kind",
        "reason",
        "merchant",
        "state",
        "opened_at",
        "settled_by",
        "settled_at",
    ]
    list_display_links = None
    list_filter = ["state", "kind", "merchant"]
    ordering = [Case(When(state=ReviewState.OPEN, then=0), default=1), "opened_at"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReviewItem]:
        return selectors.reviews_for(None)

    @display(description=gettext_lazy("question"))
    def look(self, item: ReviewItem) -> str:
        url = reverse("admin:parking_reviewitem_look", args=[item.pk])
        return format_html('<a href="{}">{} {}</a>', url, _("Look"), item.pk)

    @display(description=gettext_lazy("why"))
    def reason(self, item: ReviewItem) -> str:
        return reason_of(item.why)

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(self.look_view)
        return [path("<int:pk>/look/", look, name="parking_reviewitem_look"), *super().get_urls()]

    @behind("view", doing="settle")
    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One question; after an answer the next one."""
        item = selectors.reviews_for(None).filter(pk=pk).first()
        if item is None:
            return redirect("admin:parking_reviewitem_changelist")
        context = {**self.admin_site.each_context(request), **review_context(item, request.user.pk)}
        context |= {"title": _("Needs a look"), "opts": self.model._meta}
        if item.stay_id:
            context["stay_url"] = reverse(
                "admin:parking_parkingsession_change", args=[item.stay_id]
            )
        if request.method == "POST":
            try:
                undone = answer_review(item, request)
            except BoweiError as error:
                context["problem"] = error.message
            else:
                return self._next(request, item, undone=undone)
        undo = request.session.pop("parking.undo", None)
        if undo:
            context["undo_url"] = reverse("admin:parking_reviewitem_look", args=[undo])
        return TemplateResponse(request, "parking/operator_review.html", context)

    def _next(self, request: HttpRequest, item: ReviewItem, *, undone: bool) -> HttpResponse:
        if undone:
            return redirect("admin:parking_reviewitem_look", item.pk)
        if item.kind == ReviewItem.Kind.PLATE:
            request.session["parking.undo"] = item.pk
        following = selectors.open_reviews(None).first()
        if following is None:
            messages.success(request, _("Nothing waits any more."))
            return redirect("admin:parking_reviewitem_changelist")
        return redirect("admin:parking_reviewitem_look", following.pk)
