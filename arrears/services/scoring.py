"""Scoring a stay: the row is made at once, the score by a worker, however late (P0.3)."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from accounts import selectors as accounts
from arrears.models import Assessment, Dispute, OptOut, Portrait, RiskModel, ShadowScore
from arrears.rules.vehicle import subject_of
from arrears.selectors.questions import said_against
from arrears.services import models, portraits, watches
from arrears.services.stays import locked_one
from arrears.states import AssessmentState
from core import clock
from core.transition import transition
from parking.selectors import StayFacts
from parking.states import PlateState, StayState

log = logging.getLogger("bowei.arrears")
SYSTEM = "system:arrears.scoring"
Q = 0.8  # the predicted payment time: by then 8 of 10 who pay in time have paid
ASK_AGAIN = timedelta(seconds=30)


@transaction.atomic
def assess(*, stay_id: int) -> int | None:
    """Make sure that this stay is scored as of its arrival; the assessment's id if it has to be.

    A stay whose plate was corrected after it was scored is scored anew, for the right vehicle: what
    the other one's holder had deleted or objected to counts for them alone.
    """
    facts = locked_one(stay_id)
    if facts.simulated or facts.plate_state != PlateState.SETTLED or facts.state == StayState.VOID:
        return None
    if _refused(facts):
        return None
    row = Assessment.objects.filter(stay_id=stay_id).first()
    if row is None:
        row = Assessment.objects.create(
            stay_id=stay_id,
            plate_text=facts.plate_text,
            plate_colour=facts.plate_colour,
            as_of=facts.arrived_at,
            ask_again_at=clock.real() + ASK_AGAIN,
        )
        return row.pk
    if row.plate == facts.plate:
        return None
    moved = transition(
        row,
        source=[AssessmentState.WAITING, AssessmentState.DONE, AssessmentState.DELETED],
        target=AssessmentState.WAITING,
        actor=SYSTEM,
        reason="plate corrected",
        plate_text=facts.plate_text,
        plate_colour=facts.plate_colour,
        probability=None,
        at_risk=None,
        reasons=[],
        payment_time_s=None,
        payment_time=[],
        portrait=None,
        number=F("number") + 1,
        objected=said_against(facts).filter(reason=Dispute.Reason.DECISION).exists(),
        ask_again_at=clock.real() + ASK_AGAIN,
    )
    ShadowScore.objects.filter(assessment__in=moved).delete()
    return row.pk if moved else None


def _refused(facts: StayFacts) -> bool:
    """Whether its holder, or whoever spoke for the vehicle, has objected to being foreseen."""
    user = accounts.holder_of(facts.plate_text, facts.plate_colour)
    subjects = {
        subject_of(facts.plate_text, facts.plate_colour, None),
        subject_of(facts.plate_text, facts.plate_colour, user.pk if user else None),
    }
    return OptOut.objects.filter(subject__in=subjects, what=OptOut.What.PROFILING).exists()


def score(assessment_id: int) -> bool:
    """Draw the portrait, ask the models, store what they say; False where that was done before.

    Slow work stands outside the transaction. The stay is locked while the answer is stored: if it
    has left meanwhile, the score is marked late and its watch begins now.
    """
    from arrears.risk import registry, scoring

    row = Assessment.objects.filter(pk=assessment_id, state=AssessmentState.WAITING).first()
    if row is None:
        return False
    serving = models.serving()
    drawn = portraits.draw(
        plate_text=row.plate_text, plate_colour=row.plate_colour, as_of=row.as_of
    )
    answer = scoring.score(registry.load(serving.version), drawn.features)
    shadows = [
        (shadow, scoring.score(registry.load(shadow.version), drawn.features).probability)
        for shadow in models.in_shadow()
    ]
    with transaction.atomic():
        facts = locked_one(row.stay_id)
        if row.plate != facts.plate:
            return False
        stored = _store(
            row,
            answer,
            portraits.keep(drawn),
            serving,
            facts.pay_window_s,
            late=facts.left_at is not None,
        )
        if not stored:
            return False
        ShadowScore.objects.bulk_create(
            [ShadowScore(assessment=row, model=model, probability=p) for model, p in shadows],
            ignore_conflicts=True,
        )
        if facts.left_at is not None:
            watches.begin(facts)
    return True


def _store(
    row: Assessment,
    answer: object,
    portrait: Portrait,
    model: RiskModel,
    window_s: int,
    *,
    late: bool,
) -> bool:
    from arrears.risk.scoring import Score

    assert isinstance(answer, Score)
    threshold = models.threshold_of(model)
    hours = answer.payment_time.hours_until(Q, within_h=window_s / 3600)
    moved = transition(
        row,
        source=AssessmentState.WAITING,
        target=AssessmentState.DONE,
        actor=SYSTEM,
        reason=f"model {model.version}",
        portrait=portrait,
        model=model,
        probability=round(answer.probability, 6),
        threshold=round(threshold, 6),
        at_risk=answer.probability >= threshold,
        reasons=[
            {"feature": one.feature, "value": one.value, "push": one.push} for one in answer.reasons
        ],
        payment_time_s=round(hours * 3600),
        payment_time=[round(chance, 4) for chance in answer.payment_time.paid_by],
        late=late,
        done_at=clock.now(),
        ask_again_at=None,
    )
    log.info("arrears.assessed stay=%s at_risk=%s late=%s", row.stay_id, row.at_risk, late)
    return bool(moved)
