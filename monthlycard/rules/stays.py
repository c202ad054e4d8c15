"""Which part of a visit is the card's, and so belongs into the statement (P4.7, P4.8)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from monthlycard.rules.admission import KIND_CARD, CardRecord, parts_of_stay
from monthlycard.rules.visits import Visit

LONGEST_VISIT = timedelta(days=60)  # beyond it an exit and an entry between them were lost


def card_visits(
    visits: Iterable[Visit],
    records: Iterable[CardRecord],
    *,
    lot: str,
    when_expired: Literal["split", "temporary"],
) -> list[Visit]:
    """These visits of `lot` as far as they are the card's; the others are left out.

    `records` are all versions of the cards concerned that this lot was told. A visit goes by the
    versions that held at its entry and at its exit, never by later ones, so both sides count alike
    whenever they count: both must be of its plate and open this lot, at the entry the card was
    valid, at the exit it was not suspended. A visit with an odd record is nobody's money, and
    neither is one that is longer than any visit.
    """
    versions: dict[str, list[CardRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda one: one.version):
        versions[record.card_number].append(record)
    kept: list[Visit] = []
    for visit in visits:
        if visit.entry.odd or visit.exit.odd or too_long(visit):
            continue
        held = _held_through(versions[visit.entry.card_number], visit, lot)
        part = parts_of_stay(
            held, entry_at=visit.entry.at, exit_at=visit.exit.at, when_expired=when_expired
        )[0]
        if part.kind == KIND_CARD:
            cut = part.ends_at if part.ends_at < visit.exit.at else None
            kept.append(replace(visit, card_until=cut))
    return kept


def too_long(visit: Visit) -> bool:
    """Whether a visit is longer than any is."""
    return visit.exit.at - visit.entry.at > LONGEST_VISIT


def held_at(versions: Sequence[CardRecord], at: datetime) -> CardRecord | None:
    """The version of one card that held at this moment; `versions` in their order."""
    return next((record for record in reversed(versions) if record.made_at <= at), None)


def _held_through(versions: Sequence[CardRecord], visit: Visit, lot: str) -> CardRecord | None:
    """The version at the entry, with the end that renewals moved and a lapse between did not.

    None where the card did not open this lot to this vehicle at the entry or at the exit.
    """
    entered, left = held_at(versions, visit.entry.at), held_at(versions, visit.exit.at)
    if entered is None or left is None or entered.state != "active" or left.state == "suspended":
        return None
    for record, by in ((entered, visit.entry), (left, visit.exit)):
        if record.plate_text != by.plate_text or lot not in record.lots:
            return None
    until = entered.valid_until
    for record in versions:
        if entered.version < record.version <= left.version and record.made_at < until:
            until = record.valid_until
    return replace(entered, valid_until=until)
