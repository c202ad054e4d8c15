"""A log line is a JSON object, whoever says it."""

import ast
import json
import logging
import subprocess
from pathlib import Path

import pytest

from config.local.commands import free_port
from config.local.processes import wait_until
from config.local.system import ROOT, STORY, Launch, services
from core import plates
from core.logs import JsonLines, Strangers


def written(*message, level=logging.INFO, exc_info=None):
    """The line that the settings' formatter makes of `log.info(*message)`."""
    record = logging.LogRecord("bowei.x", level, "", 0, message[0], message[1:], exc_info)
    return json.loads(JsonLines().format(record))


def test_the_facts_of_an_event_are_fields_of_their_own():
    plate = plates.parse("沪A12345", "blue")

    line = written("parking.vehicle_left stay=%s due_fen=%s plate=%s", 7, 1200, plate.masked)

    assert (line["event"], line["stay"], line["due_fen"]) == ("parking.vehicle_left", 7, 1200)
    assert line["plate"] == "沪A·1••45"
    assert (line["level"], line["logger"]) == ("INFO", "bowei.x")
    assert line["at"].endswith("+00:00")
    assert "message" not in line


def test_a_librarys_sentence_stays_one_and_what_was_raised_stands_beside_it():
    try:
        raise ValueError("so 沪\n")
    except ValueError as error:
        line = written("Task %s failed\nbadly", "x", exc_info=(ValueError, error, None))

    assert line["message"] == "Task x failed\nbadly"
    assert line["traceback"].startswith("ValueError: so 沪")


def our_log_calls():
    rows = [folder for folder in ROOT.iterdir() if (folder / "__init__.py").exists()]
    for row in rows:
        if row.name == "tests":
            continue
        for file in row.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                    and node.func.attr in ("info", "warning", "error", "exception")
                ):
                    yield Path(file).relative_to(ROOT), node


def test_whatever_we_log_is_an_event_with_named_facts():
    calls = list(our_log_calls())
    assert len(calls) > 40
    for file, call in calls:
        template = ast.literal_eval(call.args[0])
        line = written(template, *range(len(call.args) - 1))
        assert "event" in line, f"{file}:{call.lineno} {template}"


def test_what_strangers_send_wrongly_is_a_line_without_a_traceback():
    try:
        raise ValueError("their header")
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    theirs = logging.LogRecord(
        "django.security.DisallowedHost", logging.ERROR, "", 1, "Invalid header", (), told
    )
    ours = logging.LogRecord("django.request", logging.ERROR, "", 1, "Ours", (), told)
    strangers = Strangers()
    assert strangers.filter(theirs) and strangers.filter(ours)
    line = json.loads(JsonLines().format(theirs))
    assert (line["level"], "traceback" in line) == ("WARNING", False)
    line = json.loads(JsonLines().format(ours))
    assert (line["level"], "traceback" in line) == ("ERROR", True)


@pytest.mark.chaos
@pytest.mark.parametrize("part", STORY[1:])
def test_a_process_that_starts_says_nothing_but_json(part, process_env, tmp_path):
    service = services(Launch(folder=str(tmp_path), parts=(part,), port=free_port()))[-1]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            service.argv, cwd=ROOT, env=process_env, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        ready = service.ready or (lambda: service.ready_words in log.read_text())
        assert wait_until(ready, timeout_s=90, every_s=0.2), log.read_text()
        said = log.read_text()
    finally:
        process.terminate()
        process.wait(30)

    lines = [json.loads(line) for line in said.splitlines()]
    assert all(line["level"] in ("INFO", "WARNING") for line in lines)
    assert lines or service.ready  # who is asked whether it is ready may keep silent
