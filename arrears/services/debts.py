"""From leaving unpaid to the debt, and out of it again (P3.1, P3.2)."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.services import Weight, by_two
from arrears.errors import DebtMoved
from arrears.events import DebtDropped, DebtOpened, DebtPaid, DebtRaised, PayWindowEnded
from arrears.models import Debt, Demand, PayWindow
from arrears.selectors.questions import held_by, is_owed, under_way
from arrears.services import assistance, demands, listing, looks, watches, windows
from arrears.services.stays import locked, locked_one
from arrears.states import DebtState, DemandState, PayWindowState, PlanState, WatchState
from core import clock, live, outbox
from core.errors import Invalid
from core.transition import transition
from parking import selectors as parking
from parking import services as parking_services
from parking.states import StayState
from payments.rules import Receipt

log = logging.getLogger("bowei.arrears")
SYSTEM = "system:arrears.debts"


# ── The debt ─────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def open_debt(*, stay_id: int, actor: str = SYSTEM) -> Debt | None:
    """The window has ended and nothing was paid: a debt. None where something was, or is held.

    The stay is locked before it is read, so a payment at the same instant either came first or
    waits and then clears the debt that it finds (P3.1).
    """
    facts = locked_one(stay_id)
    window = PayWindow.objects.filter(stay_id=stay_id, state=PayWindowState.ENDED).first()
    if window is None or not is_owed(facts):
        return None
    if not windows.is_of(window, facts):  # corrected at this instant
        windows.renew_for_another(facts, actor=actor)
        return None
    if held_by(facts):  # asked at this instant: the answer begins the whole time anew
        windows.hold([stay_id], actor=actor, reason="a question is open")
        return None
    if under_way([stay_id]):  # begun at this instant: looked at again with the windows
        windows.reopen(window, due_at=clock.now() + windows.PATIENCE, reason="being paid")
        return None
    debt, created = Debt.objects.get_or_create(
        stay_id=stay_id,
        defaults={
            "merchant_id": facts.merchant_id,
            "section_id": facts.section_id,
            "plate_text": facts.plate_text,
            "plate_colour": facts.plate_colour,
            "amount_fen": facts.due_fen,
            "opened_at": clock.now(),
        },
    )
    if not created:
        moved = transition(
            debt,
            source=[DebtState.PAID, DebtState.CANCELLED],
            target=DebtState.OPEN,
            actor=actor,
            reason="due again",
            amount_fen=facts.due_fen,
            opened_at=clock.now(),
            demanded_at=None,
            demanded_fen=None,
            raised_from_fen=None,
            raised_why="",
            ended_at=None,
            plate_text=facts.plate_text,
            plate_colour=facts.plate_colour,
        )
        if not moved:
            return None
    looks.want(debt)
    outbox.add(DebtOpened(debt.pk))
    listing.relist(debt.plate_text, debt.plate_colour, actor=actor)
    live.push(f"merchant:{debt.merchant_id}")
    return debt


def clear_debts(receipt: Receipt, left_fen: int) -> int:
    """Settle function of "parking.stay": what hangs on a stay that was just settled ends with it.

    Takes no money itself. Runs in the payment's transaction: the debt is paid, the vehicle leaves
    the list, notices, watches, plans and waiting messages stop, all with the payment or not at all.
    """
    clear_debts_of_stays([receipt.subject_id], actor=receipt.actor, paid_at=receipt.paid_at)
    return 0


@transaction.atomic(savepoint=False)
def clear_debts_of_stays(
    stay_ids: Collection[int], *, actor: str, paid_at: datetime | None = None
) -> list[int]:
    """Bring debts in line with these stays' payments; the debts that this call cleared.

    A stay that was paid in part keeps its debt, at the amount that is left. A debt that was opened
    after `paid_at`, because we heard of the payment later, never was (docs/rules.md L5).
    """
    stays = parking_services.lock_stays(stay_ids)
    settled = [pk for pk, (state, _due_fen) in stays.items() if state == StayState.SETTLED]
    now = clock.now()
    partly = {pk: due_fen for pk, (state, due_fen) in stays.items() if state == StayState.DUE}
    plates = set(_plates_of([*settled, *partly]))
    for debt in Debt.objects.filter(stay_id__in=partly, state__in=Debt.LIVE).order_by("pk"):
        _follow_fee(debt, partly[debt.stay_id], actor=actor)
        if how := parking.confirmed_by_owner(debt.stay_id):
            looks.confirm([debt.pk], how=how, actor=actor)
    transition(
        PayWindow.objects.filter(stay_id__in=settled),
        source=list(PayWindow.LIVE),
        target=PayWindowState.PAID,
        actor=actor,
    )
    debts = Debt.objects.filter(stay_id__in=settled)
    cleared = []
    if paid_at is not None:
        cleared = transition(
            debts.filter(opened_at__gt=paid_at),
            source=list(Debt.LIVE),
            target=DebtState.CANCELLED,
            actor=actor,
            reason="paid in time, told later",
            event=partial(DebtDropped, reason="paid_in_time"),
            ended_at=now,
        )
    cleared += transition(
        debts,
        source=list(Debt.LIVE),
        target=DebtState.PAID,
        actor=actor,
        event=DebtPaid,
        ended_at=now,
    )
    watches.end(settled, target=WatchState.PAID, actor=actor)
    assistance.stop(settled, target=PlanState.PAID, why=PlanState.PAID, actor=actor)
    looks.drop(cleared, actor=actor)
    _drop_demands(cleared, actor=actor)
    _relist(plates, actor=actor)
    return cleared


def _plates_of(stay_ids: Collection[int]) -> list[tuple[str, str]]:
    rows = Debt.objects.filter(stay_id__in=list(stay_ids), state__in=Debt.LIVE)
    return list(rows.values_list("plate_text", "plate_colour"))


def _relist(plates: Iterable[tuple[str, str]], *, actor: str, reason: str = "") -> None:
    for text, colour in sorted(set(plates)):
        listing.relist(text, colour, actor=actor, reason=reason)


def _drop_demands(debt_ids: Collection[int], *, actor: str) -> None:
    """Demands all of whose debts are over are not delivered any more; a queued text is recalled."""
    if not debt_ids:
        return
    touched = Demand.objects.filter(
        debts__in=list(debt_ids), state__in=[DemandState.MADE, DemandState.SENDING]
    )
    for demand in touched.distinct():
        if not demand.debts.filter(state__in=Debt.LIVE).exists():
            assistance.recall(f"demand:{demand.pk}", actor=actor)
            transition(
                demand,
                source=[DemandState.MADE, DemandState.SENDING],
                target=DemandState.DROPPED,
                actor=actor,
            )


# ── Out of it without a payment ──────────────────────────────────────────────────────────────
def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid(
            "no_reason", _("Say why."), fields={"reason": _("Say why, for who looks later.")}
        )


def _weight_of_waiving(*, actor: str, debt_id: int, reason: str) -> Weight:
    """What is due, and what was paid in part, since the stay goes with it."""
    _need_reason(reason)
    debt = Debt.objects.get(pk=debt_id)
    if debt.state not in Debt.LIVE:
        return Weight(debt.merchant_id, 0)
    fen, about = parking_services.void_weight([debt.stay_id])
    return Weight(debt.merchant_id, fen, about)


@by_two(
    "arrears.waive_debt",
    word=_("Waive a debt"),
    right="parking.void_parkingsession",
    role="void_stay",
    subject="debt_id",
    weigh=_weight_of_waiving,
)
@transaction.atomic
def waive_debt(*, debt_id: int, actor: str, reason: str) -> None:
    """The creditor asks for it no more. Raises DebtMoved, Invalid without a reason.

    The stay is cancelled with it, so that nothing asks for it again; what was paid goes back.
    """
    _need_reason(reason)
    debt = Debt.objects.get(pk=debt_id)
    locked([debt.stay_id])
    moved = drop([debt_id], target=DebtState.WAIVED, actor=actor, reason=reason)
    if not moved:
        raise DebtMoved()


def drop(debt_ids: Collection[int], *, target: DebtState, actor: str, reason: str) -> list[int]:
    """End live debts without money; the stays' locks are held. `arrears.debt_dropped` for each."""
    debts = {debt.pk: debt for debt in Debt.objects.filter(pk__in=list(debt_ids))}
    word = "waived" if target == DebtState.WAIVED else "upheld"
    moved = transition(
        Debt.objects.filter(pk__in=list(debts)),
        source=list(Debt.LIVE),
        target=target,
        actor=actor,
        reason=reason[:300],
        event=partial(DebtDropped, reason=word),
        ended_at=clock.now(),
    )
    stay_ids = [debts[pk].stay_id for pk in moved]
    transition(
        PayWindow.objects.filter(stay_id__in=stay_ids),
        source=list(PayWindow.LIVE),
        target=PayWindowState.DROPPED,
        actor=actor,
    )
    for stay_id in stay_ids:
        parking_services.void_stay(stay_id=stay_id, actor=actor, reason=reason[:300])
    watches.end(stay_ids, target=WatchState.DROPPED, actor=actor)
    assistance.stop(stay_ids, target=PlanState.STOPPED, why=word, actor=actor)
    looks.drop(moved, actor=actor)
    _drop_demands(moved, actor=actor)
    _relist(
        [(debts[pk].plate_text, debts[pk].plate_colour) for pk in moved],
        actor=actor,
        reason=word,
    )
    for pk in moved:
        live.push(f"merchant:{debts[pk].merchant_id}")
    return moved


