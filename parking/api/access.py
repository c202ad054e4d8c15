"""Who may see and do what here: a merchant's staff with theirs, the desk's people with all."""

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import guards


def scope_of(request: Request, action: str, *, right: str) -> int | None:
    """The merchant whose rows may be acted on so; None means all, by this right of `parking`.

    Raises Denied.
    """
    return guards.merchant_scope(request.user, action, right=f"parking.{right}")


class LoggedIn(APIView):
    """For endpoints of staff and operator."""

    permission_classes = [IsAuthenticated]
