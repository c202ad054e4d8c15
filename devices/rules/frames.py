"""Frames on the socket, as OCPP-J has them: a call, its result, its error.

`[2, id, action, payload]`, `[3, id, payload]`, `[4, id, code, text, details]`. An id has at most
36 characters and belongs to its sender. Each side has one call open at a time; only a command to
lower a lock may overtake.
"""

import json
from dataclasses import dataclass, field
from typing import Any

SUBPROTOCOL = "bowei.1"
MAX_FRAME_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 1024  # up to here a typed error, beyond it close code 1009
MAX_ID = 36
MAX_ACTION = 40
UNKNOWN_ID = "-1"  # answers a frame whose id could not be read

CLOSE_STALE = 4001  # a newer log-in of the same device took over
CLOSE_SLOW = 4008  # the device does not read what it is sent

CALL, RESULT, ERROR = 2, 3, 4


class BadFrame(Exception):
    """A frame that can't be read. `code` is what the sender is told, `id` its id where readable."""

    def __init__(self, code: str, text: str, *, id: str = UNKNOWN_ID) -> None:
        super().__init__(text)
        self.code, self.text, self.id = code, text, id


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    action: str
    payload: dict[str, Any]

    def encode(self) -> str:
        return _dump([CALL, self.id, self.action, self.payload])


@dataclass(frozen=True, slots=True)
class Result:
    id: str
    payload: dict[str, Any]

    def encode(self) -> str:
        return _dump([RESULT, self.id, self.payload])


@dataclass(frozen=True, slots=True)
class Error:
    id: str
    code: str
    text: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def encode(self) -> str:
        return _dump([ERROR, self.id, self.code, self.text, self.details])


Frame = Call | Result | Error


def decode(raw: str | bytes) -> Frame:
    """The frame in `raw`; raises BadFrame with code `oversize`, `malformed` or `unknown_type`."""
    if isinstance(raw, bytes):
        raise BadFrame("malformed", "Frames are text, photographs go by HTTP.")
    if len(raw) > MAX_FRAME_BYTES or len(raw.encode()) > MAX_FRAME_BYTES:
        raise BadFrame("oversize", f"A frame has at most {MAX_FRAME_BYTES} bytes.")
    try:
        parts = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadFrame("malformed", "Not JSON.") from error
    if not isinstance(parts, list) or len(parts) < 2:
        raise BadFrame("malformed", "A frame is a list of at least two parts.")
    kind, id, *rest = parts
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID:
        raise BadFrame("malformed", f"The id is a text of 1 to {MAX_ID} characters.")
    if "\\u" in raw and not _storable(parts):
        bad_id = id if _storable(id) else UNKNOWN_ID
        raise BadFrame("malformed", "A text holds a character that no text may hold.", id=bad_id)
    match kind, rest:
        case 2, [str(action), dict(payload)] if type(kind) is int and len(action) <= MAX_ACTION:
            return Call(id, action, payload)
        case 3, [dict(payload)]:
            return Result(id, payload)
        case 4, [str(code), str(text), dict(details)]:
            return Error(id, code, text, details)
        case 4, [str(code), *_]:
            return Error(id, code)
        case ((2 | 3), _):
            raise BadFrame("malformed", "The parts of the frame don't fit its type.", id=id)
    raise BadFrame("unknown_type", "A frame begins with 2, 3 or 4.", id=id)


def _dump(parts: list[Any]) -> str:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _storable(value: Any) -> bool:
    """PostgreSQL keeps neither a zero character nor half a surrogate pair."""
    if isinstance(value, str):
        return not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(_storable(key) and _storable(part) for key, part in value.items())
    return all(map(_storable, value)) if isinstance(value, list) else True
