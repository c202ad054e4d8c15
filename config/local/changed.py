"""In a test process: one change after the other, each in a child of its own that runs its tests.

A pytest plugin for `./bowei mutate`. Django is loaded and the database made once; a child then has
the change in its functions and nothing else is otherwise. Each test leaves the database as it
found it, so does each child.
"""

import ast
import contextlib
import gc
import importlib
import inspect
import itertools
import json
import os
import selectors
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from django.core.management import call_command
from django.db import connections
from django.db.transaction import Atomic
from pytest_django.plugin import blocking_manager_key

from config.local.changes import Point
from config.local.noticing import ANSWERS, ASKED, HUNG, NOT_MADE


def pytest_configure(config: pytest.Config) -> None:
    config.option.capture = "no"  # a child says nothing but its answer


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    asked = json.loads(Path(os.environ[ASKED]).read_text())
    items = {item.nodeid: item for item in session.items}
    with os.fdopen(int(os.environ[ANSWERS]), "w") as answers:
        if session.items:  # makes the database, which every child finds
            _run(session.items[0], session)
        for one in asked:
            point = Point(**one["point"])
            found = [items[test] for test in one["tests"] if test in items]
            test, uncounted = _noticed_by(point, found, session, one["longest_s"])
            answers.write(json.dumps({"test": test, "uncounted": uncounted}) + "\n")
            answers.flush()
    return True


def _noticed_by(
    point: Point, items: Sequence[Any], session: Any, longest_s: float
) -> tuple[str, list[str]]:
    """The first of these tests that fails with the change and not without it, "" where none does;
    and those that fail in any case."""
    file = Path(point.path).resolve()
    left, uncounted = list(items), list[str]()
    while left:
        test = _in_a_child(left, session, longest_s, file, point)
        failed = next((one for one in left if one.nodeid == test), None)
        if failed is None:  # none did, or it does not end, or the change could not be made
            return test, uncounted
        if not _in_a_child([failed], session, longest_s, file, None):
            return test, uncounted
        uncounted.append(test)
        left = left[left.index(failed) + 1 :]
    return "", uncounted


def _in_a_child(
    items: Sequence[Any], session: Any, longest_s: float, file: Path, point: Point | None
) -> str:
    """The first of these tests that fails in a child of this process with this change, or none."""
    source = file.read_bytes()
    after = point.applied(source) if point else source
    _close_connections()
    reading, writing = os.pipe()
    file.write_bytes(after)  # for whoever starts a process of the whole
    child = os.fork()
    if not child:
        os.close(reading)
        os.setpgid(0, 0)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        told = NOT_MADE
        with contextlib.suppress(BaseException):
            if point:
                make(file, source, after)
            told = _first_failing(items, session)
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    try:
        told_in_time = _answer_of(child, reading, longest_s)
    finally:
        file.write_bytes(source)
    if told_in_time is None:
        _empty(session.config)
        return HUNG
    return told_in_time


def _answer_of(child: int, reading: int, longest_s: float) -> str | None:
    told = b""
    until = time.monotonic() + longest_s
    with selectors.DefaultSelector() as waiting, os.fdopen(reading, "rb", 0) as pipe:
        waiting.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < until:
            if waiting.select(until - time.monotonic()):
                said = pipe.read(4096)
                if not said:
                    os.waitpid(child, 0)
                    return told.decode()
                told += said
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _first_failing(items: Sequence[Any], session: Any) -> str:
    for item, after in itertools.zip_longest(items, items[1:], fillvalue=session):
        if _run(item, after):
            return str(item.nodeid)
    return ""


def _run(item: Any, after: Any) -> bool:
    """Whether this test fails. What it shares with `after` stays: with the session the database,
    and nothing of a module, for another module's test that came next would find it in its way."""
    return any(one.failed for one in runtestprotocol(item, log=False, nextitem=after))


# ── The change ───────────────────────────────────────────────────────────────────────────────
def make(file: Path, before: bytes, after: bytes) -> None:
    """Let the loaded functions of this file do what the changed source says, wherever they are
    referred to. Raises LookupError where the change lies outside of them."""
    codes = dict(_codes(compile(after, str(file), "exec")))
    name = ".".join(file.relative_to(Path.cwd()).with_suffix("").parts).removesuffix(".__init__")
    importlib.import_module(name)
    changed = 0
    for function in _functions(file):
        code = codes.get(function.__qualname__)
        if code is None or code.co_freevars != function.__code__.co_freevars:
            continue
        if not _same(code, function.__code__):
            changed += 1
            function.__code__ = code
    changed += _open_no_transaction(file, before, after)
    if not changed:
        raise LookupError("nothing is otherwise")


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Each function of the module or of its classes, by its qualified name."""
    for one in code.co_consts:
        if not isinstance(one, CodeType):
            continue
        if one.co_flags & inspect.CO_NEWLOCALS:  # which the body of a class has not
            yield one.co_qualname, one
        else:
            yield from _codes(one)


def _functions(file: Path) -> list[FunctionType]:
    gc.collect()
    return [
        one
        for one in gc.get_objects()
        if type(one) is FunctionType  # isinstance would wake up whatever is lazy
        and one.__code__.co_filename == str(file)
        and "<locals>" not in one.__qualname__
    ]


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same; where they stand is no matter."""
    if len(one.co_consts) != len(other.co_consts):
        return False
    pairs = zip(one.co_consts, other.co_consts, strict=True)
    return (
        (one.co_code, one.co_names, one.co_varnames)
        == (other.co_code, other.co_names, other.co_varnames)
    ) and all(
        _same(mine, theirs)
        if isinstance(mine, CodeType) and isinstance(theirs, CodeType)
        else (type(mine), mine) == (type(theirs), theirs)
        for mine, theirs in pairs
    )


class _NoTransaction:
    """What stands where a function's transaction was."""

    def _recreate_cm(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


def _open_no_transaction(file: Path, before: bytes, after: bytes) -> int:
    """Take the transaction from the function that is decorated with none any more; how many."""
    gone = _decorated(before) - _decorated(after)
    taken = 0
    for one in gc.get_objects():
        if type(one) is not FunctionType or not hasattr(one, "__wrapped__"):
            continue
        code = getattr(one.__wrapped__, "__code__", None)
        cells = dict(zip(one.__code__.co_freevars, one.__closure__ or (), strict=True))
        if code is None or code.co_filename != str(file) or code.co_qualname not in gone:
            continue
        if "self" in cells and isinstance(cells["self"].cell_contents, Atomic):
            cells["self"].cell_contents = _NoTransaction()
            taken += 1
    return taken


def _decorated(source: bytes) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(one).startswith("transaction.atomic") for one in node.decorator_list)
    }


# ── The database between two children ────────────────────────────────────────────────────────
def _close_connections() -> None:
    """Of two processes that share a connection neither understands what it is told."""
    for one in connections.all(initialized_only=True):
        one.close()


def _empty(config: pytest.Config) -> None:
    """A child was ended within a test: what it wrote goes, and whom it left in the database."""
    with config.stash[blocking_manager_key].unblock():
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        call_command("flush", verbosity=0, interactive=False)
