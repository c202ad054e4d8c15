"""The desk's pages for whoever answers the phone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.guards import actor_of
from arrears import selectors, services
from arrears.forms import LookUp, TakeDown
from arrears.selectors.calls import Call
from core import parse
from core.admin import behind
from core.errors import BoweiError


class Calling:
    """What a list of callers' words offers beside itself: to look up, and to act on what is found.

    A look-up is sent, never an address: what was named stands in no log. What it opens has an
    address of its own, sealed, for who asked it, for half an hour.
    """

    admin_site: Any
    model: Any

    def get_urls(self) -> list[URLPattern]:
        pages = [
            ("call/<str:token>/", self.call_view, "call"),
            ("call/<str:token>/whole/", self.whole_view, "whole"),
        ]
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"arrears_callnote_{name}")
            for route, view, name in pages
        ]
        return [*ours, *super().get_urls()]  # type: ignore[misc]

    @action(description=_("Answer a call"), url_path="answer", permissions=["answer"])
    def answer(self, request: HttpRequest) -> HttpResponse:
        """What a caller names is looked up, with a reason."""
        form = LookUp(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                call = services.look_up(
                    by=form.cleaned_data["by"],
                    said=form.cleaned_data["said"],
                    why=form.reason,
                    person=request.user,
                )
                if call is not None:
                    return redirect(_address(call))
                form.add_error("said", _("Nothing is known under this. It has been noted."))
            except BoweiError as error:
                form.add_error("said", error.message)
        context = self._context(request, _("Answer a call"), form=form)
        return TemplateResponse(request, "arrears/operator_answer.html", context)

    @behind("answer")
    def call_view(self, request: HttpRequest, token: str) -> HttpResponse:
        """What one look-up opens, and what may be done for its caller."""
        call = selectors.read_call(token, person_id=request.user.pk or 0)
        if request.method == "POST":
            try:
                messages.success(request, self._act(request, call))
                return redirect(_address(call))
            except BoweiError as error:
                messages.warning(request, error.message)
        found = selectors.found_by(call)
        holds: Any = self.holds  # type: ignore[attr-defined]
        context = self._context(
            request,
            _("A call"),
            call=call,
            found=found,
            token=token,
            take=TakeDown(may_object=call.vouched),
            word=TakeDown(may_object=False),
            may_reveal=found.masked and holds(request, "reveal"),
        )
        return TemplateResponse(request, "arrears/operator_call.html", context)

    @behind("answer", doing="reveal")
    def whole_view(self, request: HttpRequest, token: str) -> HttpResponse:
        """The plates of a look-up whole, which is noted with its reason."""
        call = selectors.read_call(token, person_id=request.user.pk or 0)
        if request.method == "POST":
            call = services.show_plates(call, person=request.user)
        return redirect(_address(call))

    def _act(self, request: HttpRequest, call: Call) -> str:
        """Carry out what was sent, and say what was done. Raises what the services raise."""
        actor = actor_of(request)
        stay_id = parse.number(request.POST.get("stay", ""))
        order_id = parse.number(request.POST.get("order", ""))
        if request.POST.get("do") == "send":
            if order_id is not None:
                to = services.send_order(call, order_id=order_id, actor=actor)
            else:
                to = services.send_stay(
                    call, stay_id=stay_id or 0, to=request.POST.get("to", ""), actor=actor
                )
            return gettext("The link is on its way to %(phone)s.") % {"phone": to}
        note = services.take_down(
            call,
            stay_id=stay_id,
            order_id=order_id,
            text=request.POST.get("text", ""),
            objection=request.POST.get("objection", ""),
            reply_to=request.POST.get("reply_to", ""),
            actor=actor,
        )
        if note.dispute_id:
            return gettext("The objection is open; nothing is asked for until it is answered.")
        return gettext("Taken down. Whoever works on it next reads it.")

    def _context(self, request: HttpRequest, title: Any, **more: Any) -> dict[str, Any]:
        site = self.admin_site.each_context(request)
        return {**site, "title": title, "opts": self.model._meta, **more}


def _address(call: Call) -> str:
    return reverse("admin:arrears_callnote_call", args=[call.token])
