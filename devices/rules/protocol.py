"""What devices say and are told: a dataclass for each message, its JSON schema made from it.

`docs/devices.md` is the same in prose. Times are Unix milliseconds of business time, which the
device learns from the answer to its heartbeat.
"""

from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar


class Limits:
    """How long a text or a list, how great a number may be, beside its type.

    Given and kept as Pydantic's core has them, without needing it.
    """

    def __init__(self, **limits: Any) -> None:
        self.limits = limits

    def __get_pydantic_core_schema__(self, kind: Any, handler: Any) -> dict[str, Any]:
        return {**handler(kind), **self.limits}


Code = Annotated[str, Limits(min_length=1, max_length=64)]
Text = Annotated[str, Limits(max_length=500)]
Sha256 = Annotated[str, Limits(pattern="^[0-9a-f]{64}$", max_length=64)]
Millis = Annotated[int, Limits(ge=0, le=2**53 - 1)]
Seconds = Annotated[int, Limits(ge=1, le=7 * 86400)]
Percent = Annotated[int, Limits(ge=0, le=100)]
Id = Annotated[int, Limits(ge=1, le=2**63 - 1)]
Fen = Annotated[int, Limits(ge=0, le=10**12)]
Latitude = Annotated[float, Limits(ge=-90, le=90)]
Longitude = Annotated[float, Limits(ge=-180, le=180)]

MOST_NAMED = 10  # wrong fields that an error lists
MOST_PATH = 40  # characters of a field's name in it


