"""Questions about people, merchants and plates."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import Membership, Merchant, PlateHolding, PlateShare, Proposal, User
from accounts.rules import may, may_give
from accounts.states import HoldingState, ProposalState, ShareState
from core import personal
from core.plates import Plate
from core.vehicles import of_vehicle


def user(user_id: int) -> User:
    """The person; raises User.DoesNotExist."""
    return User.objects.get(pk=user_id)


def by_phone(phone: str) -> User | None:
    """The vehicle owner who logs in with this phone, given as 11 digits."""
    return User.objects.filter(phone_digest=personal.digest(phone)).first()


def names_of(user_ids: Collection[int]) -> dict[int, str]:
    """The log-in names of those of them who are staff; an owner's is nobody's business."""
    staff = User.objects.filter(Q(is_staff=True) | Q(memberships__isnull=False), pk__in=user_ids)
    return dict(staff.values_list("pk", "username"))


def name_of(actor: str) -> str:
    """The log-in name of the staff who acted so; who else it was as the trail writes it."""
    kind, _colon, number = actor.partition(":")
    names = names_of([int(number)]) if kind == "user" and number.isdigit() else {}
    return next(iter(names.values()), actor)


def merchant(merchant_id: int) -> Merchant:
    """The merchant; raises Merchant.DoesNotExist."""
    return Merchant.objects.get(pk=merchant_id)


def merchants() -> QuerySet[Merchant]:
    """All merchants, by name."""
    return Merchant.objects.order_by("name", "pk")


def posts_of(merchant_id: int) -> list[tuple[int, str]]:
    """Who works for this merchant and can log in, each with their role."""
    rows = Membership.objects.filter(merchant=merchant_id, user__is_active=True)
    return list(rows.order_by("pk").values_list("user_id", "role"))


def merchant_by_code(code: str) -> Merchant | None:
    return Merchant.objects.filter(code=code).first()


def works_here(user: User) -> bool:
    """Whether this person is of the desk, or of any merchant."""
    return user.is_staff or Membership.objects.filter(user_id=user.pk).exists()


def membership_of(user: User | AnonymousUser, merchant_id: int | None = None) -> Membership | None:
    """The person's work for this merchant, or their first where none is named; one query.

    It says also whether proposals wait there (`proposals_wait`), and whether answers to this
    person's have not been shown yet (`answers_untold`).
    """
    if not user.is_authenticated:
        return None
    asked = Proposal.objects.filter(merchant=OuterRef("merchant"), state=ProposalState.ASKED)
    told = Proposal.objects.filter(asked_by=f"user:{user.pk}", told_at=None)
    rows = Membership.objects.filter(user_id=user.pk).select_related("merchant").order_by("pk")
    rows = rows.annotate(
        proposals_wait=Exists(asked), answers_untold=Exists(told.filter(decided_at__isnull=False))
    )
    return (rows.filter(merchant_id=merchant_id) if merchant_id else rows).first()


def merchant_for(user: User | AnonymousUser) -> Merchant | None:
    """The merchant whose portal this person sees."""
    membership = membership_of(user)
    return membership.merchant if membership else None


def roles_of(user: User) -> list[str]:
    """What this person does for merchants."""
    return list(Membership.objects.filter(user_id=user.pk).values_list("role", flat=True))


def role_of(user: User | AnonymousUser, merchant_id: int) -> str | None:
    membership = membership_of(user, merchant_id)
    return membership.role if membership else None


def phones_of_staff(merchant_id: int, deed: str) -> list[tuple[int, str]]:
    """(person, phone) of those who work for this merchant, may do `deed` and have a phone."""
    rows = Membership.objects.filter(merchant_id=merchant_id, user__is_active=True)
    found = [row for row in rows.select_related("user").order_by("pk") if may(row.role, deed)]
    return [(row.user_id, row.user.phone) for row in found if row.user.phone]


def may_manage(person: User, other: User) -> bool:
    """Whether `person` may change the account of `other`, who holds no right that they do not."""
    if person.is_superuser or person.pk == other.pk:
        return True
    return not other.is_superuser and _rights(person) >= _rights(other)


def _rights(person: User) -> set[int]:
    """What a person was given, themselves or by a group, whether or not they may log in now."""
    given = Q(user=person) | Q(group__user=person)
    return set(Permission.objects.filter(given).values_list("pk", flat=True))


def may_appoint(person: User, *, merchant_id: int | None, role: str) -> bool:
    """Whether `person` may give this role at this merchant, or take it away.

    Nobody but a superuser has a role at a merchant that is only being made (None).
    """
    own = role_of(person, merchant_id) if merchant_id else None
    return person.is_superuser or may_give(own, role)


def may_remove(person: User, other: User) -> bool:
    """Whether `person` may delete the account of `other`, with all the roles it has."""
    return may_manage(person, other) and all(
        may_appoint(person, merchant_id=post.merchant_id, role=post.role)
        for post in Membership.objects.filter(user=other)
    )


def rights_of(person: User) -> dict[str, Any]:
    """What a person may do on the desk, in the words of the audit trail."""
    user = User.objects.get(pk=person.pk)
    given = user.user_permissions.values_list("content_type__app_label", "codename")
    return {
        "active": user.is_active,
        "desk": user.is_staff,
        "superuser": user.is_superuser,
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "rights": sorted(".".join(one) for one in given),
    }


def holder_of(plate_text: str, plate_colour: str) -> User | None:
    """The person who has shown to hold this vehicle's plate now; None where nobody has, or where
    a plate without a colour can be the vehicle of two."""
    plate = Plate.of(plate_text, plate_colour) if plate_text else None
    rows = PlateHolding.objects.filter(of_vehicle(plate), state=PlateHolding.State.PROVEN)
    found = list(rows.select_related("user").order_by("pk"))
    exactly = [one for one in found if one.plate_colour == plate_colour]
    people = {one.user_id: one.user for one in exactly or found}
    return next(iter(people.values())) if len(people) == 1 else None


def colours_held(plate_text: str) -> set[str]:
    """The colours in which people have shown to hold a plate with this text."""
    rows = PlateHolding.objects.filter(plate_text=plate_text, state=PlateHolding.State.PROVEN)
    return set(rows.values_list("plate_colour", flat=True))


def holding(holding_id: int) -> PlateHolding:
    """One holding, in whatever state; raises PlateHolding.DoesNotExist."""
    return PlateHolding.objects.get(pk=holding_id)


def holdings_of(user: User) -> list[PlateHolding]:
    """The plates a person holds or says to hold, proven ones first."""
    rows = PlateHolding.objects.filter(user=user).exclude(state=PlateHolding.State.ENDED)
    running = PlateShare.objects.filter(state=ShareState.RUNNING).select_related("user")
    rows = rows.prefetch_related(Prefetch("shares", running.order_by("pk"), to_attr="running"))
    return sorted(rows, key=lambda row: (row.state != HoldingState.PROVEN, row.pk))


def proven_since(user: User) -> list[tuple[str, str, datetime]]:
    """(text, colour) of the plates this person has shown to hold, and since when."""
    rows = PlateHolding.objects.filter(user=user, state=PlateHolding.State.PROVEN)
    return [
        (one.plate_text, one.plate_colour, one.proven_at)
        for one in rows.order_by("pk")
        if one.proven_at is not None
    ]


def shared_with(user: User) -> list[PlateShare]:
    """The plates that others let this person see."""
    rows = PlateShare.objects.filter(user=user, state=ShareState.RUNNING)
    return list(rows.select_related("holding").order_by("pk"))


def plates_seen_by(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """(text, colour) of the plates whose bills this person may see: their own, and shared ones."""
    own = proven_plates_of(user)
    if not isinstance(user, User):
        return own
    shared = [(one.holding.plate_text, one.holding.plate_colour) for one in shared_with(user)]
    return [*own, *(one for one in shared if one not in own)]


def proven_plates_of(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """(text, colour) of the plates this person has shown to hold."""
    if not user.is_authenticated:
        return []
    rows = PlateHolding.objects.filter(user_id=user.pk, state=PlateHolding.State.PROVEN)
    return list(rows.order_by("pk").values_list("plate_text", "plate_colour"))
