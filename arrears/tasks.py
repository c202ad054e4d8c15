"""Slow work of this row: XGBoost runs in workers, never in a web process or the dispatcher."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from core.tasks import AGAIN_WITHOUT_DATABASE

log = logging.getLogger("bowei.arrears")


@shared_task(**AGAIN_WITHOUT_DATABASE)  # type: ignore[misc]
def score(assessment_id: int) -> None:
    """Score one stay (P0.3). Twice is harmless; a lost one is asked for again by the sweep."""
    from arrears.services import scoring

    scoring.score(assessment_id)


def ask_scorer(assessment_id: int) -> None:
    """Queue the scoring; an unreachable queue costs seconds, the sweep asks again."""
    try:
        score.delay(assessment_id)
    except OperationalError as error:
        log.warning("arrears.queue_away error=%s", type(error).__name__)