class InvalidPayload(Exception):
    """A payload that its schema refuses; `fields` says where and why."""

    def __init__(self, code: str, text: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.fields = code, text, fields or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who said it: the device as the gateway has authenticated it."""

    device_id: int
    device_code: str
    kind: str
    merchant_id: int
    epoch: int
    attendant: str | None  # actor string of the person logged in on it, "user:12"
    connection_id: int
    received_at: datetime  # business time
    said_at_ms: int | None = None  # by the device's clock, where that can't be


class Message:
    """Base of all payloads. Which kinds of device say or are told it: devices/rules/kinds.py."""

    __slots__ = ()
    __pydantic_config__ = {"extra": "forbid"}

    def payload(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]


class FromDevice(Message):
    """What a device says; its class makes it known under its name.

    A field `occurred_at_ms` is held against the clock at the door, and for a field `sha256` a
    photograph must have been uploaded.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        MESSAGES[cls.__name__] = cls

    def is_evidence(self) -> bool:
        """Whether it counts against somebody, so that a carried device needs its person for it."""
        return False


class ToDevice(Message):
    """What a device is told; its class makes it known under its name."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        COMMANDS[cls.__name__] = cls


M = TypeVar("M", bound=Message)
MESSAGES: dict[str, type[FromDevice]] = {}
COMMANDS: dict[str, type[ToDevice]] = {}


# ── Device → platform ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(FromDevice):
    """I am here. Answer: `now_ms` (business time), `real_ms`, `interval_s`. Never stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleArrived(FromDevice):
    """A vehicle has stood in the berth long enough to count (P2.1)."""

    berth_code: Code
    occurred_at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleLeft(FromDevice):
    """The berth is empty again."""

    berth_code: Code
    occurred_at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTaken(FromDevice):
    """A photograph that was uploaded before (P2.2, P0.1)."""

    sha256: Sha256
    occurred_at_ms: Millis
    purpose: Literal["arrival", "leaving", "capture"]
    berth_code: Code | None = None
    command_id: Id | None = None

    def is_evidence(self) -> bool:
        return self.purpose == "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendantLogin(FromDevice):
    """A person takes the handheld. Answer: `name`. Holds until the socket closes."""

    username: Annotated[str, Limits(min_length=1, max_length=150)]
    password: Annotated[str, Limits(min_length=1, max_length=256)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendantLogout(FromDevice):
    """The person lays the handheld down."""


Position = Literal["lowered", "raising", "raised", "lowering", "jammed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockStatus(FromDevice):
    """Where the lock is now and what moved it (P1.3, P1.4, P1.5).

    `cause`: command, lease, release_code, obstruction, low_battery, power_loss, jam, tamper or
    report.
    """

    position: Position
    cause: Annotated[str, Limits(min_length=1, max_length=32)]
    occurred_at_ms: Millis
    battery_pct: Percent | None = None
    order_code: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlaced(FromDevice):
    """The lock stands where it stops the vehicle; the photograph shows it (P1.3)."""

    order_code: Code
    sha256: Sha256
    occurred_at_ms: Millis

    def is_evidence(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFetched(FromDevice):
    """The lock is down and taken away: a photograph shows it, or where this device is (P1.6)."""

    order_code: Code
    occurred_at_ms: Millis
    sha256: Sha256 | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None

    def is_evidence(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCodeUsed(FromDevice):
    """Somebody typed the release code of this order; the lock lowers itself (P1.5)."""

    order_code: Code
    occurred_at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeOutcome(FromDevice):
    """What became of a recovery notice on this terminal (P3.4)."""

    notice_id: Id
    outcome: Literal["shown", "acknowledged", "paid", "gone", "mistaken"]
    occurred_at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState(FromDevice):
    """How the device itself is; what it leaves out stays as it was."""

    battery_pct: Percent | None = None
    firmware: Code | None = None
    signal_dbm: Annotated[int, Limits(ge=-200, le=0)] | None = None
    tampered: bool | None = None
    occurred_at_ms: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult(FromDevice):
    """How a command ended. Repeating it is harmless."""

    command_id: Id
    outcome: Literal["done", "failed"]
    details: dict[str, Any] = field(default_factory=dict)


# ── Platform → device ────────────────────────────────────────────────────────────────────────
# On the wire each of these carries `command_id` beside its own fields: it stays the same when the
# platform sends the command again under a new message id.


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeImage(ToDevice):
    """Take a photograph of the berth, upload it, say ImageTaken (P2.2)."""

    berth_code: Code
    purpose: Literal["arrival", "leaving", "capture"] = "arrival"


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseLock(ToDevice):
    """Raise for this order; lower by yourself after `lease_s` without contact (docs/rules.md 8).

    `release_counter` goes into the release code; the platform sets it.
    """

    order_code: Code
    lease_s: Seconds
    release_counter: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerLock(ToDevice):
    """Lower at once, and never again raise for this order (P1.4)."""

    order_code: Code
    reason: Annotated[str, Limits(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowNotice(ToDevice):
    """Show a recovery notice to whoever reads the terminal (P3.4)."""

    notice_id: Id
    plate: Annotated[str, Limits(min_length=1, max_length=32)]
    lines: Annotated[list[Text], Limits(max_length=50)]
    amount_fen: Fen
    expires_at_ms: Millis
    berth_code: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawNotice(ToDevice):
    """Take the notice away: paid, disputed or stale."""

    notice_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowTask(ToDevice):
    """Show the attendant what to do about a lock: fetch it, or see to it now (P1.6)."""

    order_code: Code
    berth_code: Code
    plate: Annotated[str, Limits(min_length=1, max_length=32)]
    lines: Annotated[list[Text], Limits(max_length=50)]
    alarm: bool
    expires_at_ms: Millis


def parse(action: str, payload: dict[str, Any]) -> FromDevice:
    """The device's message; raises InvalidPayload (unknown_action, bad_payload) with its fields."""
    if action not in MESSAGES:
        raise InvalidPayload("unknown_action", f"No message is called {action[:40]}.")
    return _parse(MESSAGES[action], payload)


def parse_command(action: str, payload: dict[str, Any]) -> ToDevice:
    """The platform's command, without its `command_id`; raises InvalidPayload like `parse`."""
    if action not in COMMANDS:
        raise InvalidPayload("unknown_action", f"No command is called {action[:40]}.")
    return _parse(COMMANDS[action], payload)


def _parse(message: type[M], payload: dict[str, Any]) -> M:
    # Asked for here, so that a device that only speaks needs nothing beyond its socket library.
    from core.reading import Misfit, read

    must = required(message)
    said = {
        name: _exact(part) for name, part in payload.items() if part is not None or name in must
    }
    try:
        return read(message, said)
    except Misfit as error:
        named = list(error.faults.items())[:MOST_NAMED]  # unknown fields come last
        # What is too deep to be read has no path, and only `details` holds objects.
        wrong = {(path or "details")[:MOST_PATH]: reason for path, reason in named}
        where = ", ".join(sorted(wrong))
        text = f"The payload does not fit {message.__name__}: {where}."
        raise InvalidPayload("bad_payload", text, wrong) from None


def _exact(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def required(message: type[Message]) -> set[str]:
    """The fields that a payload must have; the others may be left out or null."""
    own = fields(message)  # type: ignore[arg-type]
    return {one.name for one in own if one.default is MISSING and one.default_factory is MISSING}


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON schema (2020-12) of a message's payload; unknown fields are refused."""
    from core.reading import reader

    return reader(message).json_schema()
