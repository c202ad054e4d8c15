"""Log lines: a JSON object each, with the facts of an event as fields of their own.

No line holds a phone, a plate or a link's token whole, whoever says it: a library's sentence, an
address, what a database wrote about the row that was there before.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from core.plates import PROVINCES

# In the order of their covering: what a path ends in may hold digits that look like a phone.
_COVERED = (
    # A token of an address; a file of ours is none.
    (re.compile(r"(?<=/)(?![\w.-]*\.py\b)(?=[^/\s\"'?]*[\dA-Z])[\w:.~=-]{20,}"), 4),
    (re.compile(r"(?<![\dA-Za-z])(?:\+?86)?1[3-9]\d{9}(?!\d)"), 3),  # a phone
    (re.compile(rf"[{PROVINCES}使][A-Z·][A-Z0-9·]{{4,7}}[学警港澳领挂]?"), 2),  # a plate
)
_EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
_FACT = re.compile(r"([a-z_]+)=%[sdr]")


class JsonLines(logging.Formatter):
    """`at` (real time, UTC), `level`, `logger`; then `event` and its facts, or a `message`.

    An event is logged as `log.info("parking.vehicle_left stay=%s due_fen=%s", …)`: a dotted name
    in the past tense, then facts. Any other message is a sentence and stays one. What was raised
    stands in `traceback`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **(_event(record) or {"message": record.getMessage()}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return discreet(json.dumps(line, ensure_ascii=False, default=str))


def discreet(text: str) -> str:
    """The text with phones, plates and tokens cut to their first characters."""
    for pattern, kept in _COVERED:
        text = pattern.sub(lambda found, kept=kept: f"{found[0][:kept]}…", text)  # type: ignore[misc]
    return text


class Strangers(logging.Filter):
    """What strangers send wrongly is no error of ours: a line, without a traceback.

    Of a socket that was refused the refusal is told where it was decided; uvicorn's word about it
    is left out.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return record.msg != "ASGI callable returned without completing handshake."


def _event(record: logging.LogRecord) -> dict[str, Any] | None:
    """The event's name and facts; None for a message that is not put together so."""
    name, *words = str(record.msg).split(" ")
    facts = [_FACT.fullmatch(word) for word in words]
    given = record.args if isinstance(record.args, tuple) else ()
    if not _EVENT.fullmatch(name) or None in facts or len(facts) != len(given):
        return None
    names = [fact[1] for fact in facts if fact]
    return {"event": name, **dict(zip(names, given, strict=True))}
