"""The same request twice has one effect and one answer (docs/rules.md 11)."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import Refused
from core.models import IdempotencyKey


@transaction.atomic
def once(
    scope: str, key: str, request: dict[str, Any], do: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Do it under this key, or give the answer it had the first time.

    A second caller waits for the first on the key's unique index. `do` runs in this transaction:
    if it raises, the key stays free. Raises Refused for the same key with another request.
    """
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
        return row.answer or {}
    done = do()
    row.answer = done
    row.save(update_fields=["answer"])
    return done
