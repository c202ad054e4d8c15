"""Who may see and do what in this interface: staff of a merchant theirs, the operator all."""

from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import selectors as people
from accounts.rules import may
from core.errors import Denied


def is_operator(request: Request) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_staff and user.has_perm("parking.change_reviewitem"))


def merchant_scope(request: Request, action: str) -> int | None:
    """The merchant whose rows this person may act on so; None means all (the operator).

    Raises Denied.
    """
    if is_operator(request):
        return None
    membership = people.membership_of(request.user)
    if membership is None or not may(membership.role, action):
        raise Denied()
    return membership.merchant_id


class LoggedIn(APIView):
    """For endpoints of staff and operator."""

    permission_classes = [IsAuthenticated]


def actor_of(request: Request) -> str:
    user: Any = request.user
    return user.actor if user.is_authenticated else "owner"
