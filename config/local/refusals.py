"""Every switch of a demo, tried: production refuses each by its number.

Run as a program it reads the settings anew for each switch, in this one process, and says which of
them production would have taken.
"""

import hashlib
import os
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from core import checks

SETTINGS = Path(__file__).resolve().parents[1] / "settings.py"
FIRST_KEY = "ahMeiVahPh1ahw7Aichoh4oot0Iecoophie9Ohkah3jai5Thei"
OTHER_KEY = "ohF3iezooz5Eighah1iezaeThaikei7xoh9eiZohC6ohl2eeyu"
THIRD_KEY = "Ieb4ohJ0aiQuo6phahB2Ooh9eeY8thaiv1Aech5goh3dieSh7w"
SMS_ACCOUNT = (
    '{"access_key": "-", "secret": "-", "sign_name": "-", "templates": {"login_code": "-"}%s}'
)
# Enough for the settings to load; nothing is connected to.
SOUND = {
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
    "BOWEI_SMS_ALIYUN": SMS_ACCOUNT % "",
}
DEMO = {  # as config/settings.py makes them
    name: hashlib.sha256(f"bowei demo {name}".encode()).hexdigest()
    for name in ("BOWEI_SECRET_KEY", "BOWEI_PERSONAL_KEY", "BOWEI_TRAIL_KEY")
}
DATABASE = "postgresql://bowei@database.example/bowei"
MD5 = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# What is tried, what of the environment it changes (None: is not set), and what production answers:
# numbers of core/checks.py, or words of the sentence with which the settings refuse to load.
ENVIRONMENTS: dict[str, tuple[Mapping[str, str | None], set[str] | str]] = {
    "no database": ({"DATABASE_URL": None}, {"E011"}),
    "no valkey": ({"REDIS_URL": None}, {"E012"}),
    "an address without TLS": ({"BOWEI_PUBLIC_URL": "http://bowei.example"}, {"E014"}),
    "sandbox messages": ({"BOWEI_SMS": "sandbox"}, "BOWEI_SMS=sandbox is for demos"),
    "no account for messages": ({"BOWEI_SMS_ALIYUN": None}, "BOWEI_SMS_ALIYUN must be set"),
    "the tests' settings": ({"BOWEI_TESTING": "1"}, {"E017", "E029"}),
    "no secret": ({"BOWEI_SECRET_KEY": None}, "BOWEI_SECRET_KEY must be set"),
    "no secret for people": ({"BOWEI_PERSONAL_KEY": None}, "BOWEI_PERSONAL_KEY must be set"),
    "no secret for the trail": ({"BOWEI_TRAIL_KEY": None}, "BOWEI_TRAIL_KEY must be set"),
    "the demo's secret": ({"BOWEI_SECRET_KEY": DEMO["BOWEI_SECRET_KEY"]}, {"E018"}),
    "the demo's other": ({"BOWEI_PERSONAL_KEY": DEMO["BOWEI_PERSONAL_KEY"]}, {"E019"}),
    "the demo's, swapped": ({"BOWEI_PERSONAL_KEY": DEMO["BOWEI_SECRET_KEY"]}, {"E019"}),
    "the demo's third": ({"BOWEI_TRAIL_KEY": DEMO["BOWEI_TRAIL_KEY"]}, {"E030"}),
    "a short secret": ({"BOWEI_SECRET_KEY": FIRST_KEY[:49]}, {"E020"}),
    "one character": ({"BOWEI_PERSONAL_KEY": "1"}, {"E021"}),
    "one character often": ({"BOWEI_PERSONAL_KEY": "1" * 60}, {"E021"}),
    "a short one for the trail": ({"BOWEI_TRAIL_KEY": THIRD_KEY[:49]}, {"E031"}),
    "a key of Django's": ({"BOWEI_SECRET_KEY": f"django-insecure-{FIRST_KEY}"}, {"E020"}),
    "one key for two": ({"BOWEI_PERSONAL_KEY": FIRST_KEY}, {"E022"}),
    "one key for the trail too": ({"BOWEI_TRAIL_KEY": OTHER_KEY}, {"E022"}),
    "any host": ({"BOWEI_HOSTS": "*"}, {"E023"}),
    "any host beside one": ({"BOWEI_HOSTS": "bowei.example,*"}, {"E023"}),
    "no host": ({"BOWEI_HOSTS": None}, {"E023", "E035"}),
    "an address that is not a host of ours": (
        {"BOWEI_PUBLIC_URL": "https://other.example"},
        {"E035"},
    ),
    "an origin without TLS": ({"BOWEI_ORIGINS": "http://bowei.example"}, {"E024"}),
    "any origin": ({"BOWEI_ORIGINS": "https://*.example"}, {"E024"}),
    "nobody says how many proxies": ({"BOWEI_PROXIES": None}, {"E026"}),
    "a database in the clear": ({"DATABASE_URL": DATABASE}, {"E027"}),
    "a database that anybody may be": ({"DATABASE_URL": f"{DATABASE}?sslmode=require"}, {"E027"}),
    "valkey in the clear": ({"REDIS_URL": "redis://valkey.example/0"}, {"E028"}),
    "a broker in the clear": ({"CELERY_BROKER_URL": "redis://broker.example/0"}, {"E028"}),
    "a former key of the demo": (
        {"BOWEI_SECRET_KEY_FORMER": f"{THIRD_KEY}x {DEMO['BOWEI_SECRET_KEY']}"},
        {"E032"},
    ),
    "a short former key": ({"BOWEI_SECRET_KEY_FORMER": "short"}, {"E032"}),
    "an exchange that forgets everybody": (
        {"BOWEI_PERSONAL_KEY_FORMER": f"{OTHER_KEY}x"},
        {"E033"},
    ),
    "a digest key of other letters": ({"BOWEI_DIGEST_KEY": "x" * 64}, {"E034"}),
    "lines for those who search for faults": ({"BOWEI_LOG_LEVEL": "DEBUG"}, {"E036"}),
    "messages in the clear": (
        {"BOWEI_SMS_ALIYUN": SMS_ACCOUNT % ', "endpoint": "http://sms.example"'},
        {"E037"},
    ),
    "a password alone for staff": ({"BOWEI_SECOND_FACTOR": "0"}, {"E039"}),
    "a trail that trusts what is no key": ({"BOWEI_TRAIL_FORMER": "somebody"}, {"E038"}),
}
# No variable sets these: whoever edits the settings is told too.
EDITED: dict[str, tuple[Mapping[str, Any], set[str]]] = {
    "a clock that moves": ({"BOWEI_MOVABLE_CLOCK": True}, {"E013"}),
    "sandbox payments": ({"BOWEI_SANDBOX_PAYMENTS": True}, {"E015"}),
    "sandbox messages, edited": ({"BOWEI_SMS": "sandbox"}, {"E016"}),
    "debugging": ({"DEBUG": True}, {"E025"}),
    "weak hashes": ({"PASSWORD_HASHERS": MD5}, {"E029"}),
}


