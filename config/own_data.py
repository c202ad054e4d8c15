"""What all rows know of one person, what still needs their account, and how each row forgets."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import PlateHolding, SmsMessage, SmsReply, User
from accounts.states import HoldingState
from arrears import services as arrears
from arrears.models import Assessment, CallNote, Debt, Demand, Dispute, OptOut
from arrears.states import DisputeState
from core.plates import Plate
from core.vehicles import of_vehicle
from core.wiring import OwnData
from monthlycard.models import Card, CardObjection
from parking.models import ParkingSession, Permit, Prepayment
from payments.models import Invoice, Order

CARDS_HELD = (Card.State.ACTIVE, Card.State.SUSPENDED)


def _rows(found: QuerySet[Any], *fields: str) -> list[dict[str, Any]]:
    return list(found.order_by("pk").values(*fields))


def _vehicles(user: User) -> Q:
    """The vehicles that this person has shown to hold, and since when."""
    which = Q(pk=None)
    proven = PlateHolding.objects.filter(user=user).exclude(proven_at=None)
    for one in proven:
        plate = Plate.of(one.plate_text, one.plate_colour) if one.plate_text else None
        which |= of_vehicle(plate) & Q(arrived_at__gte=one.proven_at)
        if one.ended_at is not None:
            which &= ~Q(arrived_at__gte=one.ended_at)
    return which


def _plates(user: User) -> Q:
    """The plates that this person holds now."""
    which = Q(pk=None)
    for one in PlateHolding.objects.filter(user=user, state=HoldingState.PROVEN):
        which |= of_vehicle(one.plate)
    return which


def told(user: User) -> dict[str, Any]:
    """Everything, by part: names of parts and columns are those of docs/personal.csv."""
    stays = ParkingSession.objects.filter(_vehicles(user))
    texts = SmsMessage.objects.filter(phone_digest=user.phone_digest or "-").order_by("pk")
    replies = SmsReply.objects.filter(user=user).order_by("pk")
    return {
        "account": {
            "number": user.pk,
            "phone": user.phone,
            "since": user.date_joined,
            "last log-in": user.last_login,
            "consents": _rows(user.consents.all(), "version", "given_at"),
        },
        "plates": _rows(
            PlateHolding.objects.filter(user=user),
            *("plate_text", "plate_colour", "state", "claimed_at", "proven_at", "ended_at"),
        ),
        "stays": _rows(
            stays,
            *("berth__code", "section__name", "arrived_at", "left_at", "plate_text"),
            *("state", "fee_fen", "due_fen", "settled_at"),
        ),
        "photographs": _rows(
            stays.exclude(sightings=None), "sightings__occurred_at", "sightings__purpose"
        ),
        "permits": _rows(
            Permit.objects.filter(_plates(user)),
            *("plate_text", "kind", "why", "state", "since", "until", "starts", "ends"),
        ),
        "paid ahead": _rows(
            Prepayment.objects.filter(user=user),
            *("plate_text", "created_at", "minutes", "latitude", "longitude", "state"),
        ),
        "payments": _rows(
            Order.objects.filter(payer_user=user),
            *("number", "title", "amount_fen", "state", "created_at", "paid_at"),
        ),
        "invoices": _rows(
            Invoice.objects.filter(order__payer_user=user),
            *("number", "buyer_name", "buyer_tax_no", "fapiao_no", "state", "asked_at"),
        ),
        "debts": _rows(
            Debt.objects.filter(stay__in=stays), "amount_fen", "state", "opened_at", "ended_at"
        ),
        "demands": _rows(
            Demand.objects.filter(user=user), "channel", "state", "made_at", "delivered_at"
        ),
        "objections": _rows(
            Dispute.objects.filter(user=user), "reason", "text", "answer", "state", "opened_at"
        ),
        "calls": _rows(CallNote.objects.filter(user=user), "text", "taken_at"),
        "estimates": _rows(
            Assessment.objects.filter(stay__in=stays),
            *("as_of", "probability", "at_risk", "reasons", "state"),
        ),
        "cards": _rows(
            Card.objects.filter(user=user),
            *("number", "plate_text", "state", "valid_from", "valid_until", "quota_left"),
        ),
        "card objections": _rows(
            CardObjection.objects.filter(card__user=user), "reason", "text", "answer", "state"
        ),
        "texts": [
            {"at": one.created_at, "said": one.text, "state": one.state}
            for one in texts.exclude(template="login_code")
        ],
        "replies": [{"at": one.received_at, "said": one.text} for one in replies],
        "not wanted": _rows(OptOut.objects.filter(subject=user.actor), "what", "at"),
        "requests": _rows(user.data_requests.all(), "kind", "text", "state", "asked_at", "answer"),
    }


def needed(user: User) -> list[str]:
    """Why the account can't be forgotten yet, a sentence each."""
    found = []
    own = PlateHolding.objects.filter(user=user, state=HoldingState.PROVEN)
    plates = [Plate.of(one.plate_text, one.plate_colour) for one in own]
    owed = Q(pk=None)
    for plate in plates:
        owed |= of_vehicle(plate)
    if Debt.objects.filter(owed, state__in=Debt.LIVE).exists():
        found.append(_("Something is still to pay, or in dispute."))
    if Dispute.objects.filter(user=user, state=DisputeState.OPEN).exists():
        found.append(_("An objection waits for its answer."))
    if Card.objects.filter(user=user, state__in=CARDS_HELD).exists():
        found.append(_("A card still holds: end it first, what is left goes back."))
    if Order.objects.filter(payer_user=user, state=Order.State.OPEN).exists():
        found.append(_("A payment is still open; it closes by itself."))
    return found


def erase(user: User, actor: str) -> None:
    """What other rows keep of the person, beside what the books need."""
    holdings = PlateHolding.objects.filter(user=user).exclude(plate_text="")
    plates = list(holdings.values_list("plate_text", "plate_colour"))
    arrears.delete_portraits(user_id=user.pk, plates=plates, actor=actor)
    OptOut.objects.filter(subject=user.actor).delete()
    Dispute.objects.filter(user=user).update(text="", reply_sealed="")
    CardObjection.objects.filter(card__user=user).update(text="")
    CallNote.objects.filter(user=user).update(text="", user=None)
    SmsReply.objects.filter(user=user).delete()
    Prepayment.objects.filter(user=user).update(user=None, latitude=None, longitude=None)


OWN_DATA = OwnData(told=told, needed=needed, erase=erase)