@transaction.atomic
def forget_stay(*, stay_id: int, actor: str = SYSTEM) -> None:
    """The stay never was, or had not ended: nothing is owed, nobody is contacted about it."""
    facts = locked_one(stay_id)
    if facts.state not in (StayState.VOID, StayState.PARKED):
        return
    reason = "stay voided" if facts.state == StayState.VOID else "the stay goes on"
    debts = Debt.objects.filter(stay_id=stay_id, state__in=Debt.LIVE)
    plates = list(debts.values_list("plate_text", "plate_colour"))
    ids = list(debts.values_list("pk", flat=True))
    dropped = transition(
        debts,
        source=list(Debt.LIVE),
        target=DebtState.CANCELLED,
        actor=actor,
        reason=reason,
        event=partial(DebtDropped, reason="upheld"),
        ended_at=clock.now(),
    )
    transition(
        PayWindow.objects.filter(stay_id=stay_id),
        source=list(PayWindow.LIVE),
        target=PayWindowState.DROPPED,
        actor=actor,
    )
    watches.end([stay_id], target=WatchState.DROPPED, actor=actor)
    assistance.stop([stay_id], target=PlanState.STOPPED, why="voided", actor=actor)
    looks.drop(dropped, actor=actor)
    _drop_demands(dropped or ids, actor=actor)
    _relist(plates, actor=actor, reason=reason)


