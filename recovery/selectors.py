"""Questions about recovery orders."""

from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from arrears import selectors as arrears
from arrears.selectors import DebtFacts
from core import clock, links
from core.errors import LinkEnded, Missing
from core.plates import chip, same_vehicle
from devices import selectors as devices
from devices.states import CommandState
from parking import selectors as parking
from recovery.links import is_locks
from recovery.models import LockEvent, LockSign, RecoveryOrder
from recovery.states import MoveState, RecoveryState

MOST_NEEDS = 50
UNDER_WAY, TO_FETCH, TROUBLED = "open", "fetch", "alarm"  # groups of states, as pages ask for them
GROUPS = (UNDER_WAY, TO_FETCH, TROUBLED)
CODE_AFTER_S = 20  # a lock that is not down so long after the payment: the owner gets the code


def order_of_lock(code: str, tag: str) -> RecoveryOrder | None:
    """The order whose lock this is just now, for who brings the address on it; None while it serves
    nobody. Raises Missing for another address than its present one."""
    lock = devices.by_code(code)
    if lock is None:
        raise Missing()
    version = LockSign.objects.filter(device=lock).values_list("version", flat=True).first() or 1
    if not is_locks(tag, lock.code, version):
        raise Missing()
    fetched = [RecoveryState.MOVED, RecoveryState.CANCELLED]
    return RecoveryOrder.objects.filter(device=lock).exclude(state__in=fetched).last()


def orders_of(merchant_id: int, *, state: str = "") -> QuerySet[RecoveryOrder]:
    """One merchant's orders, newest first; `state` may also be one of GROUPS."""
    rows = RecoveryOrder.objects.filter(merchant_id=merchant_id)
    rows = rows.select_related("section", "berth", "device", "move", "settlement")
    return in_state(rows, state).order_by("-pk")


def in_state(rows: QuerySet[RecoveryOrder], state: str) -> QuerySet[RecoveryOrder]:
    """Those in a state or in one of GROUPS; all for ""."""
    if state == UNDER_WAY:
        return rows.filter(state__in=RecoveryOrder.OPEN)
    if state == TO_FETCH:
        return rows.filter(move__state=MoveState.OPEN)
    if state == TROUBLED:
        return rows.filter(_needs_a_person())
    return rows.filter(state=state) if state else rows


def _needs_a_person() -> Q:
    return Q(move__state=MoveState.OPEN, move__alarm_at__isnull=False) | (
        Q(state__in=RecoveryOrder.OPEN) & ~Q(problem="")
    )


def alarms(merchant_id: int | None = None) -> QuerySet[RecoveryOrder]:
    """Orders that need a person now: a lock in trouble, or one that nobody fetched."""
    rows = RecoveryOrder.objects.filter(_needs_a_person()).select_related("merchant", "berth")
    return rows.filter(merchant_id=merchant_id) if merchant_id else rows


def order_of(merchant_id: int, order_id: int) -> RecoveryOrder:
    """One of this merchant's orders. Raises Missing."""
    found = orders_of(merchant_id).filter(pk=order_id).first()
    if found is None:
        raise Missing("no_recovery")
    over = found.moved_at or found.ended_at
    if found.ended_at and over and clock.now() > over + links.STAYS_OPEN:
        raise LinkEnded
    return found


def order_by_code(merchant_id: int, code: str) -> RecoveryOrder:
    """One of this merchant's orders, by its number. Raises Missing."""
    found = orders_of(merchant_id).filter(code=code).first()
    if found is None:
        raise Missing("no_recovery")
    over = found.moved_at or found.ended_at
    if found.ended_at and over and clock.now() > over + links.STAYS_OPEN:
        raise LinkEnded
    return found


def order_by_token(token: str) -> RecoveryOrder:
    """The order that the code on the lock opens. Raises Missing; LinkEnded two weeks after it
    ended and the lock was taken away."""
    rows = RecoveryOrder.objects.filter(token=token)
    rows = rows.select_related("merchant", "section", "berth", "device", "settlement", "move")
    found = rows.first()
    if found is None:
        raise Missing("no_recovery")
    over = found.moved_at or found.ended_at
    if found.ended_at and over and clock.now() > over + links.STAYS_OPEN:
        raise LinkEnded
    return found


def debts_of(order: RecoveryOrder) -> list[dict[str, Any]]:
    """What an order is for, as it stands now: amount, place, time, evidence, live or not."""
    debts = bound_debts(order)
    stays = parking.stays([debt.stay_id for debt in debts])
    return [
        {
            "id": debt.id,
            "stay_id": debt.stay_id,
            "amount_fen": debt.amount_fen,
            "state": debt.state,
            "live": is_live(debt),
            "place": f"{debt.section_name} {debt.berth_code}",
            "arrived_at": debt.arrived_at,
            "left_at": debt.left_at,
            "evidence": stays[debt.stay_id].evidence,
        }
        for debt in debts
    ]


