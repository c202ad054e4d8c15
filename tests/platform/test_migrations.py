"""Migrations are real: landed ones stay as they are, and old data come through all later ones."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.local.system import ROOT
from core import frozen, versions
from core.versions import Fit, Found
from tests.platform import snapshots

SNAPSHOT = str(Path(__file__).with_name("demo_of_the_first_migrations.copy.gz"))
MADE_BY_DJANGO = {"auth_permission", "django_content_type"}  # grow with each new model
# Log-ins and sessions of packages that are gone, with names, addresses and keys in clear.
GONE = ("axes_", "django_session")
# A migration says what follows from old rows as an event, so they grow, and lose nothing.
TOLD_ON_THE_WAY = {"core_outboxevent"}


@pytest.fixture
def empty(process_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment for processes on an empty database of their own."""
    url = process_env["DATABASE_URL"]
    name = f"{connection.settings_dict['NAME']}_empty"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        yield {
            **process_env,
            "DATABASE_URL": url.replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?"),
        }
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def manage(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return run(env, "manage.py", *words)


# A night's pictures show no colour: each made an entry of its own beside the vehicle's. One vehicle
# by day and by night, new energy in two greens, two vehicles of one text, one known by night alone.
DOUBLES = [
    (101, "沪A12345", ""),
    (102, "粤BD12345", ""),
    (103, "粤BD12345", "green"),
    (104, "粤BD12345", "yellow_green"),
    (105, "粤B00001", ""),
    (106, "粤B00001", "blue"),
    (107, "粤B00001", "yellow"),
    (108, "粤B99999", ""),
]
DOUBLE_ENTRY = """
INSERT INTO arrears_blacklistentry
    (id, plate_text, plate_colour, state, since, due_at, active_at, amount_fen, why)
VALUES (%s, %s, %s, 'active', now(), NULL, now(), 900, '{}')
"""
TOLD_OF_THE_DOUBLE = "UPDATE arrears_recoverynotice SET entry_id = 101 WHERE id = 1"
GAPS = """
INSERT INTO parking_staygap (stay_id, began_at, ended_at, why)
SELECT id, arrived_at, CASE WHEN state <> 'parked' THEN left_at END, 'sensor_silent'
FROM parking_parkingsession WHERE state IN ('parked', 'due')
"""


def break_up(database: psycopg.Connection[tuple[object, ...]]) -> None:
    """The old data are as bad as they could be."""
    with database.cursor() as cursor:
        cursor.executemany(DOUBLE_ENTRY, DOUBLES)
        cursor.execute(TOLD_OF_THE_DOUBLE)


# ── Old data ────────────────────────────────────────────────────────────────────────────────────
def test_a_demo_of_the_first_migrations_is_brought_on_with_all_its_rows(empty):
    restored = run(empty, "-m", "tests.platform.snapshots", SNAPSHOT)
    assert restored.returncode == 0, restored.stderr
    before = manage(empty, "find_debts")
    assert (before.returncode, before.stderr) == (1, f"bowei: {Fit.BEHIND.value}\n")

    with psycopg.connect(empty["DATABASE_URL"], autocommit=True) as database:
        break_up(database)
    halfway = manage(empty, "migrate", "parking", "0012")
    assert halfway.returncode == 0, halfway.stderr
    with psycopg.connect(empty["DATABASE_URL"], autocommit=True) as database:
        gaps = database.execute(GAPS).rowcount
    brought_on = manage(empty, "migrate", "--no-input")
    assert brought_on.returncode == 0, brought_on.stderr

    with psycopg.connect(empty["DATABASE_URL"], autocommit=True) as database:
        bought = "SELECT count(*) FROM monthlycard_cardperiod p JOIN monthlycard_card c"
        bought += " ON c.id = p.card_id AND c.terms_id = p.terms_id AND c.lots <> '[]'"
        assert database.execute(bought).fetchone() == (1,)
        for head, _ in snapshots.read(SNAPSHOT)[1]:
            if head["table"].startswith(GONE):
                there = database.execute("SELECT to_regclass(%s)", [head["table"]]).fetchone()
                assert there == (None,), head["table"]
            elif head["table"] == "core_outboxdelivery":  # what was done leaves no row
                done = "SELECT count(*) FROM core_outboxdelivery WHERE state = 'done'"
                assert database.execute(done).fetchone() == (0,)
            elif head["table"] not in MADE_BY_DJANGO:
                counted = database.execute(f'SELECT count(*) FROM "{head["table"]}"').fetchone()
                more = head["table"] in TOLD_ON_THE_WAY and counted[0] > head["rows"]
                added = len(DOUBLES) if head["table"] == "arrears_blacklistentry" else 0
                assert more or counted == (head["rows"] + added,), head["table"]
        entries = database.execute("SELECT id, state FROM arrears_blacklistentry ORDER BY id")
        assert dict(entries.fetchall()) == {
            **{1: "active", 2: "pending", 101: "gone", 102: "gone", 103: "pending", 104: "gone"},
            **{105: "active", 106: "active", 107: "active", 108: "active"},
        }
        told = database.execute("SELECT entry_id FROM arrears_recoverynotice WHERE id = 1")
        assert told.fetchone() == (2,)
        silent = "SELECT count(*), count(q.ended_at), bool_and(q.began_at = s.arrived_at)"
        silent += " FROM parking_berthsilence q JOIN parking_parkingsession s USING (berth_id)"
        silent += " JOIN parking_staygap g ON g.stay_id = s.id AND g.began_at = q.began_at"
        found, ended, begin_fits = database.execute(silent).fetchone()
        assert (found, begin_fits) == (gaps, True) and 0 < ended < gaps
        said = "SELECT plate_said_of IS NULL, EXISTS (SELECT 1 FROM parking_sighting p"
        said += " WHERE p.stay_id = s.id AND p.plate_text = s.plate_text AND p.state = 'settled')"
        said += " FROM parking_parkingsession s WHERE plate_state = 'settled'"
        shown = database.execute(said).fetchall()
        assert shown and all(by_photograph == seen for by_photograph, seen in shown)
        unchecked = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
        assert database.execute(unchecked).fetchall() == []
        kept = "began_at + length_s * interval '1 second' = due_at"
        windows = database.execute(f"SELECT bool_and({kept}) FROM arrears_paywindow").fetchone()
        assert windows == (True,)
        with pytest.raises(psycopg.errors.RestrictViolation):
            database.execute("UPDATE payments_ledgerentry SET amount_fen = amount_fen + 1")
    again = manage(empty, "migrate", "--check")
    assert again.returncode == 0, again.stderr
    found = manage(empty, "find_debts")
    assert found.returncode == 0, found.stderr


def test_the_snapshot_is_small_and_holds_a_whole_demo():
    rows = {head["table"]: head["rows"] for head, _ in snapshots.read(SNAPSHOT)[1]}

    assert Path(SNAPSHOT).stat().st_size < 300 * 1024
    for table in ("parking_parkingsession", "arrears_debt", "recovery_recoveryorder"):
        assert rows[table]
    assert rows["payments_ledgerentry"] > 20
    assert rows["monthlycard_card"]


def test_a_snapshot_saved_now_holds_what_is_in_the_database(transactional_db, owner, tmp_path):
    call_command("save_snapshot", tmp_path / "now.copy.gz")

    applied, tables = snapshots.read(str(tmp_path / "now.copy.gz"))
    users = next(rows for head, rows in tables if head["table"] == "accounts_user")
    assert ("core", "0001_initial") in applied
    assert users.count(b"\n") == 1
    assert owner.phone_digest.encode() in users


# ── Data that do not fit ────────────────────────────────────────────────────────────────────────
def test_the_tables_are_what_the_migrations_make(db):
    assert versions.look() == Found(Fit.CURRENT)


@pytest.mark.parametrize(
    ("change", "fit", "what"),
    [
        (
            "ALTER TABLE arrears_debt DROP COLUMN demanded_fen",
            Fit.STRANGE,
            "arrears_debt lacks demanded_fen",
        ),
        (
            "ALTER TABLE arrears_debt ADD COLUMN colour_of_car text",
            Fit.STRANGE,
            "arrears_debt still has colour_of_car",
        ),
        (
            "ALTER TABLE arrears_contact DROP CONSTRAINT contact_state_known",
            Fit.STRANGE,
            "arrears_contact lacks contact_state_known",
        ),
        (
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('arrears', '9999_of_tomorrow', now())",
            Fit.NEWER,
            "arrears.9999_of_tomorrow",
        ),
    ],
)
def test_data_of_another_version_are_told_by_what_does_not_fit(db, change, fit, what):
    with connection.cursor() as cursor:
        cursor.execute(change)

    assert versions.look() == Found(fit, what)
    with pytest.raises(CommandError, match=f"{what}.*--fresh"):
        call_command("migrate")


def test_a_command_on_an_empty_database_says_a_sentence(empty):
    asked = manage(empty, "benchmark_questions")

    assert (asked.returncode, asked.stderr) == (1, f"bowei: {Fit.NONE.value}\n")


def test_a_command_that_needs_no_data_asks_for_none(empty):
    assert manage(empty, "check_plate", "沪A12345").returncode == 0


# ── Landed migrations ───────────────────────────────────────────────────────────────────────────
def test_every_landed_migration_is_as_it_was():
    assert list(frozen.problems()) == []


def test_a_landed_migration_that_is_changed_is_found(tmp_path):
    hashes, folder = tmp_path / "hashes", tmp_path / "arrears" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_initial.py").write_text("first")
    assert frozen.freeze(tmp_path, hashes) == ["arrears/migrations/0001_initial.py"]
    assert list(frozen.problems(tmp_path, hashes)) == []

    (folder / "0002_more.py").write_text("second")
    assert [text.split()[2] for text in frozen.problems(tmp_path, hashes)] == ["new:"]

    (folder / "0001_initial.py").write_text("better")
    frozen.freeze(tmp_path, hashes)
    (told,) = frozen.problems(tmp_path, hashes)
    assert told.startswith("arrears/migrations/0001_initial.py was changed after it had landed")

    (folder / "0001_initial.py").unlink()
    (told,) = frozen.problems(tmp_path, hashes)
    assert told.startswith("arrears/migrations/0001_initial.py is gone")


def test_sql_that_a_landed_migration_runs_from_elsewhere_is_frozen_with_it():
    for name in frozen.SQL:
        row, _slash, file = name.partition("/")
        first = (frozen.ROOT / row / "migrations" / "0001_initial.py").read_text()
        assert f"from {row} import {file.removesuffix('.py')}" in first
        assert name in frozen.HASHES.read_text()
