"""What somebody who answers the phone is told, by the one thing that the caller has named."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import selectors as accounts
from arrears.models import CallNote, Debt, Dispute
from arrears.selectors.dues import Due, dues_of_stays
from core import links, personal, plates, wiring
from core.errors import BoweiError, Missing
from core.plates import Plate, same_vehicle
from core.vehicles import of_vehicle
from parking import selectors as parking
from parking.selectors import StayFacts
from parking.states import StayState
from payments import selectors as payments

CALL = "arrears.call"
LIVES_S = 30 * 60
MOST_STAYS, MOST_AT_BERTH, MOST_ORDERS = 20, 5, 10


class By(models.TextChoices):
    """What a caller can be looked up by."""

    PLATE = "plate", _("Plate")
    PHONE = "phone", _("Phone")
    BERTH = "berth", _("Berth")
    ORDER = "order", _("Order number")


class Why(models.TextChoices):
    """What people call for."""

    BILL = "bill", _("asks about a bill")
    PAY = "pay", _("cannot pay")
    REFUND = "refund", _("wants money back")
    OBJECT = "object", _("says that it is not right")
    LOCK = "lock", _("stands before a lock")
    OTHER = "other", _("something else")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One look-up, as its sealed address says it: who asked, by what, why, and what was named.

    `name` is the call's own; `whole` that its plates were opened with a reason.
    """

    person_id: int
    name: str
    by: str
    why: str
    user_id: int | None = None
    plate_text: str = ""
    plate_colour: str = ""
    berth_id: int | None = None
    order_number: str = ""
    whole: bool = False

    @property
    def vouched(self) -> bool:
        """Whether the caller has named what only its holder or payer knows; anybody who passes by
        knows a berth."""
        return self.by != By.BERTH

    @property
    def token(self) -> str:
        return links.sign(CALL, **asdict(self))


def read_call(token: str, *, person_id: int) -> Call:
    """The look-up of an address, for who has asked it alone. Raises Missing, LinkEnded."""
    call = Call(**links.read(CALL, token, max_age_s=LIVES_S))
    if call.person_id != person_id:
        raise Missing("bad_link")
    return call


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An order as the desk tells it to a caller."""

    order: Any
    way: str
    refunds: list[Any]
    notes: list[CallNote]
    payer_phone: str  # masked; "" where nobody was logged in

    @property
    def id(self) -> int:
        return int(self.order.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledStay:
    """A stay as the desk tells it to a caller: its bill, what is due, what was said and paid."""

    facts: StayFacts
    amount_fen: int  # due now, also where the vehicle still stands
    lines: list[Any]
    plate: dict[str, Any]
    due: Due | None
    debt: Debt | None
    disputes: list[Dispute]
    notes: list[CallNote]
    orders: list[str]
    holder_phone: str  # masked; "" where nobody has shown to hold its plate

    @property
    def sum_fen(self) -> int:
        """What its lines add up to."""
        parked = self.facts.state == StayState.PARKED
        return self.amount_fen if parked else self.facts.fee_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that one look-up opens, newest first."""

    phone: str
    plates: list[dict[str, Any]]
    stays: list[CalledStay]
    payments: list[Payment]

    def stay(self, stay_id: int) -> CalledStay:
        """One of its stays. Raises Missing."""
        return _one(self.stays, lambda one: one.facts.id == stay_id)

    @property
    def masked(self) -> bool:
        """Whether a plate of it is not shown whole."""
        return any(one["masked"] for one in [*self.plates, *(row.plate for row in self.stays)])

    def payment(self, order_id: int) -> Payment:
        """One of its orders. Raises Missing."""
        return _one(self.payments, lambda one: one.id == order_id)


def _one(rows: Iterable[Any], fits: Any) -> Any:
    for row in rows:
        if fits(row):
            return row
    raise Missing()


def found_by(call: Call) -> Found:
    """What this look-up opens, as it is now; plates masked but for the one that was named."""
    stays, phone, held, numbers = _rows_of(call)
    stays = list({one.id: one for one in stays}.values())
    stays.sort(key=lambda one: (one.arrived_at, one.id), reverse=True)
    paid_by = parking.orders_that_paid([one.id for one in stays])
    # A berth tells of its stays; what strangers paid is none of its caller's business.
    if call.by != By.BERTH:
        numbers |= {number for some in paid_by.values() for number in some}
    orders = payments.orders(numbers)
    return Found(
        phone=phone,
        plates=[_chip(call, one) for one in held],
        stays=_called(call, stays, paid_by),
        payments=_payments(orders),
    )


