"""All addresses: the publics' lists of every row, each mounted in its place."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import core.urls
from accounts.account import password
from accounts.log_in import StaffLogin
from core.views import DeskWords


def _mount() -> list[URLPattern | URLResolver]:
    mounted: list[URLPattern | URLResolver] = []
    for row in settings.ROWS:
        urls: Any = import_module(f"{row}.urls")
        mounted += [
            path("", include(urls.owner)),
            path("merchant/", include(urls.merchant)),
            path(f"api/v1/{row}/", include(urls.api)),
        ]
    return mounted


urlpatterns = [
    path("admin/jsi18n/", DeskWords.as_view()),  # before the admin's own, at its address
    path(
        "admin/login/", StaffLogin.as_view(), name="accounts.desk_login"
    ),  # likewise, as the two that follow
    path("admin/password_change/", password, name="accounts.desk_password"),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="core.schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="core.schema", template_name="core/api_docs.html"
        ),
        name="core.api_docs",
    ),
    path("", include(core.urls.owner)),
    *_mount(),
]
handler400 = "core.views.bad_request"
handler403 = "core.views.forbidden"
handler404 = "core.views.not_found"
handler500 = "core.views.server_error"