def lock_of(order: RecoveryOrder) -> dict[str, Any]:
    """The lock as it last said it is."""
    device = order.device
    return {
        "code": device.code,
        "online": device.online,
        "position": device.facts.get("position") or "",
        "battery_pct": device.facts.get("battery_pct"),
        "last_heard_at": device.last_heard_at,
    }


def lock_events(order: RecoveryOrder) -> QuerySet[LockEvent]:
    """What the lock said, oldest first."""
    return order.lock_events.order_by("pk")


def release_code_ready(order: RecoveryOrder) -> bool:
    """Whether the owner may be shown the code that lowers the lock without network (P1.5): the
    order has ended, and the lock did not say within some seconds that it is down."""
    if order.state not in RecoveryOrder.ENDING or order.ended_at is None:
        return False
    command = devices.command(order.lower_command) if order.lower_command else None
    waits = command is not None and (clock.real() - command.created_at).total_seconds()
    waiting = order.device.online and waits is not False and waits < CODE_AFTER_S
    if waiting and order.late_at is None:
        return False
    return devices.has_release_code(device_id=order.device_id, order_code=order.code)


def locks_of(merchant_id: int) -> list[dict[str, Any]]:
    """The merchant's locks with what keeps each from being used."""
    busy = set(
        RecoveryOrder.objects.filter(
            merchant_id=merchant_id, state__in=RecoveryOrder.OPEN
        ).values_list("device_id", flat=True)
    )
    return [
        {
            "id": device.pk,
            "code": device.code,
            "name": device.name,
            "online": device.online,
            "position": device.facts.get("position") or "",
            "battery_pct": device.facts.get("battery_pct"),
            "busy": device.pk in busy,
        }
        for device in devices.devices_able(merchant_id, lambda kind: kind.is_lock)
    ]


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """Locks that this merchant must see to, for the queue on the street's page: to fetch (P1.6),
    in trouble, or up."""
    rows = orders_of(merchant_id, state=UNDER_WAY).filter(
        Q(move__state=MoveState.OPEN) | ~Q(problem="") | Q(state=RecoveryState.RAISED)
    )
    return [_need(order) for order in rows[:MOST_NEEDS]]


def _need(order: RecoveryOrder) -> dict[str, Any]:
    move = getattr(order, "move", None)
    overdue = move is not None and move.alarm_at is not None
    if order.problem:
        text = problem_text(order.problem)
    elif move is None:
        text = _("The lock is up.")
    elif order.lowered_at:
        text = _("The lock is down. Fetch it.")
    else:
        text = lowering_text(order)
    return {
        "order": order.pk,
        "since": order.ended_at or order.raised_at or order.bound_at,
        "plate": chip(order.plate),
        "compare": order.state in RecoveryOrder.OPEN,
        "title": f"{order.section.name} {order.berth.number}",
        "text": text,
        "tag": _("Lock overdue") if overdue else _("Lock"),
        "tone": "signal" if overdue or order.problem else "amber",
        "url": reverse("recovery.detail", args=[order.pk]),
    }


