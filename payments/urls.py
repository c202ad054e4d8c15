"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from payments import payout_pages, shift_pages, views
from payments.api import OrderView, notify
from payments.invoice_pages import invoices

owner: list[URLPattern] = [
    path("o/<str:token>/", views.order, name="payments.order"),
    path("o/<str:token>/done/", views.done, name="payments.done"),
    path("o/<str:token>/receipt.pdf", views.receipt, name="payments.receipt"),
    path("o/<str:token>/invoice/", invoices, name="payments.invoice"),
    path("o/<str:token>/text/", views.text_receipt, name="payments.text_receipt"),
    path("o/<str:token>/paying/", views.paying, name="payments.paying"),
    path("pay/<str:provider>/", views.introduced, name="payments.introduced"),
    path("sandbox/<str:out_trade_no>/", views.sandbox, name="payments.sandbox"),
]
merchant: list[URLPattern] = [
    path("money/", views.money, name="payments.money"),
    path("money/take/<path:number>/", views.take_cash, name="payments.take_cash"),  # as typed
    path("money/slip/<path:number>/", shift_pages.slip, name="payments.slip"),  # as typed
    path("payouts/", payout_pages.payouts, name="payments.payouts"),
    path("payouts/<str:number>/", payout_pages.payout, name="payments.payout"),
    path("payouts/<str:number>/statement.pdf", payout_pages.statement, name="payments.statement"),
    path("cash/", shift_pages.cash, name="payments.cash"),
    path("cash/begin/", shift_pages.begin, name="payments.begin_shift"),
    path("cash/<int:shift_id>/", shift_pages.shift, name="payments.shift"),
    path("money/hand-back/<int:refund_id>/", views.hand_back, name="payments.hand_back"),
]
api: list[URLPattern] = [
    path("orders/<str:token>/", OrderView.as_view(), name="payments.api_order"),
    path("notify/<str:provider>", notify, name="payments.notify"),
]
