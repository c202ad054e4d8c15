"""Production refuses what only a demo or a test may have, and says what it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from core import checks

ROOT = Path(__file__).resolve().parents[2]
FIRST_KEY = "ahMeiVahPh1ahw7Aichoh4oot0Iecoophie9Ohkah3jai5Thei"
OTHER_KEY = "ohF3iezooz5Eighah1iezaeThaikei7xoh9eiZohC6ohl2eeyu"
THIRD_KEY = "Ieb4ohJ0aiQuo6phahB2Ooh9eeY8thaiv1Aech5goh3dieSh7w"
SMS_ACCOUNT = (
    '{"access_key": "-", "secret": "-", "sign_name": "-", "templates": {"login_code": "-"}}'
)
SOUND = {
    "PATH": os.environ["PATH"],
    "BOWEI_PRODUCTION": "1",
    "BOWEI_SECRET_KEY": FIRST_KEY,
    "BOWEI_PERSONAL_KEY": OTHER_KEY,
    "BOWEI_TRAIL_KEY": THIRD_KEY,
    "BOWEI_HOSTS": "bowei.example",
    "BOWEI_ORIGINS": "https://bowei.example",
    "BOWEI_PUBLIC_URL": "https://bowei.example",
    "DATABASE_URL": "postgresql://bowei@database.example/bowei?sslmode=verify-full",
    "REDIS_URL": "rediss://valkey.example/0",
    "BOWEI_PROXIES": "1",
    "BOWEI_SMS_ALIYUN": SMS_ACCOUNT,
}
DEMO = settings.DEMO_SECRETS
STRONG = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]


def elsewhere(sslmode: str | None) -> dict[str, object]:
    return {"default": {"HOST": "database.example", "OPTIONS": {"sslmode": sslmode}}}


WRONG: dict[str, tuple[dict[str, object], set[str]]] = {
    "no database": ({"DATABASES": {"default": {"OPTIONS": {"host": "/nonexistent"}}}}, {"E011"}),
    "no valkey": ({"REDIS_URL": "unix:///nonexistent/valkey.sock?db=0"}, {"E012"}),
    "a clock that moves": ({"BOWEI_MOVABLE_CLOCK": True}, {"E013"}),
    "an address without TLS": ({"PUBLIC_URL": "http://bowei.example"}, {"E014"}),
    "sandbox payments": ({"BOWEI_SANDBOX_PAYMENTS": True}, {"E015"}),
    "sandbox messages": ({"BOWEI_SMS": "sandbox"}, {"E016"}),
    "the tests' settings": ({"TESTING": True}, {"E017"}),
    "the demo's secret": ({"SECRET_KEY": DEMO["BOWEI_SECRET_KEY"]}, {"E018"}),
    "the demo's other": ({"PERSONAL_KEY": DEMO["BOWEI_PERSONAL_KEY"]}, {"E019"}),
    "the demo's, swapped": ({"PERSONAL_KEY": DEMO["BOWEI_SECRET_KEY"]}, {"E019"}),
    "a short secret": ({"SECRET_KEY": FIRST_KEY[:49]}, {"E020"}),
    "one character": ({"PERSONAL_KEY": "1"}, {"E021"}),
    "one character often": ({"PERSONAL_KEY": "1" * 60}, {"E021"}),
    "a key of Django's": ({"SECRET_KEY": f"django-insecure-{FIRST_KEY}"}, {"E020"}),
    "one key for both": ({"PERSONAL_KEY": FIRST_KEY}, {"E022"}),
    "one key for the trail too": ({"TRAIL_KEY": OTHER_KEY}, {"E022"}),
    "the demo's third": ({"TRAIL_KEY": DEMO["BOWEI_TRAIL_KEY"]}, {"E030"}),
    "a short one for the trail": ({"TRAIL_KEY": THIRD_KEY[:49]}, {"E031"}),
    "any host": ({"ALLOWED_HOSTS": ["*"]}, {"E023"}),
    "any host beside one": ({"ALLOWED_HOSTS": ["bowei.example", "*"]}, {"E023"}),
    "no host": ({"ALLOWED_HOSTS": []}, {"E023"}),
    "an origin without TLS": ({"CSRF_TRUSTED_ORIGINS": ["http://bowei.example"]}, {"E024"}),
    "any origin": ({"CSRF_TRUSTED_ORIGINS": ["https://*.example"]}, {"E024"}),
    "debugging": ({"DEBUG": True}, {"E025"}),
    "nobody says how many proxies": ({"BOWEI_PROXIES": -1}, {"E026"}),
    "a database in the clear": ({"DATABASES": elsewhere(None)}, {"E027"}),
    "a database that anybody may be": ({"DATABASES": elsewhere("require")}, {"E027"}),
    "valkey in the clear": ({"REDIS_URL": "redis://valkey.example/0"}, {"E028"}),
    "a broker in the clear": ({"CELERY_BROKER_URL": "redis://broker.example/0"}, {"E028"}),
    "weak hashes": (
        {"PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"]},
        {"E029"},
    ),
}


@pytest.fixture
def sound(settings):
    """Settings as production has them."""
    settings.PRODUCTION = True
    settings.TESTING = settings.DEBUG = False
    settings.BOWEI_MOVABLE_CLOCK = settings.BOWEI_SANDBOX_PAYMENTS = False
    settings.BOWEI_SMS = "aliyun"
    settings.SECRET_KEY, settings.PERSONAL_KEY = FIRST_KEY, OTHER_KEY
    settings.TRAIL_KEY = THIRD_KEY
    settings.ALLOWED_HOSTS = ["bowei.example"]
    settings.PUBLIC_URL = "https://bowei.example"
    settings.DATABASES = elsewhere("verify-full")
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "rediss://valkey.example/0"
    settings.BOWEI_PROXIES, settings.PASSWORD_HASHERS = 1, STRONG
    return settings


def numbers(found: list[CheckMessage]) -> set[str]:
    return {str(one.id).removeprefix("bowei.") for one in found}


@pytest.mark.parametrize("what", WRONG)
def test_each_thing_of_a_demo_is_refused_by_its_number(what: str, sound):
    assert checks.production_is_no_demo(None) == []
    changed, expected = WRONG[what]
    for name, value in changed.items():
        setattr(sound, name, value)
    assert numbers(checks.production_is_no_demo(None)) == expected
    with pytest.raises(ImproperlyConfigured, match="E0"):
        checks.refuse_a_demo_in_production()


def test_every_entry_of_the_list_is_tried_here():
    tried = {number for _changed, expected in WRONG.values() for number in expected}
    assert tried == {number.removeprefix("bowei.") for number, _said, _so in checks.DEMO_ONLY}


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
