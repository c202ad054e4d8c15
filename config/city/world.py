"""The street, its devices and its people as they are in truth, and the hands that reach the house.

Only the edges are stood in for, as in tests: devices, cameras' pictures and what is read in them,
the provider's line, the queue of slow work, the clock. Everything between is the product's own.
"""

import hashlib
import json
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import current_app
from django.db import transaction

from config.city.built import BEGIN, LEAVE_BY_S, PLATES, Built
from config.city.sweeping import Sweep, Sweeping
from config.city.witness import Witness
from core import nightly, outages, outbox, retention, wiring
from core.errors import BoweiError
from core.models import OutboxDelivery, Pulse, StoredImage
from core.plates import Plate
from core.trail import sealing
from devices.models import Command, Device
from devices.rules import frames
from devices.services import commands, connections, reception
from monthlycard.services.lots import Report
from parking.vision import Candidate, Reading
from payments import services as payments
from payments.models import SandboxTrade
from payments.providers.sandbox.client import notification
from payments.states import TradeState

WEB, DISPATCHER, WORKER, PROVIDER = "web", "dispatcher", "worker", "provider"
PARTS = (WEB, DISPATCHER, WORKER, PROVIDER)
LEASE = timedelta(minutes=30)
MOST_REACTIONS = 400  # that one step may bring
UPKEEP: frozenset[Sweep] = frozenset({retention.work, sealing.seal_ready})


@dataclass
class Stand:
    """A vehicle in a berth. `seen` is what cameras make of it: right, weak, blind, grey, or the
    number of the vehicle that it is taken for."""

    vehicle: int
    since: datetime
    seen: str = "right"
    announced: bool = False


@dataclass
class Lock:
    """A lock in the street: a lease, kept up by contact alone (docs/rules.md 8)."""

    position: str = "lowered"
    order: str = ""
    heard_at: datetime = BEGIN
    away: bool = False
    released: set[str] = field(default_factory=set)


@dataclass
class Mail:
    """A message of a device on its way."""

    device: str
    action: str
    payload: dict[str, Any]
    id: str
    way: str = ""  # in or out, for an arrival or departure with its right time


@dataclass
class Trade:
    """A payment begun at the provider, and for which vehicle."""

    number: str
    vehicle: int
    for_own: bool


@dataclass
class Visit:
    """A vehicle in a lot; `card`: the number of the card that it was let in by."""

    lot: str
    since: datetime
    card: str = ""


