"""Looks whether the trail is what was sealed; whoever changed it, the database's superuser too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.models import AuditEntry, TrailSeal
from core.trail import anchors, content, keys
from core.trail.sealing import NOTHING
from core.trail.veiling import TRAIL, VEILED

SEALS_AT_ONCE = 20


@dataclass
class Report:
    """What was found: `wrong` says of each thing what and which, in order; the rest counts."""

    wrong: list[str] = field(default_factory=list)
    entries: int = 0
    seals: int = 0
    veiled: int = 0
    not_sealed: int = 0
    not_sealed_since: datetime | None = None  # when the oldest of them was recorded


def verify(known: Sequence[dict[str, Any]] = ()) -> Report:
    """Compare every entry with its seal, every seal with the one before, and both with anchors."""
    report, former, veiled = Report(), None, set[int]()
    heads = {int(one.get("seal", 0)): "" for one in known}
    for seal in _seals():
        _follows(report, seal, former)
        _entries(report, seal, veiled)
        report.seals += 1
        if seal.number in heads:
            heads[seal.number] = bytes(seal.head).hex()
        former = seal
    _anchored(report, known, heads)
    _veiled(report, veiled)
    rest = AuditEntry.objects.filter(pk__gt=former.upto_id if former else 0).order_by("pk")
    report.not_sealed = rest.count()
    oldest = rest.first()
    report.not_sealed_since = oldest.recorded_at if oldest else None
    for entry in AuditEntry.objects.filter(pk__lte=0).order_by("pk"):
        report.wrong.append(f"entry {entry.pk} was inserted: no entry has such a number")
    return report


def _seals() -> Iterator[TrailSeal]:
    """All of them in order, some at a time: no cursor on the server outlives a transaction."""
    number, ordered = 0, TrailSeal.objects.order_by("number")
    while some := list(ordered.filter(number__gt=number)[:SEALS_AT_ONCE]):
        yield from some
        number = some[-1].number


def _follows(report: Report, seal: TrailSeal, former: TrailSeal | None) -> None:
    """Whether a seal is whole, signed, and the next of the one before."""
    wrong = report.wrong
    number, head, after_id = (
        (former.number, bytes(former.head), former.upto_id) if former else (0, NOTHING, 0)
    )
    if seal.number != number + 1:
        wrong.append(f"seals {number + 1} to {seal.number - 1} are gone")
    elif bytes(seal.former) != head or seal.after_id != after_id:
        wrong.append(f"seal {seal.number} does not follow on seal {number}")
    said = content.head(
        former=bytes(seal.former),
        number=seal.number,
        after_id=seal.after_id,
        upto_id=seal.upto_id,
        total=seal.total,
        sealed_at=seal.sealed_at,
        leaves=bytes(seal.leaves),
    )
    key = keys.trusted().get(seal.key_id)
    if said != bytes(seal.head):
        wrong.append(f"seal {seal.number} was changed")
    elif key is None:
        wrong.append(f"seal {seal.number} is signed by a key that is not trusted: {seal.key_id}")
    elif not keys.is_signed(said, bytes(seal.signature), key):
        wrong.append(f"seal {seal.number} is not signed by its key")


def _entries(report: Report, seal: TrailSeal, veiled: set[int]) -> None:
    """Whether the entries of a seal's numbers are those that it lists, and as they were."""
    found = {
        one.pk: one for one in AuditEntry.objects.filter(pk__gt=seal.after_id, pk__lte=seal.upto_id)
    }
    try:
        sealed = dict(content.unpack(bytes(seal.leaves)))
    except ValueError:
        return  # the seal itself was changed, and is told
    report.entries += len(sealed)
    for pk in sorted(sealed.keys() | found.keys()):
        if pk not in found:
            report.wrong.append(f"entry {pk} was removed (seal {seal.number})")
        elif pk not in sealed:
            report.wrong.append(f"entry {pk} was inserted later (into seal {seal.number})")
        elif content.digest(found[pk]) != sealed[pk]:
            report.wrong.append(f"entry {pk} was changed (seal {seal.number})")
        if pk in found and found[pk].veiled is not None:
            veiled.add(pk)


def _anchored(report: Report, known: Sequence[dict[str, Any]], heads: dict[int, str]) -> None:
    """Whether each anchor is ours, and its seal still what it was then."""
    before = 0
    for anchor in sorted(known, key=lambda one: int(one.get("seal", 0))):
        number, day = int(anchor.get("seal", 0)), str(anchor.get("made_at", ""))[:10]
        if not anchors.is_ours(anchor):
            report.wrong.append(f"the anchor of {day} (seal {number}) is not signed by us")
        elif not heads[number]:
            report.wrong.append(f"the anchor of {day} names seal {number}, which is gone")
        elif heads[number] != anchor["head"]:
            report.wrong.append(
                f"the trail was rewritten: something of seals {before + 1} to {number} is not what "
                f"the anchor of {day} says"
            )
        else:
            before = number


def _veiled(report: Report, veiled: set[int]) -> None:
    """Whether of each entry without words the trail says that they were taken out."""
    report.veiled = len(veiled)
    named = set[int]()
    said = AuditEntry.objects.filter(subject=TRAIL, subject_id=0, action=VEILED)
    for facts in said.values_list("facts", flat=True):
        named.update(facts.get("entries", []))
    report.wrong += [
        f"entry {pk} lost its words, and no entry says by whom" for pk in sorted(veiled - named)
    ]
