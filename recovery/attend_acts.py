"""What was done on an attendant's phone arrives here, act by act, each once, also where it waited
in the phone for network. A refusal says why, to who did it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.guards import actor_of
from arrears import services as arrears
from core import clock, idempotency, images, parse
from core.errors import Denied, Invalid
from core.fields import YuanField
from core.money import MOST_PAYMENT_FEN, format_fen
from core.typed import typed_plate
from parking import selectors as parking
from recovery import selectors, services
from recovery.errors import NotNew, TooLongAgo
from recovery.models import RecoveryOrder
from recovery.services import attending

KEPT_AT_MOST = timedelta(hours=12)  # a phone's word for when it was counts so far back
AT_ONCE = timedelta(seconds=60)  # what only who stands there now may do
A_LOOK = timedelta(minutes=10)  # as long as a second look counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act as the phone tells it; `ago` is how long it waited there, by the phone's clock."""

    key: str
    kind: str
    at_ms: int
    ago: timedelta
    said: dict[str, str]
    debts: list[int]
    photograph: bytes
    position: tuple[float, float] | None
    merchant_id: int
    actor: str

    @property
    def taken_at(self) -> datetime:
        return clock.now() - self.ago


class Kind(NamedTuple):
    """Who may do it (any of these rights), how late it may arrive, and what it does: its text."""

    rights: tuple[str, ...]
    within: timedelta | None
    do: Callable[[Act], str]


def read(request: HttpRequest) -> Act:
    """The act of this request. Raises Invalid, and Denied for who may not do it."""
    said = {name: str(value)[:300] for name, value in request.POST.items()}
    upload = request.FILES.get("photograph")
    now_ms = int(clock.real().timestamp() * 1000)
    try:
        kind = KINDS[said["kind"]]
        key = str(UUID(said["id"])) if "id" in said else str(uuid4())
        at_ms = int(said.get("at_ms", now_ms))
        sent_ms = int(said.get("sent_ms", now_ms))
        datetime.fromtimestamp(at_ms / 1000, UTC)
        position = _position(said)
    except (ValueError, KeyError, OverflowError, OSError) as why:
        raise Invalid("bad_act", _("This was not understood. Note it once more.")) from why
    if not any(request.may_do(right) for right in kind.rights):  # type: ignore[attr-defined]
        raise Denied()
    ago = timedelta(milliseconds=sent_ms - at_ms)
    return Act(
        key=key,
        kind=said["kind"],
        at_ms=at_ms,
        ago=ago if timedelta(0) <= ago <= KEPT_AT_MOST else timedelta(0),
        said=said,
        debts=parse.numbers(request.POST.getlist("debt")),
        photograph=images.read_upload(upload) if upload else b"",
        position=position,
        merchant_id=request.merchant.pk,  # type: ignore[attr-defined]
        actor=actor_of(request),
    )


def _position(said: dict[str, str]) -> tuple[float, float] | None:
    if "latitude" not in said:
        return None
    latitude, longitude = float(said["latitude"]), float(said["longitude"])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("no place on earth")
    return latitude, longitude


def do(act: Act) -> dict[str, Any]:
    """Do it once, however often it arrives: `text` for who did it, and whether they must see to it.

    Raises what the service says, TooLongAgo for what has waited too long.
    """
    kind = KINDS[act.kind]
    if kind.within is not None and act.ago > kind.within:
        raise TooLongAgo()
    told = {name: one for name, one in sorted(act.said.items()) if name not in UNTOLD}
    told |= {"debts": str(sorted(act.debts)), "merchant": str(act.merchant_id)}

    def once() -> dict[str, Any]:
        text = kind.do(act)
        return {"text": text, "rest": text.startswith(REST), "kind": act.kind}

    answer = idempotency.once(f"attend:{act.actor}", act.key, told, once)
    return {**answer, "text": answer["text"].removeprefix(REST)}


REST = "\x1f"  # before a text that somebody has to act upon
UNTOLD = ("csrfmiddlewaretoken", "sent_ms", "latitude", "longitude")


