"""Addresses of pages and interfaces that belong to no row."""

from django.urls import URLPattern, URLResolver, include, path

from core import views
from core.live import Live

owner: list[URLPattern | URLResolver] = [
    path("photographs/<str:token>/", views.photograph, name="core.photograph"),
    path("photographs/<str:token>/original/", views.original, name="core.original"),
    path("photographs/<str:token>/why/", views.ask_original, name="core.ask_original"),
    path("real/", views.real, name="core.real"),
    path("language/", include("django.conf.urls.i18n")),
    path("health/alive/", views.alive, name="core.alive"),
    path("health/ready/", views.ready, name="core.ready"),
]
websocket = [path("live/<str:token>", Live.as_asgi())]
