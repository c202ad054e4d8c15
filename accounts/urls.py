"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern, path

from accounts import account, log_in, own_data_pages, replies, views
from accounts import api as interfaces
from core.bodies import takes_photographs

owner: list[URLPattern] = [
    path("login/", log_in.StaffLogin.as_view(), name="accounts.login"),
    path("login/second/", log_in.second, name="accounts.second"),
    path("login/forgot/", log_in.forgot, name="accounts.forgot"),
    path("login/new/<str:token>/", log_in.new_password, name="accounts.new_password"),
    path("account/", account.account, name="accounts.account"),
    path("account/again/", log_in.again, name="accounts.again"),
    path("account/factor/", account.factor, name="accounts.factor"),
    path(
        "account/factor/<int:factor_id>/remove/",
        account.remove_factor,
        name="accounts.remove_factor",
    ),
    path("account/codes/", account.codes, name="accounts.codes"),
    path("account/password/", account.password, name="accounts.password"),
    path("account/phone/", account.phone, name="accounts.phone"),
    path("account/visits/end/", account.end_visit, name="accounts.end_visit"),
    path("me/login/", log_in.owner_login, name="accounts.owner_login"),
    path("me/plates/", views.plates, name="accounts.plates"),
    path(
        "me/plates/<int:holding_id>/show/",
        takes_photographs(views.show_plate),
        name="accounts.show_plate",
    ),
    path("me/plates/<int:holding_id>/share/", views.share_plate, name="accounts.share_plate"),
    path("me/plates/shares/<int:share_id>/end/", views.end_share, name="accounts.end_share"),
    path("me/plates/<int:holding_id>/end/", views.end_plate, name="accounts.end_plate"),
    path("privacy/", own_data_pages.privacy, name="accounts.privacy"),
    path("me/data/", own_data_pages.requests, name="accounts.own_data"),
    path(
        "me/data/<int:request_id>/withdraw/",
        own_data_pages.withdraw,
        name="accounts.withdraw_request",
    ),
    path("me/data/<int:request_id>/file/", own_data_pages.file, name="accounts.own_data_file"),
    path("logout/", log_in.log_out, name="accounts.logout"),
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
