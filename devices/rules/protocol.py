"""What devices say and are told: a dataclass for each message, its JSON schema made from it.

`docs/devices.md` is the same in prose. Times are Unix milliseconds of business time, which the
device learns from the answer to its heartbeat.
"""

import types
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)


def limits(**keywords: Any) -> tuple[tuple[str, Any], ...]:
    """JSON schema keywords beside a type."""
    return tuple(keywords.items())


Code = Annotated[str, limits(minLength=1, maxLength=64)]
Text = Annotated[str, limits(maxLength=500)]
Sha256 = Annotated[str, limits(pattern="^[0-9a-f]{64}$", maxLength=64)]
Millis = Annotated[int, limits(minimum=0, maximum=2**53 - 1)]
Seconds = Annotated[int, limits(minimum=1, maximum=7 * 86400)]
Percent = Annotated[int, limits(minimum=0, maximum=100)]
Id = Annotated[int, limits(minimum=1, maximum=2**63 - 1)]
Fen = Annotated[int, limits(minimum=0, maximum=10**12)]

MOST_NAMED = 10  # unknown fields that an error lists


class Invalid(Exception):
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


class Message:
    """Base of all payloads. Which kinds of device say or are told it: devices/rules/kinds.py."""

    __slots__ = ()

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

    username: Annotated[str, limits(minLength=1, maxLength=150)]
    password: Annotated[str, limits(minLength=1, maxLength=256)]


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
    cause: Annotated[str, limits(minLength=1, maxLength=32)]
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
    signal_dbm: Annotated[int, limits(minimum=-200, maximum=0)] | None = None
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
    reason: Annotated[str, limits(minLength=1, maxLength=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowNotice(ToDevice):
    """Show a recovery notice to whoever reads the terminal (P3.4)."""

    notice_id: Id
    plate: Annotated[str, limits(minLength=1, maxLength=32)]
    lines: list[Text]
    amount_fen: Fen
    expires_at_ms: Millis
    berth_code: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawNotice(ToDevice):
    """Take the notice away: paid, disputed or stale."""

    notice_id: Id


def parse(action: str, payload: dict[str, Any]) -> FromDevice:
    """The device's message; raises Invalid `unknown_action` or `bad_payload` with its fields."""
    if action not in MESSAGES:
        raise Invalid("unknown_action", f"No message is called {action[:40]}.")
    return _parse(MESSAGES[action], payload)


def parse_command(action: str, payload: dict[str, Any]) -> ToDevice:
    """The platform's command, without its `command_id`; raises Invalid like `parse`."""
    if action not in COMMANDS:
        raise Invalid("unknown_action", f"No command is called {action[:40]}.")
    return _parse(COMMANDS[action], payload)


def _parse(message: type[M], payload: dict[str, Any]) -> M:
    must = required(message)
    payload = {name: part for name, part in payload.items() if part is not None or name in must}
    wrong = dict(_complaints(message, payload))
    if wrong:
        where = ", ".join(sorted(wrong))
        raise Invalid(
            "bad_payload", f"The payload does not fit {message.__name__}: {where}.", wrong
        )
    return message(**{name: _exact(value) for name, value in payload.items()})


def _exact(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _complaints(message: type[Message], payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for error in _validator(message.__name__).iter_errors(payload):
        if error.validator == "required":
            for name in required(message) - payload.keys():
                yield name, "It is missing."
        elif error.validator == "additionalProperties":
            for name in sorted(payload.keys() - error.schema["properties"])[:MOST_NAMED]:
                yield name[:40], "No such field is known here."
        else:
            yield ".".join(str(part) for part in error.absolute_path), error.message[:200]


@cache
def _validator(action: str) -> Any:
    # Asked for here, so that a device that only speaks needs nothing beyond its socket library.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema_of((MESSAGES | COMMANDS)[action]))


# ── Schemas ──────────────────────────────────────────────────────────────────────────────────


def required(message: type[Message]) -> set[str]:
    """The fields that a payload must have; the others may be left out or null."""
    own = fields(message)  # type: ignore[arg-type]
    return {one.name for one in own if one.default is MISSING and one.default_factory is MISSING}


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON schema (2020-12) of a message's payload; unknown fields are refused."""
    hints = get_type_hints(message, include_extras=True)
    own = fields(message)  # type: ignore[arg-type]
    return {
        "title": message.__name__,
        "type": "object",
        "properties": {one.name: _schema(hints[one.name]) for one in own},
        "required": sorted(required(message)),
        "additionalProperties": False,
    }


def _schema(hint: Any) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**_schema(args[0]), **dict(args[1])}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(arg) for arg in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is list:
        return {"type": "array", "items": _schema(args[0]), "maxItems": 50}
    if origin is dict or hint is dict:
        return {"type": "object"}
    return {"type": {str: "string", int: "integer", bool: "boolean", types.NoneType: "null"}[hint]}
