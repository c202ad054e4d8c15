"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from arrears import api as interfaces
from arrears import views
from core.bodies import takes_photographs

owner: list[URLPattern] = [
    path("dues/", views.dues, name="arrears.dues"),
    path("dues/<str:token>/", views.dues_by_link, name="arrears.dues"),
    path("s/<str:token>/object/", views.contest, name="arrears.contest"),
    path("object/<str:token>/", views.object_page, name="arrears.object"),
    path("why/<str:token>/", views.why, name="arrears.why"),
]
merchant: list[URLPattern] = [
    path("debts/", views.debts, name="arrears.debts"),
    path("debts/looks/", views.looks, name="arrears.looks"),
    path("debts/paper/", takes_photographs(views.paper_notice), name="arrears.paper_notice"),
    path("debts/<int:debt_id>/waive/", views.waive, name="arrears.waive"),
    path("debts/disputes/<int:dispute_id>/", views.answer, name="arrears.answer"),
]
api: list[URLPattern] = [
    path("debts/", interfaces.DebtViews.as_view({"get": "list"}), name="arrears.api_debts"),
    path(
        "debts/<int:pk>/",
        interfaces.DebtViews.as_view({"get": "retrieve"}),
        name="arrears.api_debt",
    ),
    path(
        "debts/<int:pk>/waive/",
        interfaces.DebtViews.as_view({"post": "waive"}),
        name="arrears.api_waive",
    ),
    path("notices/", interfaces.NoticeViews.as_view({"get": "list"}), name="arrears.api_notices"),
    path("dues/", interfaces.DuesView.as_view(), name="arrears.api_dues"),
    path("disputes/", interfaces.ObjectView.as_view(), name="arrears.api_object"),
    path(
        "decisions/<int:stay_id>/",
        interfaces.DecisionView.as_view(),
        name="arrears.api_decision",
    ),
]
