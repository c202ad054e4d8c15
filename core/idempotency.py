"""The same request twice has one effect and one answer (docs/rules.md 11)."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import BoweiError, Refused
from core.models import IdempotencyKey


def once(
    scope: str, key: str, request: dict[str, Any], do: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Do it under this key, or give the answer it had the first time.

    A second caller waits for the first on the key's unique index. `do` runs in one transaction with
    the key: if it raises, the key stays free. What an error keeps (`BoweiError.keeps`) is kept here
    too. Raises Refused for the same key with another request.
    """
    with transaction.atomic():
        kept, answer = _once(scope, key, request, do)
    if kept is not None:
        raise kept
    return answer


def _once(
    scope: str, key: str, request: dict[str, Any], do: Callable[[], dict[str, Any]]
) -> tuple[BoweiError | None, dict[str, Any]]:
    text = json.dumps(request, sort_keys=True, ensure_ascii=False, default=str)
    request_hash = hashlib.sha256(text.encode()).hexdigest()
    row, created = IdempotencyKey.objects.get_or_create(
        scope=scope, key=key, defaults={"request_hash": request_hash}
    )
    if not created:
        if row.request_hash != request_hash:
            raise Refused(
                "idempotency_mismatch", _("This key was used before for another request.")
            )
        return None, row.answer or {}
    try:
        done = do()
    except BoweiError as error:
        if not error.keeps:
            raise
        row.delete()
        return error, {}
    row.answer = done
    row.save(update_fields=["answer"])
    return None, done
