"""What all of the lots' addresses share: who asks, and the signed answer (docs/lot-protocol.md)."""

import time
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.utils.cache import patch_cache_control
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import clock, parse, personal
from monthlycard import selectors
from monthlycard.errors import BadSignature
from monthlycard.models import LotSystem
from monthlycard.rules import signing

HEARD_EVERY = timedelta(minutes=1)  # one row for all of a lot's questions: written now and then


class LotAuthentication(BaseAuthentication):
    """A request signed with the lot's secret, within five minutes, each nonce once."""

    def authenticate(self, request: Request) -> tuple[Any, LotSystem] | None:
        lot = selectors.lot_by_code(request.headers.get(signing.LOT, ""))
        sent, nonce = request.headers.get(signing.TIME, ""), request.headers.get(signing.NONCE, "")
        sent_ms = parse.number(sent)
        if lot is None or sent_ms is None or not 8 <= len(nonce) <= 60:
            raise BadSignature()
        secret = personal.unseal(lot.secret_sealed)
        expected = signing.sign_request(
            secret,
            method=request.method or "",
            path=request.get_full_path(),
            time=sent,
            nonce=nonce,
            body=request.body,
        )
        if not signing.equal(expected, request.headers.get(signing.SIGNATURE, "")):
            raise BadSignature()
        if abs(time.time() - sent_ms / 1000) > signing.TOLERANCE_S:
            raise BadSignature()
        if not cache.add(f"lot-nonce.{lot.pk}.{nonce}", 1, timeout=2 * signing.TOLERANCE_S):
            raise BadSignature()
        if lot.last_asked_at is None or clock.real() - lot.last_asked_at > HEARD_EVERY:
            LotSystem.objects.filter(pk=lot.pk).update(last_asked_at=clock.real())
        request.lot_secret, request.lot_nonce = secret, nonce  # type: ignore[attr-defined]
        return None, lot

    def authenticate_header(self, request: Request) -> str:
        return "Bowei-Lot"


class LotScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the signature is described in the schema."""

    target_class = LotAuthentication
    name = "lot"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": signing.SIGNATURE,
            "description": (
                "HMAC-SHA256 with the lot's secret over method, path, time, nonce and body, beside "
                f"{signing.LOT}, {signing.TIME} and {signing.NONCE}: docs/lot-protocol.md."
            ),
        }


class IsLot(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, LotSystem)


class LotView(APIView):
    """What all addresses of the interface share: who asks, and the signed answer."""

    authentication_classes = [LotAuthentication]
    permission_classes = [IsLot]

    @property
    def lot(self) -> LotSystem:
        lot = self.request.auth
        assert isinstance(lot, LotSystem)
        return lot

    def finalize_response(  # type: ignore[override]  # a file is Django's own response
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        final = super().finalize_response(request, response, *args, **kwargs)
        secret = getattr(request, "lot_secret", None)
        if secret is not None:
            if isinstance(final, Response):
                final.render()
            final[signing.SIGNATURE] = signing.sign_answer(
                secret,
                status=final.status_code,
                nonce=request.lot_nonce,  # type: ignore[attr-defined]
                body=final.content,
            )
        patch_cache_control(final, no_store=True)
        return final


def valid(serializer: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    """What was sent, as the serializer reads it. Raises ValidationError."""
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
