"""Single-point changes: what is a point, and whether a test notices it."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.local import changed, maps
from config.local.changes import points_of
from config.local.noticing import Ground, draw, files

CODE = b"""
from django.db import transaction

@transaction.atomic
def pay(rows, due_fen, paid_fen):
    stays = locks.lock(rows)
    audit.record(stays, "paid")
    log.info("paid")
    if paid_fen >= due_fen and stays:
        return ["settled", "told"]
    with transaction.atomic():
        transition(stays, target="late", event=Late, at=now)
    return rows.filter(state="due", stay=1).update(paid_fen=paid_fen)
"""


def changes(code: bytes) -> set[tuple[str, str, str]]:
    return {(one.kind, one.old, one.new) for one in points_of(code, "pay.py")}


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("no transaction", "@transaction.atomic", ""),
        ("no transaction", "with transaction.atomic()", "if True"),
        ("no lock", "locks.lock(rows)", "list(rows)"),
        ("no event", "event=Late,", ""),
        ("audit.record is not called", 'audit.record(stays, "paid")', "pass"),
        ("compared otherwise", "paid_fen >= due_fen", "(paid_fen > due_fen)"),
        (
            "a part of the condition is left out",
            "paid_fen >= due_fen and stays",
            "((paid_fen >= due_fen))",
        ),
        ("never taken", "paid_fen >= due_fen and stays", "False"),
        ('without "told"', '["settled", "told"]', '["settled"]'),
        ("without state", 'state="due",', ""),
        ("without stay", ", stay=1", ""),
        ("one more", "1", "2"),
    ],
)
def test_a_change_is_one_place_where_one_thing_is_otherwise(kind: str, old: str, new: str) -> None:
    assert (kind, old, new) in changes(CODE)


def test_what_is_said_to_a_log_is_no_point() -> None:
    assert not [one for one in changes(CODE) if "log" in one[0]]


@pytest.mark.parametrize(
    "code",
    [
        b'__all__ = ["pay", "settle"]\n',
        b"@dataclass(frozen=True, slots=True)\nclass Due:\n    fen: int\n",
        b'Kind = Literal["time", "amount"]\n',
    ],
)
def test_what_decides_nothing_is_no_point(code: bytes) -> None:
    assert changes(code) == set()


def test_a_condition_in_sql_is_left_out() -> None:
    code = b'SQL = """SELECT 1\nWHERE a = 1\n  AND b = 2\n"""\n'

    assert ("without this part", "  AND b = 2", "") in changes(code)


def test_a_lock_in_sql_is_not_taken() -> None:
    code = b'SQL = "SELECT 1 FROM due FOR NO KEY UPDATE SKIP LOCKED"\n'

    assert ("no lock", " FOR NO KEY UPDATE SKIP LOCKED", "") in changes(code)


def test_a_change_is_made_at_its_place_among_chinese_words() -> None:
    code = 'WORD = "车牌"\ndef sure(n):\n    return n > 3\n'.encode()
    point = next(one for one in points_of(code, "x.py") if one.kind == "compared otherwise")

    assert point.applied(code).decode().endswith("return (n >= 3)\n")
    with pytest.raises(ValueError, match="not the file"):
        point.applied(b"# another\n" + code)


def test_a_change_that_a_test_looks_at_is_noticed_and_another_is_not(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    code = b"def fee(s):\n    return 100 if s > 900 else 0\n\ndef name():\n    return 1\n"
    (root / "rule.py").write_bytes(code)
    (root / "test_rule.py").write_text(
        "import rule\n\n"
        "def test_a_quarter_is_free():\n    assert rule.fee(900) == 0 and rule.fee(901) == 100\n\n"
        "def test_a_name():\n    rule.name()\n\n"
        "def test_that_fails_in_any_case():\n    assert rule.fee(0) == rule.name()\n"
    )
    broken, free, name = (
        f"test_rule.py::test_{one}"
        for one in ("that_fails_in_any_case", "a_quarter_is_free", "a_name")
    )
    tests = [broken, free, name]
    ground = Ground(root, tmp_path, {"DJANGO_SETTINGS_MODULE": ""})
    boundary, unseen = (
        next(one for one in points_of(code, "rule.py") if one.old == old)
        for old in ("s > 900", "1")
    )

    found = ground.noticed_by(boundary, tests, 60)
    assert (found.test, found.asked, found.uncounted) == (free, 3, (broken,))
    found = ground.noticed_by(unseen, tests, 60)
    assert (found.test, found.asked, found.uncounted) == ("", 3, (broken,))
    assert (ground.made / "rule.py").read_bytes() == code


def test_tests_of_several_modules_notice_a_change_in_one_process(tmp_path: Path) -> None:
    """None of them finds what another module's test has left behind."""
    root = tmp_path / "root"
    root.mkdir()
    code = b"def fee(s):\n    return 100 if s > 900 else 0\n"
    (root / "rule.py").write_bytes(code)
    for name, assertion in (("a", "fee(0) == 0"), ("b", "fee(9) == 0"), ("c", "fee(900) == 0")):
        text = f"from rule import fee\n\ndef test_one():\n    assert {assertion}\n\n"
        (root / f"test_{name}.py").write_text(text + "def test_two():\n    fee(0)\n")
    tests = [f"test_{name}.py::test_{test}" for name in "bac" for test in ("one", "two")]
    points = points_of(code, "rule.py")
    boundary = next(one for one in points if one.old == "s > 900")
    larger = next(one for one in points if one.old == "900")
    ground = Ground(root, tmp_path, {"PYTHONPATH": str(Path.cwd())})
    found = list(ground.noticed([(boundary, tests, 60), (larger, tests[:4], 60)]))
    assert [(one.point, one.test, one.uncounted) for one in found] == [
        (boundary, "test_c.py::test_one", ()),
        (larger, "", ()),
    ]


