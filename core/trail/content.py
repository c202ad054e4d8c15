"""What of an audit entry is proven, as bytes and their digests; also without a database.

Personal words (`reason`, `facts`) count by a salted digest alone: they can go, and so can their
salt, and the proof of all the rest stays.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

FORMAT = "bowei trail 1"
_LEAF = struct.Struct(">q32s")  # an entry's number, its digest


class Entry(Protocol):
    """An audit entry, as core.models.AuditEntry has it."""

    pk: Any
    at: Any
    recorded_at: Any
    subject: Any
    subject_id: Any
    action: Any
    from_state: Any
    to_state: Any
    actor: Any
    reason: Any
    facts: Any
    salt: Any
    veiled: Any


def words_of(entry: Entry) -> bytes:
    """The digest that stands for the personal words of an entry; of a veiled one, what it kept."""
    if entry.veiled is not None:
        return bytes(entry.veiled)
    return hashlib.sha256(bytes(entry.salt or b"") + _bytes([entry.reason, entry.facts])).digest()


def digest(entry: Entry) -> bytes:
    """The digest of an entry: its number, every column, and that of its words."""
    return hashlib.sha256(
        _bytes(
            [
                FORMAT,
                entry.pk,
                _moment(entry.at),
                _moment(entry.recorded_at),
                entry.subject,
                entry.subject_id,
                entry.action,
                entry.from_state,
                entry.to_state,
                entry.actor,
                words_of(entry).hex(),
            ]
        )
    ).digest()


def pack(entries: Iterable[Entry]) -> bytes:
    """Numbers and digests of entries, 40 bytes each."""
    return b"".join(_LEAF.pack(one.pk, digest(one)) for one in entries)


def unpack(leaves: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and digest of each entry. Raises ValueError for what is no such list."""
    try:
        yield from _LEAF.iter_unpack(leaves)
    except struct.error as error:
        raise ValueError("no list of digests") from error


def head(
    *,
    former: bytes,
    number: int,
    after_id: int,
    upto_id: int,
    total: int,
    sealed_at: datetime,
    leaves: bytes,
) -> bytes:
    """The digest of a seal: of all that it holds, and through `former` of all seals before."""
    said = [FORMAT, former.hex(), number, after_id, upto_id, total, _moment(sealed_at)]
    return hashlib.sha256(_bytes(said) + hashlib.sha256(leaves).digest()).digest()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _bytes(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
