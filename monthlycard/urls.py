"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from core.bodies import takes_photographs
from monthlycard import api as interface
from monthlycard import views

owner: list[URLPattern] = [
    path("cards/", takes_photographs(views.cards), name="monthlycard.cards"),
    path("cards/<str:number>/pay/", views.pay, name="monthlycard.pay"),
    path("cards/<str:number>/end/", views.end, name="monthlycard.end"),
    path("cards/<str:number>/plate/", views.change_plate, name="monthlycard.change_plate"),
    path(
        "cards/<str:number>/licence/",
        takes_photographs(views.send_licence),
        name="monthlycard.send_licence",
    ),
    path("cards/<str:number>/object/", views.object_to_use, name="monthlycard.object_to_use"),
    path("cards/deductions/<int:deduction_id>/", views.deduction, name="monthlycard.deduction"),
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
api: list[URLPattern] = interface.patterns
