"""Shared options of Celery tasks, and the one that belongs to no row."""

import logging
from typing import Any

from celery import shared_task
from django.db import InterfaceError, OperationalError

from core import probes

log = logging.getLogger("bowei.tasks")

# The database was away for a moment: again after 1, 2, 4 … seconds. Sweeps, which find what got
# lost altogether, are slower.
AGAIN_WITHOUT_DATABASE: dict[str, Any] = {
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": True,
    "max_retries": 4,
}


@shared_task
def look_at_our_pages() -> None:
    """Ask for a page of ours at its public address, as people do."""
    probes.look()


def ask_for_our_pages() -> int:
    """A sweep: a worker looks whether our pages are there; now and then, one of several."""
    if not probes.is_time():
        return 0
    try:
        look_at_our_pages.apply_async(expires=probes.EVERY.total_seconds())
    except Exception as error:  # the broker is away, which the dispatcher notices itself
        log.warning("core.pages_not_asked error=%s", type(error).__name__)
        return 0
    return 1
