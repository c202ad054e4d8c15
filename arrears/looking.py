"""The page on which a person looks at what debts rest on: the merchant's, and the operator's."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext

from accounts.guards import actor_of
from arrears import selectors, services
from arrears.selectors.looks import BATCH
from core import parse
from core.errors import BoweiError

AGREED = "arrears.agreed"  # in the session: what the last batch agreed to, to be taken back


def context_of(request: HttpRequest, merchant_id: int | None) -> dict[str, Any]:
    """The next pictures that wait; `merchant_id` None: everybody's."""
    waiting = selectors.looks_to_take(merchant_id)
    return {
        "rows": selectors.evidence(list(waiting[:BATCH]), person_id=request.user.pk),
        "waiting": waiting.count(),
        "undo": len(request.session.get(AGREED, [])),
    }


def take(request: HttpRequest, merchant_id: int | None) -> None:
    """Carry out what a person said of the pictures that were before them, and say what was done."""
    if request.POST.get("do") == "undo":
        _take_back(request)
        return
    shown = parse.numbers(request.POST.getlist("look"))
    mine = set(
        selectors.looks_to_take(merchant_id).filter(pk__in=shown).values_list("pk", flat=True)
    )
    wrong = mine & set(parse.numbers(request.POST.getlist("wrong")))
    doubted = 0
    for pk in sorted(wrong):
        try:
            services.doubt(pk, actor=actor_of(request))
            doubted += 1
        except BoweiError as error:
            messages.warning(request, error.message)
    agreed = services.agree(mine - wrong, actor=actor_of(request))
    request.session[AGREED] = agreed
    others = len(set(shown)) - len(agreed) - doubted
    if agreed:
        text = ngettext("One demand goes out.", "%(n)d demands go out.", len(agreed))
        messages.success(request, text % {"n": len(agreed)})
    if doubted:
        text = ngettext("One is in question now.", "%(n)d are in question now.", doubted)
        messages.success(request, text % {"n": doubted})
    if others > 0:
        text = ngettext(
            "One had been answered, paid or objected to meanwhile.",
            "%(n)d had been answered, paid or objected to meanwhile.",
            others,
        )
        messages.warning(request, text % {"n": others})


def _take_back(request: HttpRequest) -> None:
    back = 0
    for pk in request.session.pop(AGREED, []):
        try:
            back += services.look_again(pk, actor=actor_of(request))
        except BoweiError as error:
            messages.warning(request, error.message)
    if back:
        text = ngettext("One waits for a look again.", "%(n)d wait for a look again.", back)
        messages.success(request, text % {"n": back})