def settings_of(changes: Mapping[str, str | None] | None = None) -> SimpleNamespace:
    """What the settings say with this environment, which is sound but for `changes`.

    Raises ImproperlyConfigured where they refuse to load.
    """
    said = {**SOUND, **(changes or {})}
    environment = {name: value for name, value in said.items() if value is not None}
    with mock.patch.dict(os.environ, environment, clear=True):
        found = runpy.run_path(str(SETTINGS))
    known = {name: getattr(global_settings, name) for name in dir(global_settings)}
    return SimpleNamespace(
        **{name: value for name, value in {**known, **found}.items() if name.isupper()}
    )


def answer(said: SimpleNamespace) -> set[str]:
    """The numbers with which production refuses these settings."""
    return {str(one.id).removeprefix("bowei.") for one in checks.problems(said)}


def wrong() -> Iterator[str]:
    """A sentence for each switch that production does not refuse as it should."""
    if found := answer(settings_of()):
        yield f"what is sound is refused: {', '.join(sorted(found))}"
    tried = set[str]()
    for what, (changes, expected) in ENVIRONMENTS.items():
        try:
            got: set[str] | str = answer(settings_of(changes))
        except ImproperlyConfigured as refused:
            got = str(refused)
        fits = expected in got if isinstance(expected, str) else got == expected
        tried |= got if isinstance(got, set) else set()
        if not fits:
            yield f"{what}: {got or 'taken'} instead of {expected}"
    for what, (edits, numbers) in EDITED.items():
        said = settings_of()
        vars(said).update(edits)
        tried |= answer(said)
        if answer(said) != numbers:
            yield f"{what}: {answer(said) or 'taken'} instead of {numbers}"
    for number, _words, _so in checks.DEMO_ONLY:
        if number.removeprefix("bowei.") not in tried:
            yield f"{number} is tried by nothing here"


def main() -> int:
    found = list(wrong())
    print(*found, sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
