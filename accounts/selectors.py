"""Questions about people, merchants and plates."""

from collections.abc import Collection

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from accounts.models import Membership, Merchant, PlateHolding, User
from accounts.states import HoldingState


def user(user_id: int) -> User:
    """The person; raises User.DoesNotExist."""
    return User.objects.get(pk=user_id)


def names_of(user_ids: Collection[int]) -> dict[int, str]:
    """The log-in names of those of them who are staff; an owner's is nobody's business."""
    staff = User.objects.filter(Q(is_staff=True) | Q(memberships__isnull=False), pk__in=user_ids)
    return dict(staff.values_list("pk", "username"))


def merchant(merchant_id: int) -> Merchant:
    """The merchant; raises Merchant.DoesNotExist."""
    return Merchant.objects.get(pk=merchant_id)


def merchant_by_code(code: str) -> Merchant | None:
    return Merchant.objects.filter(code=code).first()


def membership_of(user: User | AnonymousUser, merchant_id: int | None = None) -> Membership | None:
    """The person's work for this merchant, or their first where none is named; one query."""
    if not user.is_authenticated:
        return None
    rows = Membership.objects.filter(user_id=user.pk).select_related("merchant").order_by("pk")
    return (rows.filter(merchant_id=merchant_id) if merchant_id else rows).first()


def merchant_for(user: User | AnonymousUser) -> Merchant | None:
    """The merchant whose portal this person sees."""
    membership = membership_of(user)
    return membership.merchant if membership else None


def role_of(user: User | AnonymousUser, merchant_id: int) -> str | None:
    membership = membership_of(user, merchant_id)
    return membership.role if membership else None


def holder_of(plate_text: str, plate_colour: str) -> User | None:
    """The person who has shown to hold this plate now; None where nobody has."""
    rows = PlateHolding.objects.filter(
        plate_text=plate_text, plate_colour=plate_colour, state=PlateHolding.State.PROVEN
    )
    holding = rows.select_related("user").first()
    return holding.user if holding else None


def holdings_of(user: User) -> list[PlateHolding]:
    """The plates a person holds or says to hold, proven ones first."""
    rows = PlateHolding.objects.filter(user=user).exclude(state=PlateHolding.State.ENDED)
    return sorted(rows, key=lambda row: (row.state != HoldingState.PROVEN, row.pk))


def proven_plates_of(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """(text, colour) of the plates this person has shown to hold."""
    if not user.is_authenticated:
        return []
    rows = PlateHolding.objects.filter(user_id=user.pk, state=PlateHolding.State.PROVEN)
    return list(rows.order_by("pk").values_list("plate_text", "plate_colour"))
