"""Which model serves, which are in shadow, and how one takes over (P0.3)."""

from datetime import date

import numpy as np
from django.db import IntegrityError, transaction

from arrears.errors import ModelNotBetter
from arrears.models import Assessment, PayWindow, RiskModel, ShadowScore
from arrears.risk import figures, registry
from arrears.rules.cost import Costs, threshold
from arrears.states import AssessmentState, PayWindowState, RiskModelState
from core import clock
from core.transition import transition

JUDGED_AT_LEAST = 500


def costs_of(row: RiskModel) -> Costs:
    """The costs as the operator has set them."""
    return Costs(
        contact_fen=row.contact_fen,
        annoyance_fen=row.annoyance_fen,
        due_fen=row.due_fen,
        lift=row.lift,
    )


def threshold_of(row: RiskModel) -> float:
    return threshold(costs_of(row))


@transaction.atomic
def register(
    version: str, *, actor: str, state: RiskModelState = RiskModelState.SHADOW
) -> RiskModel:
    """Enter a model's register into the database, in shadow. Raises registry.BadModel."""
    facts, sha256 = registry.read_register(version)
    row, _created = RiskModel.objects.get_or_create(
        version=version,
        defaults={
            "sha256": sha256,
            "source": facts["source"],
            "data_from": date.fromisoformat(facts["data"]["learn"]["from"]),
            "data_to": date.fromisoformat(facts["data"]["judge"]["to"]),
            "figures": facts["figures"],
            "state": state,
            "registered_at": clock.now(),
            **{name: facts["costs"][name] for name in Costs().as_dict()},
        },
    )
    del actor
    return row


def serving() -> RiskModel:
    """The model that decides; the shipped one until another has taken over."""
    row = RiskModel.objects.filter(state=RiskModelState.SERVING).first()
    if row is not None:
        return row
    try:
        with transaction.atomic():
            return register(
                registry.SHIPPED, actor="system:arrears.models", state=RiskModelState.SERVING
            )
    except IntegrityError:  # another worker was first
        return RiskModel.objects.get(state=RiskModelState.SERVING)


def in_shadow() -> list[RiskModel]:
    return list(RiskModel.objects.filter(state=RiskModelState.SHADOW).order_by("pk"))


def compare(candidate: RiskModel) -> tuple[int, float, float]:
    """Stays judged by both, and the squared error (Brier) of the serving and the candidate.

    A stay is judged once its pay window is over; what became of it is not known before.
    """
    scores = dict(
        ShadowScore.objects.filter(
            model=candidate, assessment__state=AssessmentState.DONE
        ).values_list("assessment_id", "probability")
    )
    rows = Assessment.objects.filter(
        pk__in=scores, model__state=RiskModelState.SERVING, probability__gte=0
    )
    stay_ids = rows.values("stay_id")
    over = PayWindow.objects.filter(
        stay__in=stay_ids, state__in=[PayWindowState.ENDED, PayWindowState.PAID]
    )
    windows = {one.stay_id: one for one in over.select_related("stay")}
    judged = [
        (row.probability, scores[row.pk], _was_late(windows[row.stay_id]))
        for row in rows
        if row.stay_id in windows and row.probability is not None
    ]
    if not judged:
        return 0, 1.0, 1.0
    serving_p, candidate_p, late = (
        np.array(one, dtype=np.float64) for one in zip(*judged, strict=True)
    )
    happened = late.astype(bool)
    return len(judged), figures.brier(serving_p, happened), figures.brier(candidate_p, happened)


def _was_late(window: PayWindow) -> bool:
    settled_at = window.stay.settled_at
    return settled_at is None or settled_at > window.due_at


@transaction.atomic
def promote(version: str, *, actor: str) -> RiskModel:
    """Let a model take over that was better in shadow. Raises ModelNotBetter."""
    candidate = RiskModel.objects.select_for_update(no_key=True).get(
        version=version, state=RiskModelState.SHADOW
    )
    n, serving_error, candidate_error = compare(candidate)
    if n < JUDGED_AT_LEAST or candidate_error >= serving_error:
        raise ModelNotBetter(
            needed=JUDGED_AT_LEAST,
            judged=n,
            serving=round(serving_error, 5),
            candidate=round(candidate_error, 5),
        )
    transition(
        RiskModel.objects.filter(state=RiskModelState.SERVING),
        source=RiskModelState.SERVING,
        target=RiskModelState.RETIRED,
        actor=actor,
    )
    transition(
        candidate,
        source=RiskModelState.SHADOW,
        target=RiskModelState.SERVING,
        actor=actor,
        reason=f"{n} stays",
    )
    return candidate
