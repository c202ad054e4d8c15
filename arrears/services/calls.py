"""Somebody answers the phone: looks up, sends a link, takes a word down; all of it in the trail."""

import secrets
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import selectors as accounts
from accounts import services as account_services
from arrears.models import CallNote
from arrears.selectors.calls import By, Call, found_by
from arrears.services import disputes
from core import audit, clock, deeds, limits, links, personal, plates
from core.errors import Denied, Invalid, Missing
from core.typed import typed_plate
from parking import selectors as parking
from payments import selectors as payments

LONGEST_WORD = 500
LONGEST_WHY = 200


@transaction.atomic
def look_up(*, by: str, said: str, why: str, person: Any) -> Call | None:
    """What a caller has named, looked up for `why`; the trail of who looks says both, masked.

    None where nothing is known, which the trail says too. Raises Invalid for what is no plate,
    phone or reason, TooMany.
    """
    if not why.strip():
        raise Invalid("no_reason", _("Say what the call is about."), fields={"why": _("Say why.")})
    limits.count(deeds.CALL)
    named, masked = _named(by, said)
    audit.record(
        person,
        "looked up for a caller",
        actor=person.actor,
        reason=why.strip()[:LONGEST_WHY],
        by=by,
        what=masked,
        found=named is not None,
    )
    if named is None:
        return None
    name = secrets.token_hex(8)
    return Call(person_id=person.pk, name=name, by=by, why=why.strip()[:LONGEST_WHY], **named)


def _named(by: str, said: str) -> tuple[dict[str, Any] | None, str]:
    """What was named, None where nobody knows it; and how the trail calls it."""
    if by == By.PLATE:
        plate = typed_plate(said)
        seen = parking.latest_of(plate.text, plate.colour_text, limit=1)
        named = {"plate_text": plate.text, "plate_colour": plate.colour_text}
        return named if seen else None, plates.masked(plate.text)
    if by == By.PHONE:
        phone = account_services.clean_phone(said)
        user = accounts.by_phone(phone)
        return {"user_id": user.pk} if user else None, personal.masked_phone(phone)
    if by == By.BERTH:
        berth = parking.berth_by_code(said)
        return {"berth_id": berth.pk} if berth else None, berth.code if berth else ""
    if by == By.ORDER:
        number = payments.as_number(said)
        known = bool(payments.orders([number]))
        return {"order_number": number} if known else None, number if known else ""
    raise Invalid("bad_choice", _("Choose what the caller names."))


@transaction.atomic
def show_plates(call: Call, *, person: Any) -> Call:
    """The same look-up with its plates whole, which stands in the trail with its reason."""
    audit.record(
        person, "plates seen whole", actor=person.actor, reason=call.why, list="arrears.callnote"
    )
    return replace(call, whole=True)


@transaction.atomic
def send_stay(call: Call, *, stay_id: int, to: str, actor: str) -> str:
    """The link of a stay as a text, to its holder's phone or to the one that was typed; the masked
    phone. One text a call and phone.

    Only its holder's phone gets what whoever holds the plate may see; any other gets what a typed
    berth number opens (docs/rules.md L10). Raises Missing, Invalid, TooMany.
    """
    stay = found_by(call).stay(stay_id).facts
    holder = accounts.holder_of(stay.plate_text, stay.plate_colour)
    own = holder.phone if holder else ""
    phone = account_services.clean_phone(to) if to.strip() else own
    if not phone:
        raise Invalid(
            "no_phone", _("Type the phone that the link goes to."), fields={"to": _("Which phone?")}
        )
    of = links.vehicle(stay.plate_text, stay.plate_colour) if phone == own else ""
    what = f"{stay.section_name} {stay.berth_code} 的停车"
    url = settings.PUBLIC_URL + parking.stay_path(stay_id, of=of)
    masked = _send(call, f"stay:{stay_id}", phone=phone, what=what, url=url)
    _note_sent(call, "parking.parkingsession", stay_id, own=phone == own, actor=actor)
    return masked


@transaction.atomic
def send_order(call: Call, *, order_id: int, actor: str) -> str:
    """The link of an order as a text to the phone of who paid it, and to nobody else; masked.

    Raises Missing, Refused where its payer was not logged in.
    """
    order = found_by(call).payment(order_id).order
    phone = order.payer_user.phone if order.payer_user else ""
    if not phone:
        raise Denied("nobody_known", _("Nobody's phone is known for this order."))
    url = payments.order_public_url(order)
    masked = _send(call, f"order:{order_id}", phone=phone, what=f"订单 {order.number}", url=url)
    _note_sent(call, "payments.order", order_id, own=True, actor=actor)
    return masked


def _send(call: Call, thing: str, *, phone: str, what: str, url: str) -> str:
    limits.count(deeds.CALL_TEXT, personal.digest(phone))
    account_services.send_sms(
        phone=phone,
        template="asked_link",
        params={"what": what, "url": url},
        key=f"call:{call.name}:{thing}:{personal.digest(phone)[:16]}",
    )
    return personal.masked_phone(phone)


def _note_sent(call: Call, subject: str, pk: int, *, own: bool, actor: str) -> None:
    audit.note(subject, pk, "link sent to a caller", actor=actor, reason=call.why, own=own)


@transaction.atomic
def take_down(
    call: Call,
    *,
    stay_id: int | None = None,
    order_id: int | None = None,
    text: str,
    objection: str = "",
    reply_to: str = "",
    actor: str,
) -> CallNote:
    """A caller's word about one stay or order of the look-up, kept with it; the same words of one
    call are one note.

    `objection`: a reason, where it is to be an objection of the caller's to the stay; only for who
    named the plate, the phone or the order, never for who named a berth alone. The answer goes to
    `reply_to`, else to the caller's own phone. Raises Invalid, Missing, Denied, NothingToObject.
    """
    words = text.strip()[:LONGEST_WORD]
    if not words:
        raise Invalid(
            "nothing_said", _("Write what was said."), fields={"text": _("Write what was said.")}
        )
    found = found_by(call)
    if (stay_id is None) == (order_id is None):
        raise Missing()
    if stay_id is not None:
        found.stay(stay_id)
    else:
        found.payment(order_id or 0)
    key = personal.digest(f"{call.name} {stay_id} {order_id} {objection} {words}")
    dispute = None
    if objection:
        if stay_id is None or not call.vouched:
            raise Denied(
                "not_vouched",
                _("Only who names the plate, their phone or the order can object by phone."),
            )
        [dispute] = disputes.object(
            stay_ids=[stay_id],
            reason=objection,
            text=words,
            user_id=call.user_id,
            reply_to=reply_to,
            actor=actor,
        )
    note, fresh = CallNote.objects.get_or_create(
        key=key,
        defaults={
            "stay_id": stay_id,
            "order_id": order_id,
            "dispute": dispute,
            "user_id": call.user_id,
            "text": words,
            "taken_at": clock.now(),
            "taken_by": actor,
        },
    )
    if fresh:
        audit.record(note, "taken down", actor=actor, reason=call.why, objection=bool(objection))
    return note
