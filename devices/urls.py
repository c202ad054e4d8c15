"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path, register_converter

from core.bodies import takes_photographs
from devices import api as interface
from devices import views
from devices.gateway import DeviceGateway


class Sha256:
    """64 hex digits in an address."""

    regex = "[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Sha256, "sha256")

owner: list[URLPattern] = []
merchant: list[URLPattern] = [path("devices/", views.device_list, name="devices.list")]
api: list[URLPattern] = [
    path("", interface.DeviceList.as_view(), name="devices.api_list"),
    path(
        "images/<sha256:sha256>",
        takes_photographs(interface.ImageView.as_view()),
        name="devices.image",
    ),
    path("<str:code>/commands/", interface.CommandList.as_view(), name="devices.api_commands"),
]
websocket = [path("devices/<str:code>", DeviceGateway.as_asgi())]
