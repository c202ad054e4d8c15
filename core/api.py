"""What all interfaces share: problem details (RFC 9457), pages, rates."""

from typing import Any

from django.http import JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, pagination, throttling
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core.addresses import network
from core.errors import BoweiError, Invalid

PROBLEM = "application/problem+json"


class Pages(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500


class LookupRate(throttling.SimpleRateThrottle):
    """Questions that could be used to go through all plates or berths."""

    scope = "lookup"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"lookup.{network(self.get_ident(request))}"


class ContestRate(LookupRate):
    """Doubts and proofs of who has not shown to hold a plate: a person must answer each."""

    scope = "contest"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"contest.{network(self.get_ident(request))}"


def problem(error: BoweiError) -> dict[str, Any]:
    """An expected refusal as problem details; `code` is the stable name of the problem."""
    body: dict[str, Any] = {
        "type": f"urn:bowei:problem:{error.code}",
        "title": error.message,
        "status": error.status,
        "code": error.code,
    }
    if error.facts:
        body["facts"] = error.facts
    if isinstance(error, Invalid) and error.fields:
        body["errors"] = {name: str(text) for name, text in error.fields.items()}
    return body


def problem_response(error: BoweiError) -> JsonResponse:
    return JsonResponse(problem(error), status=error.status, content_type=PROBLEM)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of an interface is a problem document."""
    if isinstance(error, BoweiError):
        return Response(problem(error), status=error.status, content_type=PROBLEM)
    response = exception_handler(error, context)
    if response is None:
        return None
    code = getattr(error, "default_code", None) or "not_found"
    body: dict[str, Any] = {
        "type": f"urn:bowei:problem:{code}",
        "status": response.status_code,
        "code": code,
    }
    if isinstance(error, exceptions.ValidationError):
        body["title"] = str(_("Some fields are not right."))
        body["errors"] = response.data
    else:
        body["title"] = str(getattr(error, "detail", "") or _("We can't find this."))
    response.data = body
    response.content_type = PROBLEM
    return response
