"""What all interfaces share: problem details (RFC 9457), pages, rates."""

from typing import Any, ClassVar

from django.http import JsonResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, pagination, serializers
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core.errors import BoweiError, Invalid, TooMany
from core.plates import masked

PROBLEM = "application/problem+json"


class Pages(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        told: dict[str, Any] = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):  # always there, in the words of OpenAPI 3.1
            if told["properties"][name].pop("nullable", False):
                told["properties"][name]["type"] = ["string", "null"]
        return {**told, "required": sorted(told["properties"])}


class ProblemOut(serializers.Serializer):
    """Why something was refused (RFC 9457); the title is for people, in their language."""

    type = serializers.CharField(help_text="urn:bowei:problem:<code>")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="the stable name of the problem")
    facts = serializers.DictField(required=False, help_text="what completes the sentence")
    errors = serializers.DictField(  # type: ignore[assignment]  # a form's errors are not answered
        required=False, help_text="what is wrong, by field"
    )


class ModelOut(serializers.ModelSerializer):
    """What an interface answers of a row: all of its fields, always."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields: dict[str, serializers.Field] = super().get_fields()
        for field in fields.values():
            field.required, field.read_only = False, True
        return fields


class MaskedOut(ModelOut):
    """A row that names a vehicle: its plate is masked, unless the context says `whole_plates`."""

    plates: ClassVar[tuple[str, ...]] = ("plate", "plate_text")

    def to_representation(self, row: Any) -> Any:
        told = super().to_representation(row)
        if not self.context.get("whole_plates"):
            for name in self.plates:
                if told.get(name):
                    told[name] = masked(told[name])
        return told


WHY = OpenApiParameter(
    "why", str, description="What whole plates are for: who asks so is noted with it."
)


class BillLineOut(serializers.Serializer):
    """One line of a bill in the reader's language (`payments.rules.BillLine`)."""

    text = serializers.CharField()
    quantity = serializers.IntegerField(allow_null=True)
    unit = serializers.CharField(allow_blank=True)
    unit_price_fen = serializers.IntegerField(allow_null=True)
    amount_fen = serializers.IntegerField(help_text="below 0 where it is a cut")


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
    headers = headers_of(error)
    body = problem(error)
    return JsonResponse(body, status=error.status, headers=headers, content_type=PROBLEM)


def headers_of(error: BoweiError) -> dict[str, str]:
    """When to ask again, for who asked too often."""
    return error.headers if isinstance(error, TooMany) else {}


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of an interface is a problem document."""
    if isinstance(error, BoweiError):
        headers = headers_of(error)
        return Response(problem(error), error.status, headers=headers, content_type=PROBLEM)
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
