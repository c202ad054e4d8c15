"""The interface of this row, under /api/v1/parking/ (docs/parking.md)."""

from django.urls import URLPattern, path

from parking.api import prepayments, reviews, stays

patterns: list[URLPattern] = [
    path("prepayments/", prepayments.Drafts.as_view(), name="parking.api_drafts"),
    path("prepayments/<str:token>/", prepayments.Draft.as_view(), name="parking.api_draft"),
    path(
        "prepayments/<str:token>/candidates/",
        prepayments.Candidates.as_view(),
        name="parking.api_candidates",
    ),
    path("prepayments/<str:token>/berth/", prepayments.Choose.as_view(), name="parking.api_choose"),
    path(
        "prepayments/<str:token>/submit/", prepayments.Submit.as_view(), name="parking.api_submit"
    ),
    path("prepayments/<str:token>/pay/", prepayments.Pay.as_view(), name="parking.api_prepay"),
    path("berths/<str:berth_code>/", stays.AtBerth.as_view(), name="parking.api_berth"),
    path(
        "berths/<str:berth_code>/<str:tag>/",
        stays.AtSign.as_view(),
        name="parking.api_berth_here",
    ),
    path("stays/", stays.StayList.as_view(), name="parking.api_stay_list"),
    path("stays/<int:pk>/", stays.StayDetail.as_view(), name="parking.api_stay_detail"),
    path("stays/<int:pk>/close/", stays.Close.as_view(), name="parking.api_close"),
    path("stays/<int:pk>/void/", stays.Void.as_view(), name="parking.api_void"),
    path("stays/<int:pk>/plate/", stays.Correct.as_view(), name="parking.api_correct"),
    path("stays/<int:pk>/move/", stays.Move.as_view(), name="parking.api_move"),
    path("stays/<str:token>/", stays.ByLink.as_view(), name="parking.api_stay"),
    path("stays/<str:token>/pay/", stays.PayByLink.as_view(), name="parking.api_stay_pay"),
    path("sightings/<int:pk>/", reviews.SeenSighting.as_view(), name="parking.api_sighting"),
    path("reviews/", reviews.Reviews.as_view(), name="parking.api_reviews"),
    path("reviews/<int:pk>/", reviews.Review.as_view(), name="parking.api_review"),
    path("reviews/<int:pk>/settle/", reviews.Settle.as_view(), name="parking.api_settle"),
    path("reviews/<int:pk>/undo/", reviews.Undo.as_view(), name="parking.api_undo"),
]
