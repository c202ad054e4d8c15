"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from accounts import api as interfaces
from accounts import replies, views
from core.bodies import takes_photographs

owner: list[URLPattern] = [
    path("login/", views.StaffLogin.as_view(), name="accounts.login"),
    path("me/login/", views.owner_login, name="accounts.owner_login"),
    path("me/plates/", views.plates, name="accounts.plates"),
    path(
        "me/plates/<int:holding_id>/show/",
        takes_photographs(views.show_plate),
        name="accounts.show_plate",
    ),
    path("me/plates/<int:holding_id>/share/", views.share_plate, name="accounts.share_plate"),
    path("me/plates/shares/<int:share_id>/end/", views.end_share, name="accounts.end_share"),
    path("me/plates/<int:holding_id>/end/", views.end_plate, name="accounts.end_plate"),
    path("logout/", views.log_out, name="accounts.logout"),
]
merchant: list[URLPattern] = [
    path("proposals/", views.proposals, name="accounts.proposals"),
    path("proposals/<int:proposal_id>/", views.answer_proposal, name="accounts.answer_proposal"),
]
api: list[URLPattern] = [
    path("proposals/", interfaces.Proposals.as_view(), name="accounts.api_proposals"),
    path("proposals/<int:pk>/approve/", interfaces.Approve.as_view(), name="accounts.api_approve"),
    path("proposals/<int:pk>/refuse/", interfaces.Refuse.as_view(), name="accounts.api_refuse"),
    path(
        "proposals/<int:pk>/withdraw/", interfaces.Withdraw.as_view(), name="accounts.api_withdraw"
    ),
    path("receipts/<str:provider>/", interfaces.receipts, name="accounts.receipts"),
    path(
        "texts/replies/<str:provider>/<str:secret>/",
        replies.replies,
        name="accounts.text_replies",
    ),
]
