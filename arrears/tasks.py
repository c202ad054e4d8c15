"""Slow work of this row: XGBoost runs in workers, never in a web process or the dispatcher."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from arrears.models import Assessment
from arrears.services import scoring
from arrears.states import AssessmentState
from core import clock
from core.tasks import AGAIN_WITHOUT_DATABASE

log = logging.getLogger("bowei.arrears")


@shared_task(**AGAIN_WITHOUT_DATABASE)  # type: ignore[misc]
def score(assessment_id: int) -> None:
    """Score one stay (P0.3). Twice is harmless; a lost one is asked for again by the sweep."""
    scoring.score(assessment_id)


def ask_scorer(assessment_id: int) -> None:
    """Queue the scoring; an unreachable queue costs seconds, the sweep asks again."""
    try:
        score.delay(assessment_id)
    except OperationalError as error:
        log.warning("arrears.queue_away error=%s", type(error).__name__)


def ask_again() -> int:
    """A sweep: scores whose task was lost with the queue are asked for again."""
    now = clock.real()
    rows = Assessment.objects.filter(state=AssessmentState.WAITING, ask_again_at__lte=now).order_by(
        "pk"
    )
    lost = list(rows.values_list("pk", flat=True)[:100])
    Assessment.objects.filter(pk__in=lost).update(ask_again_at=now + 4 * scoring.ASK_AGAIN)
    for pk in lost:
        ask_scorer(pk)
    return len(lost)
