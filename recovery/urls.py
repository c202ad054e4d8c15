"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from core.bodies import takes_photographs
from recovery import api as interface
from recovery import attend_pages, views

owner: list[URLPattern] = [
    path("attend/", attend_pages.attend, name="recovery.attend"),
    path("attend/acts/", takes_photographs(attend_pages.acts), name="recovery.attend_acts"),
    path("attend/plate/", takes_photographs(attend_pages.plate), name="recovery.attend_plate"),
    path(
        "attend/paper/<int:demand_id>/", attend_pages.paper_slip, name="recovery.attend_paper_slip"
    ),
    path("attend/worker.js", attend_pages.worker, name="recovery.attend_worker"),
    path("attend/manifest.json", attend_pages.manifest, name="recovery.attend_manifest"),
    path("attend/bill/<path:number>/", attend_pages.bill, name="recovery.attend_bill"),
    path("r/<str:token>/", views.order, name="recovery.order"),
    path("lock/<str:code>/<str:tag>/", views.lock_here, name="recovery.lock_here"),
]
merchant: list[URLPattern] = [
    path("recovery/", views.listing, name="recovery.list"),
    path("recovery/signs/", views.signs, name="recovery.signs"),
    path("recovery/new/", takes_photographs(views.new), name="recovery.new"),
    path("recovery/<int:order_id>/", takes_photographs(views.detail), name="recovery.detail"),
]
api: list[URLPattern] = [
    path("orders/", takes_photographs(interface.Orders.as_view()), name="recovery.api_orders"),
    path("orders/<str:code>/", interface.OneOrder.as_view(), name="recovery.api_order"),
    path(
        "orders/<str:code>/place/",
        takes_photographs(interface.Place.as_view()),
        name="recovery.api_place",
    ),
    path(
        "orders/<str:code>/raise/",
        takes_photographs(interface.Raise.as_view()),
        name="recovery.api_raise",
    ),
    path("orders/<str:code>/lower/", interface.Lower.as_view(), name="recovery.api_lower"),
    path(
        "orders/<str:code>/by-hand/",
        takes_photographs(interface.LoweredByHand.as_view()),
        name="recovery.api_by_hand",
    ),
    path(
        "orders/<str:code>/moved/",
        takes_photographs(interface.Fetched.as_view()),
        name="recovery.api_moved",
    ),
    path("owner/<str:token>/", interface.OwnerOrder.as_view(), name="recovery.api_owner"),
    path("owner/<str:token>/code/", interface.OwnerCode.as_view(), name="recovery.api_code"),
]
