"""Interfaces: photographs from devices, and a merchant's devices for the portal and programs."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import guards
from core import deeds, limits, sizes
from core.api import ModelOut
from core.bodies import TooLarge
from devices import selectors, services
from devices.errors import NotForKind
from devices.models import Command, Device
from devices.services.connections import who


class DeviceKey(BaseAuthentication):
    """`Authorization: Bearer <key>`: the key that opens the device's socket; sets request.auth."""

    def authenticate(self, request: Request) -> tuple[Any, Device] | None:
        scheme, _blank, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return None, who(key.strip()).device

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class DeviceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = DeviceKey
    name = "deviceKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A device's key."}


class HasCamera(BasePermission):
    """A device of a kind that takes photographs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        device = request.auth
        if isinstance(device, Device) and not device.abilities.uploads:
            raise NotForKind(device.kind, "image")
        return isinstance(device, Device)


class ImageOut(serializers.Serializer):
    sha256 = serializers.CharField()


class ImageView(APIView):
    """A photograph, sent before the device speaks of it."""

    authentication_classes = [DeviceKey]
    permission_classes = [HasCamera]

    @extend_schema(
        operation_id="devices_image_put",
        request={"image/jpeg": OpenApiTypes.BINARY, "image/png": OpenApiTypes.BINARY},
        responses={
            200: OpenApiResponse(ImageOut, description="Was kept before."),
            201: OpenApiResponse(ImageOut, description="Is kept now."),
            400: OpenApiResponse(description="Other bytes than the hash says, or no photograph."),
            401: OpenApiResponse(description="The key is not valid."),
            403: OpenApiResponse(description="This kind of device takes no photographs."),
            413: OpenApiResponse(description="Larger than the limit."),
            429: OpenApiResponse(description="Too many in this minute, or too much today."),
        },
    )
    def put(self, request: Request, sha256: str) -> Response:
        device = request.auth
        assert isinstance(device, Device)
        limits.count_about(deeds.IMAGE, str(device.pk))  # a camera that has gone wild
        new = services.keep_image(device=device, sha256=sha256, data=_body(request._request))
        return Response({"sha256": sha256}, status=201 if new else 200)


def _body(request: HttpRequest) -> bytes:
    if len(request.body) > sizes.PHOTOGRAPH_BYTES:
        raise TooLarge()
    return request.body


class DeviceOut(ModelOut):
    battery_pct = serializers.IntegerField(
        source="facts.battery_pct", default=None, allow_null=True
    )
    position = serializers.CharField(source="facts.position", default=None, allow_null=True)

    class Meta:
        model = Device
        fields = [
            "id",
            "code",
            "kind",
            "name",
            "state",
            "online",
            "silent",
            "last_heard_at",
            "battery_pct",
            "position",
        ]


class CommandOut(ModelOut):
    class Meta:
        model = Command
        fields = [
            "id",
            "action",
            "reference",
            "state",
            "created_at",
            "sent_at",
            "ended_at",
            "attempts",
        ]


def _merchant_id(request: Request) -> int:
    """The merchant of the person who asks. Raises Denied where they may not see devices."""
    return guards.membership_for(request.user, "see").merchant_id


class DeviceList(generics.ListAPIView):
    """The merchant's devices in service."""

    permission_classes = [IsAuthenticated]
    serializer_class = DeviceOut
    filterset_fields = ["kind", "online", "silent"]
    queryset = Device.objects.none()  # names the model for the schema

    def get_queryset(self) -> Any:
        return selectors.devices_of(_merchant_id(self.request))


class CommandList(generics.ListAPIView):
    """What one of the merchant's devices was told, newest first."""

    permission_classes = [IsAuthenticated]
    serializer_class = CommandOut
    queryset = Command.objects.none()

    def get_queryset(self) -> Any:
        merchant_id = _merchant_id(self.request)
        device = generics.get_object_or_404(
            selectors.devices_of(merchant_id), code=self.kwargs["code"]
        )
        return selectors.commands_of(device.pk)
