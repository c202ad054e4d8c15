"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from payments.api import OrderView, notify

owner: list[URLPattern] = []
merchant: list[URLPattern] = []
api: list[URLPattern] = [
    path("orders/<str:token>/", OrderView.as_view(), name="payments.api_order"),
    path("notify/<str:provider>", notify, name="payments.notify"),
]
