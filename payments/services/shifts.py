"""Shifts of those who take cash: begun with a count, ended with one, handed to another person."""

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import selectors as people
from accounts.rules import may
from core import audit, clock, live, locks
from core.errors import Invalid, Missing
from core.transition import transition
from payments.errors import AnotherReceives, CountDiffers, ShiftBegun, ShiftOver
from payments.models import CashShift
from payments.rules import Entry, counter_account, differences_account
from payments.selectors.shifts import expected_fen
from payments.services.books import post
from payments.states import ShiftState

PERSON = "user:"


@transaction.atomic
def begin_shift(*, merchant_id: int, opening_fen: int, actor: str) -> CashShift:
    """A person begins to take cash, with so much change in the drawer.

    Said twice it is one shift. Raises ShiftBegun where one is under way that began otherwise.
    """
    begun = _begin(merchant_id=merchant_id, opening_fen=opening_fen, actor=actor)
    if begun is not None:
        return begun
    under_way = _under_way(merchant_id, actor).first()
    if under_way is None or under_way.opening_fen != opening_fen:
        raise ShiftBegun()
    return under_way


def shift_with_cash(*, actor: str, merchant_id: int) -> CashShift | None:
    """The shift of a person who has cash in hand, locked; one begins where none is under way.
    None for who is no person. In a transaction, after the order."""
    if not actor.startswith(PERSON):
        return None
    while True:  # it may be counted between the look and the lock
        found = locks.lock(_under_way(merchant_id, actor))
        if found:
            return found[0]
        _begin(merchant_id=merchant_id, opening_fen=0, actor=actor)


def _begin(*, merchant_id: int, opening_fen: int, actor: str) -> CashShift | None:
    try:
        with transaction.atomic():
            shift = CashShift.objects.create(
                merchant_id=merchant_id,
                person=actor,
                opening_fen=opening_fen,
                opened_at=clock.now(),
            )
    except IntegrityError:  # another request of the same person was first
        return None
    audit.record(shift, "begun", actor=actor, opening_fen=opening_fen)
    live.push(f"merchant:{merchant_id}")
    return shift


def _under_way(merchant_id: int, actor: str) -> QuerySet[CashShift]:
    return CashShift.objects.filter(merchant=merchant_id, person=actor, state=ShiftState.OPEN)


def count_shift(
    *, shift_id: int, merchant_id: int, counted_fen: int, why: str, actor: str
) -> CashShift:
    """The drawer is counted, the shift is over; what differs stands in the books, with a reason.

    Raises Missing, ShiftOver; CountDiffers where it differs and nobody says why: nothing is over
    then, and the trail keeps that it was counted so.
    """
    with transaction.atomic():
        shift = _locked(shift_id, merchant_id)
        if shift.state != ShiftState.OPEN:
            if (shift.counted_fen, shift.counted_by) == (counted_fen, actor):
                return shift  # said twice
            raise ShiftOver()
        difference_fen = counted_fen - expected_fen(shift)
        if difference_fen and not why.strip():
            audit.record(shift, "counted otherwise", actor=actor, difference_fen=difference_fen)
        else:
            _end(shift, counted_fen, difference_fen, why.strip() if difference_fen else "", actor)
            return shift
    raise CountDiffers(difference_fen)


def _end(shift: CashShift, counted_fen: int, difference_fen: int, why: str, actor: str) -> None:
    transition(
        shift,
        source=ShiftState.OPEN,
        target=ShiftState.COUNTED,
        actor=actor,
        reason=why[:200],
        counted_at=clock.now(),
        counted_by=actor,
        counted_fen=counted_fen,
        difference_fen=difference_fen,
        why=why[:200],
    )
    _book(shift, "counted", difference_fen, why)
    live.push(f"merchant:{shift.merchant_id}")


@transaction.atomic
def receive_shift(
    *, shift_id: int, merchant_id: int, received_fen: int, why: str, actor: str
) -> CashShift:
    """Another person has the counted money: in their own drawer where their shift is under way,
    else in the safe.

    Raises Missing, ShiftOver, AnotherReceives; Invalid where it is another sum than was counted and
    nobody says why.
    """
    mine = _under_way(merchant_id, actor).values_list("pk", flat=True).first()
    rows = CashShift.objects.filter(merchant=merchant_id, pk__in=[shift_id, mine or 0])
    found = {row.pk: row for row in locks.lock(rows)}
    shift = found.get(shift_id)
    if shift is None:
        raise Missing()
    if shift.state != ShiftState.COUNTED:
        if (shift.received_fen, shift.received_by) == (received_fen, actor):
            return shift
        raise ShiftOver()
    if actor in (shift.person, shift.counted_by) and _somebody_else(shift, actor):
        raise AnotherReceives()
    own = found.get(mine or 0)
    into = own if own is not None and own.state == ShiftState.OPEN else None
    assert shift.counted_fen is not None
    difference_fen = received_fen - shift.counted_fen
    if difference_fen and not why.strip():
        raise Invalid("no_reason", CountDiffers(difference_fen).message)
    transition(
        shift,
        source=ShiftState.COUNTED,
        target=ShiftState.RECEIVED,
        actor=actor,
        reason=why.strip()[:200],
        received_at=clock.now(),
        received_by=actor,
        received_fen=received_fen,
        received_why=why.strip()[:200] if difference_fen else "",
        received_into=into,
    )
    _book(shift, "received", difference_fen, why.strip())
    live.push(f"merchant:{merchant_id}")
    return shift


def _locked(shift_id: int, merchant_id: int) -> CashShift:
    found = locks.lock(CashShift.objects.filter(pk=shift_id, merchant=merchant_id))
    if not found:
        raise Missing()
    return found[0]


def _somebody_else(shift: CashShift, actor: str) -> bool:
    """Whether anybody but who counted could receive it: a merchant may be one person."""
    return any(
        may(role, "cash") and f"user:{user_id}" not in (actor, shift.person)
        for user_id, role in people.posts_of(shift.merchant_id)
    )


def _book(shift: CashShift, step: str, difference_fen: int, why: str) -> None:
    if not difference_fen:
        return
    post(
        key=f"{step}:{shift.pk}",
        entries=[
            Entry(counter_account(shift.merchant_id), difference_fen),
            Entry(differences_account(shift.merchant_id), -difference_fen),
        ],
        note=why[:200],
    )
