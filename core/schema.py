"""The document of the interfaces (OpenAPI 3.1): what drf-spectacular can't see by itself."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.permissions import SAFE_METHODS, AllowAny

from core.api import PROBLEM, ProblemOut
from core.fields import choices_of
from core.states import subjects


def state_names() -> dict[str, Any]:
    """Each enumeration of states is called as its class; the words are in the reader's language."""
    return {states.__name__: choices_of(states) for states in subjects().values()}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "core.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class Operation(AutoSchema):
    """An operation, with the refusals that follow from what it takes and who may ask.

    All refusals look alike (RFC 9457), so a view declares its successes only, and a refusal only
    where there is more to say of it than its status.
    """

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answers: dict[str, Any] = super()._get_response_bodies(direction)  # type: ignore[no-untyped-call]
        problem = self._problem()
        for status in self._refusals():
            answers.setdefault(status, problem.ref)
        for status, told in answers.items():
            if status >= "400" and "$ref" not in told:
                told.setdefault("content", problem.schema["content"])
        return dict(sorted(answers.items()))

    def _problem(self) -> Any:
        body = self.resolve_serializer(ProblemOut, "response").ref  # type: ignore[no-untyped-call]
        problem = ResolvedComponent(  # type: ignore[no-untyped-call]
            name="Problem",
            type=ResolvedComponent.RESPONSE,
            schema={
                "description": "Refused: why, for programs and for people (RFC 9457).",
                "content": {PROBLEM: {"schema": body}},
            },
            object="Problem",
        )
        self.registry.register_on_missing(problem)
        return problem

    def _refusals(self) -> list[str]:
        view, writes = self.view, self.method not in SAFE_METHODS
        found = {"406", "429", "503"}  # no such media type; too often; records away, or too many
        if writes:
            found |= {"403", "409"}  # without the page's CSRF token; not in this state of things
        if self._get_request_body():  # type: ignore[no-untyped-call]
            found |= {"400", "404", "408", "413", "415"}  # 404: what the body names
        if any(one["in"] == "query" for one in self._get_parameters()):  # type: ignore[no-untyped-call]
            found |= {"400", "404"}
        if writes and getattr(view, "by_two", False):
            found |= {"202"}  # above the limit of one person: another must agree
        if "{" in self.path:
            found |= {"404"}
        if AllowAny not in view.permission_classes:
            found |= {"401", "403"}  # nobody is logged in; this person may not
        return sorted(found)
