"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from monthlycard import api as lots
from monthlycard import views

owner: list[URLPattern] = [
    path("cards/", views.cards, name="monthlycard.cards"),
    path("cards/<str:number>/pay/", views.pay, name="monthlycard.pay"),
    path("cards/<str:number>/end/", views.end, name="monthlycard.end"),
    path("cards/<str:number>/plate/", views.change_plate, name="monthlycard.change_plate"),
    path(
        "cards/deductions/<int:deduction_id>/pay/",
        views.pay_deduction,
        name="monthlycard.pay_deduction",
    ),
]
merchant: list[URLPattern] = [
    path("cards/", views.lots, name="monthlycard.lots"),
    path(
        "cards/statements/<str:number>/<str:kind>/",
        views.statement_file,
        name="monthlycard.statement_file",
    ),
]
api: list[URLPattern] = [
    path("cards/", lots.Cards.as_view(), name="monthlycard.api_cards"),
    path("lots/time/", lots.Time.as_view(), name="monthlycard.time"),
    path("lots/records/", lots.Records.as_view(), name="monthlycard.records"),
    path("lots/questions/", lots.Questions.as_view(), name="monthlycard.questions"),
    path("lots/passes/", lots.Passes.as_view(), name="monthlycard.passes"),
    path("lots/agreement/", lots.AgreementView.as_view(), name="monthlycard.agreement"),
    path("lots/statements/", lots.Statements.as_view(), name="monthlycard.statements"),
    path(
        "lots/statements/<str:number>/", lots.StatementView.as_view(), name="monthlycard.statement"
    ),
    path(
        "lots/statements/<str:number>/check/",
        lots.StatementCheck.as_view(),
        name="monthlycard.check",
    ),
]