@transaction.atomic
def follow_stay(*, stay_id: int, why: str = "", raised: bool = False, actor: str = SYSTEM) -> None:
    """The stay has another price than its debt, or another plate: the debt follows the price.

    `raised` says that the fee rose: whoever has no debt yet has the whole window for it. Another
    vehicle's debt ends here: whoever holds the right plate has heard of nothing yet, and gets what
    everybody gets, the whole window first (services/corrections.py).
    """
    facts = locked_one(stay_id)
    debt = Debt.objects.filter(stay_id=stay_id, state__in=Debt.LIVE).first()
    if debt is None:
        if raised:
            windows.renew(facts, actor=actor, reason=why or "fee raised")
        return
    if debt.plate != facts.plate:
        _end_for_another(debt, actor=actor)
    elif facts.state == StayState.SETTLED:
        clear_debts_of_stays([stay_id], actor=actor)
    else:
        _follow_fee(debt, facts.due_fen, actor=actor, why=why)
        _relist([(debt.plate_text, debt.plate_colour)], actor=actor, reason="stay corrected")


def _follow_fee(debt: Debt, due_fen: int, *, actor: str, why: str = "") -> None:
    """Bring a live debt's amount in line with its stay's due; the stay's lock is held.

    A demand stands only for what it named. Where the amount rises the debt is asked for anew as a
    whole: its demand and grace begin again, texts that name less are taken back, terminals forget
    it, and `arrears.debt_raised` lowers a lock. Our mistake costs the owner no time.
    """
    rows = Debt.objects.filter(pk=debt.pk, amount_fen=debt.amount_fen)
    if due_fen <= debt.amount_fen:
        rows.filter(state__in=Debt.LIVE).update(amount_fen=due_fen)
        return
    untold = debt.raised_from_fen is not None and debt.demanded_at is None
    moved = transition(
        rows,
        source=DebtState(debt.state),
        target=DebtState(debt.state),
        actor=actor,
        reason=why or "fee raised",
        event=DebtRaised,
        amount_fen=due_fen,
        demanded_at=None,
        demanded_fen=None,
        raised_from_fen=debt.raised_from_fen if untold else debt.amount_fen,
        raised_why=why[:80],
    )
    if moved:
        looks.want(debt)
        demands.take_back(moved, actor=actor, reason="fee raised")
        live.push(f"merchant:{debt.merchant_id}")


def _end_for_another(debt: Debt, *, actor: str) -> None:
    unsay(debt, actor=actor, reason="plate corrected")


