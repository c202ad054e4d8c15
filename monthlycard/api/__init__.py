"""The interface of this row: owners' cards, and what lot systems ask (docs/lot-protocol.md)."""

from django.urls import URLPattern, path

from core.bodies import takes_photographs
from monthlycard.api import cards, gate, statements

patterns: list[URLPattern] = [
    path("cards/", cards.Cards.as_view(), name="monthlycard.api_cards"),
    path(
        "cards/<str:number>/licence/",
        takes_photographs(cards.CardLicence.as_view()),
        name="monthlycard.api_licence",
    ),
    path(
        "licences/",
        takes_photographs(cards.Licences.as_view()),
        name="monthlycard.api_licences",
    ),
    path("deductions/<int:deduction_id>/whose/", cards.Whose.as_view(), name="monthlycard.whose"),
    path("lots/time/", gate.Time.as_view(), name="monthlycard.time"),
    path("lots/records/", gate.Records.as_view(), name="monthlycard.records"),
    path("lots/questions/", gate.Questions.as_view(), name="monthlycard.questions"),
    path("lots/passes/", gate.Passes.as_view(), name="monthlycard.passes"),
    path("lots/agreement/", statements.AgreementView.as_view(), name="monthlycard.agreement"),
    path("lots/statements/", statements.Statements.as_view(), name="monthlycard.statements"),
    path(
        "lots/statements/<str:number>/",
        statements.StatementView.as_view(),
        name="monthlycard.statement",
    ),
    path(
        "lots/statements/<str:number>/check/",
        statements.StatementCheck.as_view(),
        name="monthlycard.check",
    ),
]