def _rows_of(call: Call) -> tuple[list[StayFacts], str, list[Plate], set[str]]:
    """Stays, the caller's masked phone, the plates they hold, and numbers of orders."""
    if call.by == By.PHONE:
        if call.user_id is None:
            return [], "", [], set()
        user = accounts.user(call.user_id)
        held = [Plate.of(*one) for one in accounts.proven_plates_of(user)]
        stays = [row for one in held for row in _of(one)]
        orders = payments.orders_of_payer(user.pk, limit=MOST_ORDERS)
        numbers = {one.number for one in orders}
        return stays, personal.masked_phone(user.phone), held, numbers
    if call.by == By.PLATE:
        return _of(Plate.of(call.plate_text, call.plate_colour)), "", [], set()
    if call.by == By.BERTH:
        assert call.berth_id is not None
        return parking.latest_at(call.berth_id, limit=MOST_AT_BERTH), "", [], set()
    return list(_stays_of_order(call.order_number)), "", [], {call.order_number}


def _of(plate: Plate) -> list[StayFacts]:
    return parking.latest_of(plate.text, plate.colour_text, limit=MOST_STAYS)


def _stays_of_order(number: str) -> Collection[StayFacts]:
    ids = set(parking.stays_paid_by(number))
    for order in payments.orders([number]):
        for item in order.items.all():
            if item.payable == "parking.stay":
                ids.add(item.subject_id)
            elif item.payable == "parking.prepayment":
                stay_id = parking.stay_of_prepayment(item.subject_id)
                ids |= {stay_id} if stay_id is not None else set()
    return parking.stays(ids).values()


def _chip(call: Call, plate: Plate | None) -> dict[str, Any]:
    named = Plate.of(call.plate_text, call.plate_colour) if call.plate_text else None
    return plates.chip(plate, whole=call.whole or same_vehicle(named, plate))


def _called(call: Call, stays: list[StayFacts], paid_by: dict[int, list[str]]) -> list[CalledStay]:
    ids = [one.id for one in stays]
    dues = {one.stay.id: one for one in dues_of_stays(ids)}
    debts = {one.stay_id: one for one in Debt.objects.filter(stay__in=ids)}
    notes = notes_about([("parking.stay", pk) for pk in ids])
    bills = {one.id: _bill(one) for one in stays}
    return [
        CalledStay(
            facts=one,
            amount_fen=bills[one.id][0],
            lines=bills[one.id][1],
            plate=_chip(call, one.plate),
            due=dues.get(one.id),
            debt=debts.get(one.id),
            disputes=list(_said_of(one)),
            notes=[note for note in notes if note.stay_id == one.id],
            orders=paid_by.get(one.id, []) if call.by != By.BERTH else [],
            holder_phone=_phone(accounts.holder_of(one.plate_text, one.plate_colour)),
        )
        for one in stays
    ]


def _bill(facts: StayFacts) -> tuple[int, list[Any]]:
    """What is due now, and its lines; of who still stands as it would be paid this moment."""
    if facts.state == StayState.PARKED:
        try:
            quote = wiring.payable("parking.stay").quote(facts.id)
        except BoweiError:  # nothing is due yet, or nobody knows whose it is
            return 0, facts.lines
        return quote.amount_fen, list(quote.lines)
    return facts.due_fen, facts.lines


def _said_of(facts: StayFacts) -> Iterable[Dispute]:
    rows = Dispute.objects.filter(stays=facts.id).order_by("-pk")
    return rows.filter(of_vehicle(facts.plate) | models.Q(plate_text=""))


def _phone(person: Any) -> str:
    phone = str(getattr(person, "phone", ""))
    return personal.masked_phone(phone) if phone else ""


def _payments(orders: list[Any]) -> list[Payment]:
    notes = notes_about([("payments.order", one.pk) for one in orders])
    return [
        Payment(
            order=one,
            way=payments.way_of(one),
            refunds=[back for attempt in one.attempts.all() for back in attempt.refunds.all()],
            notes=[note for note in notes if note.order_id == one.pk],
            payer_phone=_phone(one.payer_user),
        )
        for one in orders
    ]


def notes_about(things: Collection[tuple[str, int]]) -> list[CallNote]:
    """What callers said of these stays (`parking.stay`) and orders (`payments.order`), oldest
    first."""
    stays = [pk for name, pk in things if name == "parking.stay"]
    orders = [pk for name, pk in things if name == "payments.order"]
    about = models.Q(stay__in=stays) | models.Q(order__in=orders)
    return list(CallNote.objects.filter(about).order_by("pk"))


def staff_notes(things: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """The same for who works on them: since when, the words, who took them down."""
    return [
        {"at": one.taken_at, "text": one.text, "by": accounts.name_of(one.taken_by)}
        for one in notes_about(things)
    ]
