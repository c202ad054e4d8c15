"""Shared options of Celery tasks."""

from typing import Any

from django.db import InterfaceError, OperationalError

# The database was away for a moment: again after 1, 2, 4 … seconds. Sweeps, which find what got
# lost altogether, are slower.
AGAIN_WITHOUT_DATABASE: dict[str, Any] = {
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": True,
    "max_retries": 4,
}
