"""Row locks stop who works on a row, and nobody who only points to it."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from core import locks
from core.models import ClockSetting
from tests.core.test_transition import in_threads


def test_every_row_lock_lets_rows_be_added_that_point_to_it():
    """FOR NO KEY UPDATE: a foreign key's check of the locked row does not wait."""
    own = [Path(app.path) for app in apps.get_app_configs()]
    sources = [
        path for room in own if room.parent == settings.BASE_DIR for path in room.rglob("*.py")
    ]
    found = {}
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr == "select_for_update":
                found[f"{path}:{node.lineno}"] = "no_key" in {word.arg for word in node.keywords}
    assert len(found) > 20
    assert [place for place, right in found.items() if not right] == []


def test_a_lock_lets_a_key_check_through_and_nobody_who_changes_the_row(transactional_db, clock):
    def check_key(_n: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM core_clocksetting FOR KEY SHARE NOWAIT")

    def change(_n: int) -> None:
        with transaction.atomic():
            list(ClockSetting.objects.select_for_update(no_key=True, nowait=True))

    with transaction.atomic():
        assert len(locks.lock(ClockSetting.objects.all())) == 1
        checked, changed = in_threads(1, check_key), in_threads(1, change)
    assert checked == []
    assert ["could not obtain lock" in str(error) for error in changed] == [True]


def test_work_under_a_name_is_done_by_one_and_another_name_is_free(transactional_db):
    seen: list[tuple[bool, bool]] = []

    def look(_n: int) -> None:
        with transaction.atomic():
            seen.append((locks.alone("test", 1), locks.alone("test", 2)))

    with transaction.atomic():
        locks.one_at_a_time("test", 1)
        assert in_threads(1, look) == []
    assert in_threads(1, look) == []
    assert seen == [(False, True), (True, True)]


@pytest.mark.parametrize("count", [8])
def test_who_waits_its_turn_comes_after_the_other(transactional_db, count):
    inside: list[int] = []
    seen: list[int] = []

    def work(number: int) -> None:
        with transaction.atomic():
            locks.one_at_a_time("test", 3)
            inside.append(number)
            seen.append(len(inside))
            inside.remove(number)

    assert in_threads(count, work) == []
    assert seen == [1] * count
