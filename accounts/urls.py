"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from accounts import views

owner: list[URLPattern] = [
    path("login/", views.StaffLogin.as_view(), name="accounts.login"),
    path("me/login/", views.owner_login, name="accounts.owner_login"),
    path("me/plates/", views.plates, name="accounts.plates"),
    path("me/plates/<int:holding_id>/end/", views.end_plate, name="accounts.end_plate"),
    path("logout/", views.log_out, name="accounts.logout"),
]
merchant: list[URLPattern] = []
api: list[URLPattern] = []