def owner_notices(about: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """For pages about these (payable, id) pairs: a lock that is up before the vehicle of a stay, or
    for the debt that a stay left, or on its way down."""
    stays = [pk for payable, pk in about if payable == "parking.stay"]
    orders = [pk for payable, pk in about if payable == "recovery.order"]
    rows = RecoveryOrder.objects.filter(
        Q(stay_id__in=stays) | Q(bound__stay_id__in=stays) | Q(pk__in=orders),
        state__in=[
            RecoveryState.RAISING,
            RecoveryState.RAISED,
            *RecoveryOrder.ENDING,
            RecoveryState.LOWERED,
        ],
    )
    notices = []
    shown = [
        order
        for order in rows.select_related("stay").distinct().order_by("pk")
        if order.pk in orders
        or (order.stay_id in stays and same_vehicle(order.stay.plate, order.plate))
        or own_stays(order) & {*stays}
    ]
    for order in shown:
        if order.state in RecoveryOrder.STANDING:
            text = _("A lock stands before this vehicle. It goes down once its fees are paid.")
            verb = _("See why, pay or object")
        elif order.state == RecoveryState.LOWERED:
            text, verb = _("The lock is down. Drive off slowly."), _("Look at the lock")
        else:
            text, verb = lowering_text(order), _("Look at the lock")
        notices.append(
            {
                "text": text,
                "verb": verb,
                "url": reverse("recovery.order", args=[order.token]),
                "topic": f"recovery:{order.pk}",
                "tone": "leaf" if order.state == RecoveryState.LOWERED else "amber",
            }
        )
    return notices + _left_behind(stays, but={order.pk for order in shown})


def _left_behind(stay_ids: Collection[int], *, but: Collection[int]) -> list[dict[str, Any]]:
    """For who stands where a lock for another vehicle is not down yet: why, and whom to call.

    Nothing is said of the other vehicle.
    """
    berths = {one.berth_id for one in parking.stays(stay_ids).values() if one.left_at is None}
    rows = RecoveryOrder.objects.filter(berth_id__in=berths, state__in=RecoveryOrder.ENDING)
    rows = rows.exclude(pk__in=but).select_related("merchant").order_by("pk")
    return [
        {
            "text": _(
                "A lock at this berth was meant for a vehicle before yours and is being lowered. "
                "Nothing is asked of you for it. Do not drive over it; help by phone: %(phone)s"
            )
            % {"phone": order.merchant.help_phone or "12328"},
            "verb": "",
            "url": "",
            "topic": f"recovery:{order.pk}",
            "tone": "signal",
        }
        for order in rows
        if is_up(order)
    ]


def lowering_text(order: RecoveryOrder) -> str:
    """How far the lowering of an ended order is: what the command's row and the lock have said."""
    if order.lowered_at is not None or order.lock_position == "lowered":
        return _("The lock is down.")
    if order.state == RecoveryState.LOWERING and order.lock_position == "lowering":
        return _("The lock is going down.")
    command = devices.command(order.lower_command) if order.lower_command else None
    if command is None or command.state == CommandState.QUEUED:
        return _("The lock has not been reached yet; it is told as soon as it answers.")
    if command.state == CommandState.SENT:
        return _("The lock is being told; it has not answered yet.")
    if command.state == CommandState.ACKNOWLEDGED:
        return _("The lock has been told to go down.")
    if command.state == CommandState.DONE:
        return _("The lock says that it has gone down.")
    return _("The lock did not go down when it was told.")


def problem_text(problem: str) -> str:
    """What is wrong with an order's lock, as a sentence."""
    texts = {
        "expired": _("The lock did not answer in time."),
        "late": _("The lock is not down in time. Lower it by hand, take the manual key along."),
        "left": _("The vehicle has left a lock that was up. It was ordered down: look there."),
        "another_vehicle": _("Another vehicle stands at a lock that is not down. Go there now."),
        "jam": _("The lock is jammed. Take the manual key along."),
        "jammed": _("The lock is jammed. Take the manual key along."),
        "not_lowered": _("The lock did not say that it went down."),
        "obstruction": _("Something is in the lock's way."),
        "low_battery": _("The lock's battery is too low."),
        "up_again": _("The lock is up although it should be down. It has been told again."),
        "up_unasked": _("The lock went up without being told. It has been told to go down."),
        "lease": _("The lock lost contact and lowered itself."),
        "power_loss": _("The lock lost power and lowered itself."),
        "tamper": _("Somebody has moved the lock by force."),
        "timeout": _("The lock took too long and lowered itself."),
    }
    return texts.get(problem) or _("The lock could not do it: %(why)s") % {"why": problem}


def is_up(order: RecoveryOrder) -> bool:
    """Whether the lock may stand up: it was sent up, and nothing has said since that it is down. A
    jammed one is fetched with the manual key."""
    going = order.state in (RecoveryState.RAISING, RecoveryState.RAISED, *RecoveryOrder.ENDING)
    down = order.lock_position in ("lowered", "jammed") or order.problem == "jammed"
    return going and order.raising_at is not None and not down


def is_live(debt: DebtFacts) -> bool:
    """Whether this debt is still asked for, or held by an objection."""
    return debt.is_open or debt.disputed


def has_live_debts(order: RecoveryOrder) -> bool:
    """Whether any of the debts that an order is for still is, and is its vehicle's."""
    return arrears.any_live(debt.id for debt in bound_debts(order))


def bound_debts(order: RecoveryOrder) -> list[DebtFacts]:
    """The debts that an order is for, as they stand now. One whose stay turned out to be another
    vehicle's is not among them any more (docs/rules.md L4, L10)."""
    found = arrears.debts(list(order.bound.values_list("debt_id", flat=True)))
    return [debt for debt in found if same_vehicle(debt.plate, order.plate)]


def own_stays(order: RecoveryOrder) -> set[int]:
    """The stays that an order is for and that are its vehicle's, by what their plates are now."""
    stays = parking.stays(order.bound.values_list("stay_id", flat=True))
    return {pk for pk, stay in stays.items() if same_vehicle(stay.plate, order.plate)}


def portal_path_of_order(order_id: int) -> str:
    """The page of the merchant's portal that shows a recovery order and its photographs."""
    return reverse("recovery.detail", args=[order_id])