PAY = b"""
from django.db import transaction

def fee(s):
    return 100 if s > 900 else 0

class Bill:
    def due(self):
        return [fee(s) for s in (900, 901)]

@transaction.atomic
def settle():
    return transaction.get_connection().in_atomic_block

FREE = 900
"""


@pytest.fixture
def pay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of ours, loaded, whose function another has taken over by another name."""
    (tmp_path / "pay_for_changes.py").write_bytes(PAY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("pay_for_changes")
    del sys.modules["pay_for_changes"]


def change(pay: Any, old: str, new: str) -> None:
    file = Path(pay.__file__)
    changed.make(file, PAY, PAY.replace(old.encode(), new.encode()))


def test_a_change_holds_wherever_its_function_is_referred_to(pay: Any) -> None:
    taken_over, bill = pay.fee, pay.Bill()
    assert (taken_over(900), bill.due()) == (0, [0, 100])
    change(pay, "s > 900", "s >= 900")
    assert (taken_over(900), bill.due()) == (100, [100, 100])


def test_a_change_takes_a_transaction_away(pay: Any, transactional_db: None) -> None:
    taken_over = pay.settle
    assert taken_over() is True
    change(pay, "@transaction.atomic\n", "\n")
    assert taken_over() is False


def test_a_change_outside_of_functions_is_left_to_another_process(pay: Any) -> None:
    with pytest.raises(LookupError):
        change(pay, "FREE = 900", "FREE = 901")


def test_a_point_within_a_statement_over_several_lines_is_run_where_that_is() -> None:
    code = b"def f(x):\n    return g(\n        x,\n        a=1,\n    )\n"
    point = next(one for one in points_of(code, "x.py") if one.old == "1")
    assert point.line == 4
    assert maps.statement(point, code) == range(2, 6)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two rows with tests of their own."""
    for name in ("parking/services/fees.py", "tests/parking/test_fees.py", "tests/people.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FREE = 900\n")
    for name in ("core/money.py", "core/data/old.py", "tests/core/test_money.py", "tests/x/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FREE = 900\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def test_the_draw_is_over_the_services_and_rules_of_rows_and_the_mechanisms_of_core(
    repository: Path,
) -> None:
    found = files(repository, [])
    names = [str(one.relative_to(repository)) for one in found]
    assert names == ["core/money.py", "parking/services/fees.py"]
    both = draw(repository, found, seed=1, count=9)
    assert {one.path for one in both} == set(names)
    assert draw(repository, found, seed=7, count=1, kinds=["one more"]) == draw(
        repository, found, seed=7, count=1, kinds=["one more"]
    )


def test_each_folder_of_tests_has_a_map_of_its_own_the_rows_first(repository: Path) -> None:
    assert maps.places(repository) == ["tests/core", "tests/parking"]


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        ("core/money.py", {"tests/core", "tests/parking"}),
        ("tests/people.py", {"tests/core", "tests/parking"}),
        ("tests/parking/test_fees.py", {"tests/parking"}),
        ("tests/core/test_more.py", {"tests/core"}),
        ("docs/laws.md", set()),
    ],
)
def test_a_map_is_made_anew_for_what_its_tests_depend_on(
    repository: Path, changed: str, anew: set[str]
) -> None:
    places = maps.places(repository)
    before = {one: maps.key(repository, one) for one in places}
    (repository / changed).parent.mkdir(exist_ok=True)
    (repository / changed).write_text("FREE = 901\n")
    assert {one for one in places if maps.key(repository, one) != before[one]} == anew


def test_a_test_that_failed_unchanged_is_asked_of_no_change() -> None:
    code = b"def f(x):\n    return x > 1\n"
    touched = maps.Touched(
        lines={"x.py": {2: frozenset({"slow", "quick", "broken"}), 9: frozenset({"other"})}},
        seconds={"slow": 2.0, "quick": 0.1, "other": 0.1},
        failing=frozenset({"broken"}),
    )
    point = next(one for one in points_of(code, "x.py") if one.old == "x > 1")
    assert touched.tests_of(point, code) == ["quick", "slow"]
