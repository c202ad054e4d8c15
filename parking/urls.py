"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from core.bodies import takes_photographs
from parking import api as interface
from parking.views import merchant as staff
from parking.views import owner as public
from parking.views import permits
from parking.views import receipts as history

owner: list[URLPattern] = [
    path("", public.home, name="parking.home"),
    path("b/<str:berth_code>/", public.berth, name="parking.berth"),
    path("b/<str:berth_code>/<str:tag>/", public.berth, name="parking.berth_here"),
    path("real/report/", takes_photographs(public.report_sign), name="parking.report_sign"),
    path("left/", public.left, name="parking.left"),
    path("s/<str:token>/", public.stay, name="parking.stay"),
    path("paid/<str:token>/", public.correct_paid, name="parking.correct_paid"),
    path("paid/<str:token>/more/", public.more_paid, name="parking.more_paid"),
    path("me/receipts/", history.receipts, name="parking.receipts"),
    path("prepay/", public.prepay_begin, name="parking.prepay"),
    path("prepay/<str:token>/", public.prepay_order, name="parking.prepay_order"),
]
merchant: list[URLPattern] = [
    path("", staff.street, name="parking.street"),
    path("street.json", staff.street_json, name="parking.street_json"),
    path("signs/", staff.signs, name="parking.signs"),
    path("stays/", staff.stay_list, name="parking.stays"),
    path("stays/<int:stay_id>/", staff.stay_page, name="parking.merchant_stay"),
    path("stays/permits/", permits.permits, name="parking.permits"),
    path("stays/permits/<int:permit_id>/", permits.decide_permit, name="parking.decide_permit"),
    path("reviews/<int:review_id>/", staff.review, name="parking.review"),
]
api: list[URLPattern] = interface.patterns