class World:
    """One run of the city. Steps (config/city/steps.py) move it; the same steps move it alike."""

    def __init__(self, built: Built, witness: Witness) -> None:
        self.built, self.witness = built, witness
        self.now: datetime = BEGIN.astimezone(UTC)
        self.links = dict(built.links)
        self.standing: dict[str, Stand] = {}
        self.where: dict[int, str] = {}
        self.left_at: dict[int, datetime] = {}
        self.in_lot: dict[int, Visit] = {}
        self.reports: list[tuple[str, Report]] = []  # lot, what it has not sent yet
        self.dark: dict[str, datetime] = {}
        self.blind: set[str] = set()
        self.out: dict[str, datetime] = {}
        self.locks = {code: Lock() for code in built.device_ids if code.startswith("L-")}
        self.mail: list[Mail] = []
        self.errands: list[tuple[str, str, int]] = []  # handheld, berth, command
        self.trades: list[Trade] = []
        self.work: list[tuple[str, tuple[Any, ...]]] = []
        self.woken: set[int] = set()
        self.told = False  # whether an event was written that nobody has reacted to
        self.photographs: dict[str, Reading] = {}
        self.broken: list[str] = []  # what went wrong in the house that no person asked for
        self.refused: dict[str, int] = {}
        self.lost_answers = 0  # of the provider, from now on
        self.unanswered: list[datetime] = []  # when the provider was asked while it is away
        self.nights = nightly.Nights()
        self.nights.not_before = self.now
        self._device_of = {pk: code for code, pk in built.device_ids.items()}
        self._ids = 0
        self._swept_on = self.now.date()
        self._sweeping = Sweeping()
        self.looked_at = self.now  # when the sweeps were last called

    # ── Time ─────────────────────────────────────────────────────────────────────────────────
    def is_up(self, *parts: str) -> bool:
        return not any(part in self.out for part in parts)

    def wait(self, seconds: float) -> None:
        """Time passes; locks that hear from nobody lower themselves; the house looks around.

        While something is away it looks more often, as it would: that is how it notices.
        """
        for part in (120, 900) if self.out else ():
            if part < seconds:
                self._pass(part)
                seconds -= part
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for code, lock in self.locks.items():
            if not lock.away and self.is_up(WEB):
                lock.heard_at = self.now
            elif lock.position == "raised" and self.now - lock.heard_at >= LEASE:
                self._lock_goes(code, lock, "lowered", "lease")
        if self.is_up(DISPATCHER):  # it has looked each second: there was no hole
            Pulse.objects.filter(what=outages.DISPATCHER).update(at=self.now, real_at=self.now)
        self.look_around()

    def look_around(self) -> None:
        """What each second brings: beats of devices, the sweeps, the look at the commands."""
        if self.is_up(WEB):
            away = {f"S-{berth}" for berth in self.dark} | self.blind
            away |= {code for code, lock in self.locks.items() if lock.away}
            here = [pk for code, pk in self.built.device_ids.items() if code not in away]
            Device.objects.filter(pk__in=here).update(
                last_heard_at=self.now, online=True, silent=False
            )
        if self.is_up(DISPATCHER):
            sweeps = [one for one in wiring.sweeps() if self._is_new_day() or not _is_upkeep(one)]
            for sweep, do in self._sweeping.look(sweeps, self.now):
                self.careful(wiring.name_of(sweep), do)
            self.careful("nightly", self.nights.look)
            self.looked_at = self.now
            self._swept_on = self.now.date()
            self.told = True
        open_ones = Command.objects.filter(state__in=Command.OPEN)
        self.woken.update(open_ones.values_list("device_id", flat=True))
        self.follow()

    def _is_new_day(self) -> bool:
        """Old rows are let go, and the trail is sealed, once a day here: it changes nothing that a
        law asks."""
        return self._swept_on != self.now.date()

    def follow(self) -> None:
        """Everything that follows from what was just done, as far as its processes are up."""
        for _round in range(50):
            busy = False
            if self.told and self.is_up(DISPATCHER):
                self.told = False
                ran = outbox.run_pending(limit=MOST_REACTIONS)
                busy |= bool(ran)
                if ran == MOST_REACTIONS:
                    self._note_round()
                    return
            if self.woken and self.is_up(WEB):
                woken, self.woken = sorted(self.woken), set()
                for device_id in woken:
                    self._look(self._device_of[device_id])
                busy = True
            if self.work and self.is_up(WORKER):
                work, self.work = self.work, []
                for name, values in work:
                    self.careful(name, lambda n=name, v=values: current_app.tasks[n].run(*v))  # type: ignore[misc]
                busy = True
            if not busy:
                return

    def _note_round(self) -> None:
        """Reactions follow upon reactions without end: which, the newest say."""
        newest = OutboxDelivery.objects.order_by("-pk").values_list("reaction", flat=True)[:20]
        self.broken.append(f"reactions without end: {', '.join(sorted(set(newest)))}"[:300])

    def careful(self, name: str, do: Any) -> Any:
        """Do it; what breaks is kept as our own failure."""
        try:
            return do()
        except Exception as error:
            self.note_broken(name, error)
            return None

    def note_broken(self, name: str, error: BaseException) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
        self.broken.append(f"{name}: {type(error).__name__}: {error} ({where})"[:300])

    def at_rest(self, *, but: str = "") -> bool:
        """Whether nothing is under way that will still change what stands in the rows."""
        return not self.out.keys() - {but} and not (self.told or self.woken or self.work)

    # ── Devices ──────────────────────────────────────────────────────────────────────────────
    def say(self, device: str, action: str, payload: dict[str, Any], id: str = "") -> Any:
        """A device says something on its line now; the payload of the answer, None for an error."""
        call = frames.Call(id or self.new_id(), action, payload)
        reply = reception.receive(self.links[device], call.encode(), call)
        answer = json.loads(reply.frame)
        if answer[0] == frames.RESULT:
            return answer[2]
        if answer[2] in ("internal", "parked"):
            self.broken.append(f"{action} of {device[:2]}: {answer[2]}")
        return None

    def new_id(self) -> str:
        self._ids += 1
        return f"m{self._ids}"

    def log_in(self, device: str) -> None:
        self.links[device] = connections.log_in(device, self.built.keys[device])

    def ms(self, at: datetime | None = None) -> int:
        return int((at or self.now).timestamp() * 1000)

    def hand_in(self, mail: Mail) -> None:
        """A message reaches the house, or waits for it; one of a sensor that is dark is lost."""
        if not self.is_up(WEB):
            self.mail.append(mail)
            return
        said = self.say(mail.device, mail.action, mail.payload, mail.id)
        if said is not None and mail.way:
            at = datetime.fromtimestamp(mail.payload["occurred_at_ms"] / 1000, UTC)
            self.witness.told(mail.payload["berth_code"], mail.way, at)

    def _look(self, device: str) -> None:
        """The device's socket looks at its rows, and the device does what it is told."""
        if device in self.blind or device[2:] in self.dark:
            return
        lock = self.locks.get(device)
        if lock is not None and lock.away:
            return
        while due := commands.take_due(self.links[device]):
            for outgoing in due:
                _call, _id, action, payload = json.loads(outgoing.frame)
                commands.acknowledge(self.links[device], outgoing.message_id)
                self._obey(device, action, payload)

    def _obey(self, device: str, action: str, payload: dict[str, Any]) -> None:
        command, berth = payload["command_id"], payload.get("berth_code")
        match action:
            case "TakeImage" if device.startswith("H-"):
                self.errands.append((device, str(berth), command))
            case "TakeImage":
                self.take_image(device, str(berth), payload["purpose"], command)
            case "RaiseLock":
                self._raise(device, payload)
            case "LowerLock":
                lock = self.locks[device]
                lock.released.add(payload["order_code"])
                self._lock_goes(device, lock, "lowered", "command")
                self._done(device, command, position="lowered")
            case _:
                self._done(device, command)

    def _done(self, device: str, command: int, outcome: str = "done", **details: str) -> None:
        payload = {"command_id": command, "outcome": outcome, "details": details}
        self.say(device, "CommandResult", payload)

    def _raise(self, device: str, payload: dict[str, Any]) -> None:
        lock = self.locks[device]
        if payload["order_code"] in lock.released:
            self._done(device, payload["command_id"], "failed", why="released_before")
            return
        lock.order, lock.heard_at = payload["order_code"], self.now
        self._lock_goes(device, lock, "raised", "command")
        self._done(device, payload["command_id"], position="raised")

    def _lock_goes(self, code: str, lock: Lock, position: str, cause: str) -> None:
        if lock.position == position and cause != "command":
            return
        lock.position = position
        self.witness.lock(code, self.now if position == "raised" else None)
        if self.is_up(WEB) and not lock.away:
            self.report(code, cause)

    def report(self, code: str, cause: str) -> None:
        """The lock says where it is."""
        lock = self.locks[code]
        payload: dict[str, Any] = {"position": lock.position, "cause": cause, "battery_pct": 90}
        if lock.order:
            payload["order_code"] = lock.order
        self.say(code, "LockStatus", {**payload, "occurred_at_ms": self.ms()})

    # ── Pictures ─────────────────────────────────────────────────────────────────────────────
    def take_image(self, device: str, berth: str, purpose: str, command: int | None) -> None:
        """A camera takes what stands there, uploads it and says so."""
        sha256 = self.photograph(berth)
        payload: dict[str, Any] = {"sha256": sha256, "occurred_at_ms": self.ms()}
        payload |= {"purpose": purpose, "berth_code": berth}
        if command is not None:
            payload["command_id"] = command
        self.say(device, "ImageTaken", payload)
        if command is not None:
            self._done(device, command)

    def photograph(self, berth: str) -> str:
        """The hash of a new stored photograph of this berth."""
        stand = self.standing.get(berth)
        return self.keep(self._reading(stand) if stand else _NOTHING)

    def keep(self, reading: Reading) -> str:
        self._ids += 1
        sha256 = hashlib.sha256(f"photograph {self._ids}".encode()).hexdigest()
        self.photographs[sha256] = reading
        StoredImage.objects.create(
            sha256=sha256,
            content_type="image/jpeg",
            size=1,
            width=64,
            height=48,
            kept_by="device:simulated",
        )
        return sha256

    def read(self, data: bytes) -> Reading:
        """What the plate reader makes of a photograph; its bytes are its hash."""
        return self.photographs[data.decode()]

    def _reading(self, stand: Stand) -> Reading:
        if stand.seen == "blind":
            return _NOTHING
        plate = PLATES[int(stand.seen) if stand.seen.isdigit() else stand.vehicle]
        weak = stand.seen == "weak"
        sure = 0.62 if weak else 0.97
        return Reading(
            candidates=(Candidate(text=plate.text, probability=sure, characters=(sure,) * 7),),
            colour=None if stand.seen == "grey" else plate.colour_text,
            colour_confidence=0.0 if stand.seen == "grey" else 0.99,
            corners=None,
            sharpness=200.0,
            confident=not weak,
            why="weak_character" if weak else "confident",
            model="simulated",
        )

    # ── Money ────────────────────────────────────────────────────────────────────────────────
    def begin(self, vehicle: int, things: list[tuple[str, int]], *, for_own: bool) -> str:
        """Somebody begins to pay at the provider; the trade's number, "" where it came to none."""
        order = payments.open_order(items=things, actor="owner")
        try:
            attempt = payments.begin_attempt(
                order_id=order.pk, provider="sandbox", return_url="/", actor="owner"
            )
            number = attempt.out_trade_no
        except BoweiError:
            newest = order.attempts.order_by("-pk").first()
            if newest is None:
                raise
            number = newest.out_trade_no
        if number not in [trade.number for trade in self.trades]:
            self.trades.append(Trade(number, vehicle, for_own))
        return number

    def pay(self, number: str) -> bool:
        """The payer presses pay at the provider; False where that trade can't be paid any more."""
        rows = SandboxTrade.objects.filter(out_trade_no=number, state=TradeState.WAITING)
        later = self.now + timedelta(days=3650)  # told by steps alone
        if not self.is_up(PROVIDER) or not rows.update(
            state=TradeState.PAID, paid_at=self.now, next_notify_at=later
        ):
            return False
        trade = next(trade for trade in self.trades if trade.number == number)
        fen = SandboxTrade.objects.values_list("amount_fen", flat=True).get(out_trade_no=number)
        plate = PLATES[trade.vehicle].text
        self.witness.paid(number, self.now, fen, plate, for_own=trade.for_own)
        return True

    def tell(self, number: str) -> None:
        """The provider tells us of a trade that was paid, once more perhaps."""
        trade = SandboxTrade.objects.filter(out_trade_no=number, state=TradeState.PAID).first()
        if trade is None or not self.is_up(WEB, PROVIDER):
            return
        _url, headers, body = notification(trade)
        reply = payments.receive_notification("sandbox", headers, body)
        if reply.status not in (200, 204):
            self.broken.append(f"notification: {reply.status} {reply.body}"[:200])

    # ── People ───────────────────────────────────────────────────────────────────────────────
    def plate(self, vehicle: int) -> Plate:
        return PLATES[vehicle]

    def ask(self, do: Any) -> Any:
        """Somebody asks for something that may be refused; None where it was."""
        try:
            with transaction.atomic():
                return do()
        except BoweiError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1
            return None


def _is_upkeep(sweep: Sweep) -> bool:
    return sweep in UPKEEP or wiring.name_of(sweep).rpartition(".")[2].startswith("forget_")


_NOTHING = Reading(
    candidates=(),
    colour=None,
    colour_confidence=0.0,
    corners=None,
    sharpness=10.0,
    confident=False,
    why="no_plate",
    model="simulated",
)
LEAVE_BY = timedelta(seconds=LEAVE_BY_S)
