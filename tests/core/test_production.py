"""Production refuses what only a demo or a test may have, and says what it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from config.local import refusals
from core import checks

ROOT = Path(__file__).resolve().parents[2]
DEMO = settings.DEMO_SECRETS
SOUND = {"PATH": os.environ["PATH"], **refusals.SOUND}


def numbers(found: list[CheckMessage]) -> set[str]:
    return {str(one.id).removeprefix("bowei.") for one in found}


@pytest.mark.parametrize("what", refusals.ENVIRONMENTS)
def test_each_switch_of_a_demo_is_refused_by_its_number(what: str):
    changes, expected = refusals.ENVIRONMENTS[what]
    if isinstance(expected, str):
        with pytest.raises(ImproperlyConfigured, match=expected):
            refusals.settings_of(changes)
    else:
        assert refusals.answer(refusals.settings_of(changes)) == expected


@pytest.mark.parametrize("what", refusals.EDITED)
def test_what_no_variable_sets_is_refused_too(what: str):
    said = refusals.settings_of()
    assert refusals.answer(said) == set()
    edits, expected = refusals.EDITED[what]
    vars(said).update(edits)
    assert refusals.answer(said) == expected


def test_the_command_says_what_production_would_take(monkeypatch: pytest.MonkeyPatch):
    assert list(refusals.wrong()) == []
    monkeypatch.setattr(checks, "DEMO_ONLY", checks.DEMO_ONLY[:-1])
    kept = {"any host": refusals.ENVIRONMENTS["any host"]}
    unseen = "a password alone for staff"
    monkeypatch.setattr(refusals, "ENVIRONMENTS", kept | {unseen: refusals.ENVIRONMENTS[unseen]})
    said = list(refusals.wrong())
    assert said[0] == f"{unseen}: taken instead of {{'E039'}}"
    assert "bowei.E011 is tried by nothing here" in said
    assert refusals.main() == 1


def test_the_demos_secrets_are_those_of_the_settings():
    assert refusals.DEMO == DEMO


def test_a_process_that_no_command_starts_ends_with_the_sentence(settings):
    sound = refusals.settings_of()
    for name in ("PRODUCTION", "TESTING", "SECRET_KEY", "PERSONAL_KEY", "TRAIL_KEY"):
        setattr(settings, name, getattr(sound, name))
    with pytest.raises(ImproperlyConfigured, match="E013"):
        checks.refuse_a_demo_in_production()


def test_a_demo_may_be_a_demo(settings):
    settings.PRODUCTION = False
    assert checks.production_is_no_demo(None) == []
    assert numbers(checks.production_is_meant(None)) == {"E010"}


def manage(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=SOUND | more,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )


SWITCHES = {
    "BOWEI_TESTING": "1",
    "BOWEI_SECRET_KEY": DEMO["BOWEI_SECRET_KEY"],
    "BOWEI_PERSONAL_KEY": "1",
    "BOWEI_HOSTS": "*",
}


def test_the_deployment_check_passes_what_is_sound_and_names_each_switch_of_a_demo():
    deploy = ("manage.py", "check", "--deploy")
    sound = manage(*deploy)
    assert sound.returncode == 0, sound.stdout
    wrong = manage(*deploy, **SWITCHES)
    assert wrong.returncode != 0
    named = {number for number in ("E017", "E018", "E021", "E023") if number in wrong.stdout}
    assert named == {"E017", "E018", "E021", "E023"}
    assert DEMO["BOWEI_SECRET_KEY"] not in wrong.stdout


def test_neither_the_web_process_nor_a_command_starts_with_a_switch_of_a_demo():
    web = ("-c", "import config.asgi; print('serving')")
    assert manage(*web).stdout.endswith("serving\n")
    for switch, said in [("BOWEI_TESTING", "E017"), ("BOWEI_HOSTS", "E023")]:
        refused = manage(*web, **{switch: SWITCHES[switch]})
        assert refused.returncode != 0
        assert said in refused.stdout
    command = manage("manage.py", "dispatch", BOWEI_TESTING="1")
    assert command.returncode != 0
    assert "E017" in command.stdout
    sandbox = manage(*web, BOWEI_SMS="sandbox")
    assert sandbox.returncode != 0
    assert "BOWEI_SMS=sandbox" in sandbox.stdout
