"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from devices.gateway import DeviceGateway

owner: list[URLPattern] = []
merchant: list[URLPattern] = []
api: list[URLPattern] = []
websocket = [path("devices/<str:code>", DeviceGateway.as_asgi())]
