"""Which part of a visit is the card's, and so belongs into the statement (P4.7, P4.8)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from monthlycard.rules.admission import KIND_CARD, CardRecord, parts_of_stay
from monthlycard.rules.visits import Visit


def card_visits(
    visits: Iterable[Visit],
    records: Iterable[CardRecord],
    *,
    when_expired: Literal["split", "temporary"],
) -> list[Visit]:
    """These visits as far as they are the card's; those that are wholly temporary are left out.

    `records` are all versions of the cards concerned. A visit goes by the newest version that was
    made by its exit and is of its plate: what came later changes no visit that has ended, so both
    sides count alike whenever they count.
    """
    versions = sorted(records, key=lambda record: record.version, reverse=True)
    kept: list[Visit] = []
    for visit in visits:
        record = next(
            (
                record
                for record in versions
                if record.card_number == visit.entry.card_number and record.made_at <= visit.exit.at
            ),
            None,
        )
        if record is None or record.plate_text != visit.exit.plate_text:
            continue
        part = parts_of_stay(
            record, entry_at=visit.entry.at, exit_at=visit.exit.at, when_expired=when_expired
        )[0]
        if part.kind == KIND_CARD:
            cut = part.ends_at if part.ends_at < visit.exit.at else None
            kept.append(replace(visit, card_until=cut))
    return kept