# ── Cash and paper ───────────────────────────────────────────────────────────────────────────
def _cash(act: Act) -> str:
    try:
        amount_fen = YuanField().clean(act.said.get("amount", ""))
    except forms.ValidationError as why:
        raise Invalid("bad_act", _("This was not understood. Note it once more.")) from why
    if not 0 < amount_fen <= MOST_PAYMENT_FEN:
        raise Invalid("bad_amount", _("An amount to pay is more than nothing."))
    done = attending.note_cash(
        merchant_id=act.merchant_id,
        plate=typed_plate(act.said.get("plate", "")[:20]),
        amount_fen=amount_fen,
        taken_at=clock.real() - act.ago,
        actor=act.actor,
    )
    amount = format_fen(done["amount_fen"])
    if not done["rest_fen"]:
        return _("Noted: %(amount)s.") % {"amount": amount}
    rest = format_fen(done["rest_fen"])
    text = _("Noted: %(amount)s. %(rest)s was too much: give it back.")
    return REST + text % {"amount": amount, "rest": rest}


def _paper(act: Act) -> str:
    arrears.deliver_on_paper(
        debt_ids=act.debts,
        named_fen=parse.number(act.said.get("named_fen", "")) or 0,
        photograph=act.photograph,
        merchant_id=act.merchant_id,
        actor=act.actor,
    )
    return _("The notice counts as delivered from now on.")


# ── At a lock ────────────────────────────────────────────────────────────────────────────────
def _order(act: Act) -> RecoveryOrder:
    """The lock's order. Raises Missing for another merchant's, NotNew for a photograph that is
    older than the step before."""
    found = selectors.order_of(act.merchant_id, parse.number(act.said.get("order", "")) or 0)
    before = found.next_picture_after
    if act.photograph and before is not None and clock.real() - act.ago < before:
        raise NotNew()
    return found


def _kept(act: Act) -> str:
    return images.take(act.photograph, by=act.actor) if act.photograph else ""


def _bind(act: Act) -> str:
    berth = parking.berth_by_code(act.said.get("berth", ""))
    stay = parking.open_stay_at(berth.pk) if berth else None
    if berth is None or stay is None or berth.section.merchant_id != act.merchant_id:
        raise Invalid("no_vehicle", _("No vehicle of yours is known to stand there."))
    made = services.bind(
        merchant_id=act.merchant_id,
        plate_text=stay.plate_text,
        plate_colour=stay.plate_colour,
        berth_id=berth.pk,
        device_id=parse.number(act.said.get("lock", "")) or 0,
        second_look={"typed": act.said.get("typed", ""), "sha256": _kept(act)},
        actor=act.actor,
    )
    return _("Bound: %(number)s. Place the lock now.") % {"number": made.code}


def _look(act: Act) -> str:
    look = {"typed": act.said.get("typed", ""), "sha256": _kept(act)}
    services.look_again(_order(act).pk, second_look=look, actor=act.actor)
    return _("The second look is noted.")


def _place(act: Act) -> str:
    services.place(_order(act).pk, sha256=_kept(act), actor=act.actor, taken_at=act.taken_at)
    return _("The lock stands before the vehicle.")


def _raise(act: Act) -> str:
    services.raise_lock(_order(act).pk, actor=act.actor)
    return _("The lock is ordered up.")


def _lower(act: Act) -> str:
    reason = act.said.get("reason", "")
    services.emergency_lower(_order(act).pk, actor=act.actor, reason=reason)
    return _("The lock is ordered down.")


def _fetch(act: Act) -> str:
    services.confirm_move(
        _order(act).pk,
        actor=act.actor,
        sha256=_kept(act),
        position=act.position,
        taken_at=act.taken_at,
    )
    return _("The lock is fetched.")


KINDS: dict[str, Kind] = {
    "cash": Kind(("cash",), None, _cash),
    "paper": Kind(("debts",), None, _paper),
    "bind": Kind(("recover",), A_LOOK, _bind),
    "look": Kind(("recover",), A_LOOK, _look),
    "place": Kind(("recover", "capture"), None, _place),
    "raise": Kind(("recover",), AT_ONCE, _raise),
    "lower": Kind(("lower_lock",), None, _lower),
    "fetch": Kind(("recover", "capture"), None, _fetch),
}
