"""A service that writes twice does so in one transaction: watched in every test.

A test's own transaction hides that a service opened none. So every statement of a test is looked
at: outside a transaction that our code opened, a service may write once, and locks no row.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connection
from django.db.transaction import Atomic

ROOT = Path(__file__).resolve().parent.parent
SERVICES = re.compile(rf"{re.escape(str(ROOT))}/[a-z]+/services(/\w+)?\.py")
WRITES = re.compile(
    r"\s*((INSERT|UPDATE|DELETE)\b"
    r"|WITH\b.*?\b(INSERT INTO|(?<!FOR )(?<!NO KEY )UPDATE|DELETE FROM)\b)",
    re.DOTALL,
)
LOCKS = re.compile(r"\bFOR (NO KEY )?UPDATE\b|\bpg_(try_)?advisory_xact_lock\b")
OF_DJANGO = re.compile(r"/django/db/models/")


def tell_blocks_of_django_apart() -> None:
    """Remember of each atomic block whether Django's models opened it for a single call of theirs,
    as `bulk_create` and `get_or_create` do."""
    enter = Atomic.__enter__

    def entered(block: Atomic) -> None:
        opener = sys._getframe(1).f_code.co_filename
        block._of_django = bool(OF_DJANGO.search(opener))  # type: ignore[attr-defined]
        enter(block)

    Atomic.__enter__ = entered  # type: ignore[method-assign]


@contextmanager
def watched() -> Iterator[list[str]]:
    """What services wrote or locked in pieces, one sentence each."""
    found: list[str] = []
    wrote: dict[FrameType, Any] = {}

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        writes, locks = WRITES.match(sql), LOCKS.search(sql)
        if writes or locks:
            blocks = [one for one in connection.atomic_blocks if not one._from_testcase]
            if all(getattr(one, "_of_django", False) for one in blocks):
                piece = blocks[0] if blocks else object()
                for frame in _services(sys._getframe(1)):
                    if locks and not blocks:
                        found.append(f"{_name(frame)} locks outside a transaction: {sql[:200]}")
                    if writes and wrote.setdefault(frame, piece) is not piece:
                        found.append(f"{_name(frame)} writes in pieces; the second: {sql[:200]}")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield found
    wrote.clear()


def _services(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if SERVICES.fullmatch(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def _name(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename).relative_to(ROOT)
    return f"{path}:{frame.f_lineno} {frame.f_code.co_qualname}"
