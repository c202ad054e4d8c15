"""Portraits of vehicles, computed in the database as of a moment (P0.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts import selectors as accounts
from accounts.states import HoldingState
from arrears.models import Assessment, Portrait
from arrears.risk import features
from arrears.risk.portrait import FEATURES_SQL, NOT_CONTESTED_SQL
from arrears.rules.vehicle import subject_of
from arrears.services import watches
from arrears.states import AssessmentState, WatchState
from core import clock
from core.transition import transition
from core.vehicles import same_vehicle_sql

# What counts as history: stays that left and cost something, of the plates that the subject holds.
# Not: stays under a former holder, stays that were voided, waived or are contested.
SERVING_SQL = f"""
WITH targets AS (
    SELECT * FROM unnest(%(ids)s::int[], %(subjects)s::text[], %(as_of)s::timestamptz[],
                         %(known)s::boolean[]) AS t(target_id, subject, as_of, holder_known)
), plates AS (
    SELECT * FROM unnest(%(owners)s::text[], %(texts)s::text[], %(colours)s::text[],
                         %(users)s::bigint[]) AS p(subject, plate_text, plate_colour, user_id)
), history AS (
    SELECT p.subject, s.id AS stay_id, s.arrived_at, s.left_at, s.settled_at, s.fee_fen,
           s.pay_window_s AS window_s, s.simulated
    FROM plates p
    JOIN parking_stay s ON {same_vehicle_sql("p", "s")}
    WHERE s.is_billed AND {NOT_CONTESTED_SQL}
      AND NOT EXISTS (SELECT 1 FROM accounts_holding h
                      WHERE h.plate_text = s.plate_text AND h.plate_colour = s.plate_colour
                        AND h.ended_at > s.arrived_at AND h.user_id IS DISTINCT FROM p.user_id)
)
SELECT f.*, EXISTS (SELECT 1 FROM history h JOIN targets t USING (subject)
                    WHERE t.target_id = f.target_id AND h.simulated AND h.left_at < t.as_of)
FROM ({FEATURES_SQL}) f
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A portrait before it is kept."""

    subject: str
    as_of: datetime
    features: dict[str, Any]
    simulated: bool


def draw(*, plate_text: str, plate_colour: str, as_of: datetime) -> Drawn:
    """What was known before `as_of` of who drives this plate; one query over their stays.

    Of the proven holder with all plates they had shown by then, else of the plate alone.
    """
    user = accounts.holder_of(plate_text, plate_colour)
    plates: Sequence[tuple[str, str]] = [(plate_text, plate_colour)]
    if user is not None:
        held = [one for one in accounts.holdings_of(user) if one.state == HoldingState.PROVEN]
        plates = [(one.plate_text, one.plate_colour) for one in held]
    subject = subject_of(plate_text, plate_colour, user.pk if user else None)
    with connection.cursor() as cursor:
        cursor.execute(
            SERVING_SQL,
            {
                "ids": [0],
                "subjects": [subject],
                "as_of": [as_of],
                "known": [user is not None],
                "owners": [subject] * len(plates),
                "texts": [text for text, _colour in plates],
                "colours": [colour for _text, colour in plates],
                "users": [user.pk if user else None] * len(plates),
            },
        )
        row = cursor.fetchone()
    values = dict(zip(features.NAMES, row[1:-1], strict=True))
    return Drawn(subject, as_of, values, simulated=bool(row[-1]))


def keep(drawn: Drawn) -> Portrait:
    """Store the portrait that a decision rests on."""
    return Portrait.objects.create(
        subject=drawn.subject,
        as_of=drawn.as_of,
        version=features.VERSION,
        features=drawn.features,
        has_history=bool(drawn.features["stays"]),
        simulated=drawn.simulated,
        made_at=clock.now(),
    )


@transaction.atomic
def delete_portraits(*, user_id: int, plates: Sequence[tuple[str, str]], actor: str) -> int:
    """The person wants their portraits gone, and what was concluded from them; how many were.

    The stays remain: they are the platform's books. Scores and reasons go; watches end.
    """
    subjects = [f"user:{user_id}", *(subject_of(text, colour, None) for text, colour in plates)]
    portraits = Portrait.objects.filter(subject__in=subjects)
    about = Assessment.objects.filter(portrait__in=portraits)
    stay_ids = list(about.values_list("stay_id", flat=True))
    transition(
        about,
        source=[AssessmentState.WAITING, AssessmentState.DONE],
        target=AssessmentState.DELETED,
        actor=actor,
        reason="deleted by its subject",
        probability=None,
        at_risk=None,
        reasons=[],
        payment_time=[],
        payment_time_s=None,
        portrait=None,
    )
    watches.end(stay_ids, target=WatchState.DROPPED, actor=actor)
    deleted, _by_model = Portrait.objects.filter(subject__in=subjects).delete()
    return deleted