def unsay(debt: Debt, *, actor: str, reason: str) -> None:
    """There should have been no debt, or not yet: what followed from it goes back; the stay stays
    due, and its lock is held. `arrears.debt_dropped` lowers a lock."""
    transition(
        debt,
        source=list(Debt.LIVE),
        target=DebtState.CANCELLED,
        actor=actor,
        reason=reason,
        event=partial(DebtDropped, reason="corrected"),
        ended_at=clock.now(),
    )
    looks.drop([debt.pk], actor=actor)
    demands.take_back([debt.pk], actor=actor, reason=reason)
    _relist([(debt.plate_text, debt.plate_colour)], actor=actor, reason=reason)
    live.push(f"merchant:{debt.merchant_id}")


# ── Looking through the parking history (P3.1) ───────────────────────────────────────────────
LIVE_SQL = f"d.stay_id = s.id AND d.state IN ('{DebtState.OPEN}', '{DebtState.DISPUTED}')"
MISSED_SQL = f"""
SELECT s.id, greatest(s.left_at, s.plate_at) FROM parking_stay s
LEFT JOIN arrears_debt d ON {LIVE_SQL}
LEFT JOIN arrears_paywindow w ON w.stay_id = s.id
WHERE s.is_due AND s.is_identified AND NOT s.simulated AND d.id IS NULL
  AND coalesce(w.due_at, greatest(s.left_at, s.plate_at) + s.pay_window_s * interval '1 second')
      <= %(now)s
  AND w.state IS DISTINCT FROM '{PayWindowState.HELD}'
  AND s.plate_text = %(plate)s
ORDER BY s.id
"""


def find_debts_of(plate_text: str) -> list[int]:
    """Unpaid stays of this plate whose window is over and that have no debt yet, made debts.

    One indexed query where there is none, which is nearly always: the window's end makes debts by
    itself. This looks again whenever the vehicle is seen (P3.1).
    """
    with connection.cursor() as cursor:
        cursor.execute(MISSED_SQL, {"now": clock.now(), "plate": plate_text})
        missed = cursor.fetchall()
    opened = [_open_missed(stay_id, begins) for stay_id, begins in missed]
    return [debt.pk for debt in opened if debt is not None]


@transaction.atomic
def _open_missed(stay_id: int, begins: datetime) -> Debt | None:
    window = windows.start_pay_window(stay_id=stay_id, begins=begins)
    if window is None:
        return None
    windows.end_due(
        PayWindow.objects.filter(pk=window.pk, state=PayWindowState.OPEN, due_at__lte=clock.now())
    )
    return open_debt(stay_id=stay_id)


CITY_SQL = f"""
WITH unasked AS (
    SELECT s.id, greatest(s.left_at, s.plate_at) AS begins
    FROM parking_stay s
    WHERE s.is_due AND s.is_identified AND NOT s.simulated
      AND NOT EXISTS (SELECT 1 FROM arrears_paywindow w WHERE w.stay_id = s.id)
), lost AS (
    SELECT w.id, w.stay_id FROM arrears_paywindow w
    JOIN parking_stay s ON s.id = w.stay_id
    WHERE w.state = '{PayWindowState.ENDED}' AND w.due_at <= %(until)s AND s.is_due
      AND NOT EXISTS (SELECT 1 FROM arrears_debt d WHERE {LIVE_SQL})
)
SELECT array(SELECT id FROM unasked ORDER BY id), array(SELECT begins FROM unasked ORDER BY id),
    array(SELECT id FROM lost ORDER BY id), array(SELECT stay_id FROM lost ORDER BY id)
"""


@transaction.atomic
def find_debts_of_city() -> int:
    """Once a night: every unpaid stay that may be asked for has its window, every ended window a
    debt. One statement looks for them; nearly always it finds only stays that wait for an answer.

    What it finds goes the ordinary way: new windows through their sweep, lost ones through the
    event said again. An hour after its end a window without a debt is one whose event was lost.
    """
    with connection.cursor() as cursor:
        cursor.execute(CITY_SQL, {"until": clock.now() - timedelta(hours=1)})
        unasked, begins, lost, stay_ids = cursor.fetchone()
    made = [
        windows.start_pay_window(stay_id=pk, begins=at)
        for pk, at in zip(unasked, begins, strict=True)
    ]
    outbox.add(*map(PayWindowEnded, lost, stay_ids))
    found = sum(window is not None for window in made) + len(lost)
    if found:
        log.info("arrears.city_swept found=%s", found)
    return found
