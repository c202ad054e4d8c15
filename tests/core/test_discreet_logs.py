"""No log names a phone, a plate or a token whole, whoever writes it."""

import json
import logging
from pathlib import Path

import psycopg
import pytest

from config.local.postgres import Postgres
from core.logs import JsonLines, discreet
from tests.core.test_logs import written

TOKEN = "eJyrVspMUbIyNDTTUcpLzE1VslJ6sXCFko5SQWZKcoqSlZGBgamOUnFJalFqsRIA:1vXyZ0:Zz09_-aa"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Key (plate_text)=(沪B88888) exists", "Key (plate_text)=(沪B…) exists"),
        ("plate 沪A·12345 left", "plate 沪A… left"),
        ("沪AD12345 and 粤Z1C34港", "沪A… and 粤Z…"),
        ("to +86 13912345678.", "to +86 139…."),
        ("8613912345678", "861…"),
        (f"GET /dues/{TOKEN}/ 500", "GET /dues/eJyr…/ 500"),
        (f'"GET /live/{TOKEN}" [accepted]', '"GET /live/eJyr…" [accepted]'),
        ("/photographs/Zm9vYmFyMTIzNDU2Nzg5MA", "/photographs/Zm9v…"),
    ],
)
def test_what_names_a_person_is_cut(said: str, kept: str) -> None:
    assert discreet(said) == kept
    assert written(said)["message"] == kept


@pytest.mark.parametrize(
    "said",
    [
        "parking.vehicle_left stay 7 due_fen 1200 at 2026-03-02T09:00:00.000+00:00",
        'File "/srv/bowei/parking/services/stay_plates.py", line 128, in settle_plate',
        "order 20260302091500123456789012 of lot-west-20260304-1",
        "GET /api/v1/parking/sessions/128/ 200",
        "沪A·1••45",
    ],
)
def test_what_names_nobody_stays(said: str) -> None:
    assert discreet(said) == said


def test_a_traceback_is_cut_too() -> None:
    try:
        raise ValueError("沪B88888 of 13912345678")
    except ValueError as error:
        raised = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("bowei.x", logging.ERROR, "", 0, "failed", (), raised)
    line = json.loads(JsonLines().format(record))
    assert "沪B…" in line["traceback"]
    assert "88888" not in line["traceback"]
    assert "13912345678" not in line["traceback"]


@pytest.mark.chaos
def test_our_postgresql_logs_no_value(tmp_path: Path) -> None:
    import subprocess

    from config.local.processes import wait_until

    server = Postgres(folder=tmp_path / "postgres", log=tmp_path / "pg.log", durable=False)
    service = server.service()
    server.prepare()
    with server.log.open("ab") as log:
        process = subprocess.Popen(
            service.argv, env=service.env, stdout=log, stderr=log, **service.popen
        )
    try:
        assert wait_until(server.ready, timeout_s=60)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE car (plate text UNIQUE)")
            connection.execute("INSERT INTO car VALUES (%s)", ["沪B88888"])
            for statement, given in (
                ("INSERT INTO car VALUES (%s)", ["沪B88888"]),
                ("SELECT * FROM nowhere WHERE plate = '沪B88888'", []),
                ("SELECT %s::int", ["沪B88888"]),
            ):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement, given)  # type: ignore[arg-type]
    finally:
        process.send_signal(service.stop_signal)
        process.wait(30)
    said = server.log.read_text()
    assert 'duplicate key value violates unique constraint "car_plate_key"' in said
    assert 'relation "nowhere" does not exist' in said
    assert "DETAIL" not in said
    assert "nowhere WHERE" not in said
