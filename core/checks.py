"""Start-up checks: the wiring fits; production holds nothing of the demo."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from django.utils.module_loading import import_string

from core import wiring


@register()
def wiring_fits(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every function of config/wiring.py takes what it will be given."""
    return [Error(f"config/wiring.py: {why}", id="bowei.E001") for why in wiring.misfits()]


SHORTEST_KEY = 50  # characters, as Django asks of SECRET_KEY
KEYS = {
    "BOWEI_SECRET_KEY": "SECRET_KEY",
    "BOWEI_PERSONAL_KEY": "PERSONAL_KEY",
    "BOWEI_TRAIL_KEY": "TRAIL_KEY",
}
HERE = {"", "localhost", "127.0.0.1", "::1"}
PROVEN = {"verify-ca", "verify-full"}  # of libpq's sslmodes, those that look at who answers
WEAK_HASHERS = {"md5", "pbkdf2_sha1", "unsalted_md5", "unsalted_sha1", "sha1"}
HEX_KEY = re.compile(r"[0-9a-f]{64}")


def _of_a_demo(said: Any, name: str) -> bool:
    return getattr(said, KEYS[name]) in said.DEMO_SECRETS.values()


def _is_weak(key: str) -> bool:
    return len(key) < SHORTEST_KEY or len(set(key)) < 5 or key.startswith("django-insecure-")


def _weak(said: Any, name: str) -> bool:
    return _is_weak(getattr(said, KEYS[name]))


def _open_former(said: Any) -> bool:
    """Whether a key that still signs for us is one that anybody has or guesses."""
    known = said.DEMO_SECRETS.values()
    return any(key in known or _is_weak(key) for key in said.SECRET_KEY_FALLBACKS)


def _bare_database(said: Any) -> bool:
    """Whether the database is asked over a network in the clear, or whoever answers for it."""
    database = said.DATABASES["default"]
    options = database.get("OPTIONS", {})
    host = str(options.get("host") or database.get("HOST") or "")
    away = not host.startswith("/") and host not in HERE
    return away and options.get("sslmode") not in PROVEN


def _bare_valkey(said: Any) -> bool:
    """Whether Valkey, or the broker, is spoken to over a network in the clear."""
    for url in (said.REDIS_URL, said.CELERY_BROKER_URL):
        parts = urlsplit(url)
        if parts.scheme == "redis" and (parts.hostname or "") not in HERE:
            return True
    return False


def _foreign_address(said: Any) -> bool:
    """Whether the address that links begin with is none that it answers to."""
    host = urlsplit(said.PUBLIC_URL).hostname or ""
    return not validate_host(host, said.ALLOWED_HOSTS)


def _bare_services(said: Any) -> bool:
    """Whether something that we send secrets or money to is spoken to in the clear."""
    accounts = [said.BOWEI_SMS_ACCOUNT, *said.BOWEI_PAYMENTS.values()]
    return any(
        isinstance(value, str) and value.startswith("http://")
        for account in accounts
        for value in account.values()
    )


def _nowhere(address: Any) -> bool:
    return "/nonexistent" in str(address)


# Everything that a demo or a test may have and production may not: number, what it is, whether so.
# ./bowei check tries each (config/local/refusals.py).
DEMO_ONLY: list[tuple[str, str, Callable[[Any], Any]]] = [
    (
        "bowei.E011",
        "DATABASE_URL must name your PostgreSQL.",
        lambda said: _nowhere(said.DATABASES["default"].get("OPTIONS", {}).get("host", "")),
    ),
    (
        "bowei.E012",
        "REDIS_URL must name your Valkey or Redis.",
        lambda said: _nowhere(said.REDIS_URL),
    ),
    ("bowei.E013", "The movable clock is for demos.", lambda said: said.BOWEI_MOVABLE_CLOCK),
    (
        "bowei.E014",
        "BOWEI_PUBLIC_URL must begin with https://.",
        lambda said: not said.PUBLIC_URL.startswith("https://"),
    ),
    ("bowei.E015", "Sandbox payments are for demos.", lambda said: said.BOWEI_SANDBOX_PAYMENTS),
    (
        "bowei.E016",
        "BOWEI_SMS=sandbox shows everybody's log-in code.",
        lambda said: said.BOWEI_SMS == "sandbox",
    ),
    (
        "bowei.E017",
        "BOWEI_TESTING is for tests: passwords are hashed weakly, log-ins are not counted.",
        lambda said: said.TESTING,
    ),
    (
        "bowei.E018",
        "BOWEI_SECRET_KEY is a demo's, which everybody knows.",
        lambda said: _of_a_demo(said, "BOWEI_SECRET_KEY"),
    ),
    (
        "bowei.E019",
        "BOWEI_PERSONAL_KEY is a demo's, which everybody knows.",
        lambda said: _of_a_demo(said, "BOWEI_PERSONAL_KEY"),
    ),
    (
        "bowei.E020",
        f"BOWEI_SECRET_KEY must be random, of {SHORTEST_KEY} characters or more.",
        lambda said: _weak(said, "BOWEI_SECRET_KEY"),
    ),
    (
        "bowei.E021",
        f"BOWEI_PERSONAL_KEY must be random, of {SHORTEST_KEY} characters or more.",
        lambda said: _weak(said, "BOWEI_PERSONAL_KEY"),
    ),
    (
        "bowei.E022",
        "BOWEI_SECRET_KEY, BOWEI_PERSONAL_KEY and BOWEI_TRAIL_KEY must not be the same.",
        lambda said: len({getattr(said, one) for one in KEYS.values()}) < len(KEYS),
    ),
    (
        "bowei.E023",
        "BOWEI_HOSTS must name the hosts that it answers to, not * for any.",
        lambda said: not said.ALLOWED_HOSTS or any("*" in one for one in said.ALLOWED_HOSTS),
    ),
    (
        "bowei.E024",
        "BOWEI_ORIGINS must be whole names that begin with https://.",
        lambda said: [
            one for one in said.CSRF_TRUSTED_ORIGINS if "*" in one or not one.startswith("https://")
        ],
    ),
    ("bowei.E025", "DEBUG shows everybody the code and its values.", lambda said: said.DEBUG),
    (
        "bowei.E026",
        "BOWEI_PROXIES must say how many proxies of yours stand before it, 0 for none: whose "
        "address counts depends on it.",
        lambda said: said.BOWEI_PROXIES < 0,
    ),
    (
        "bowei.E027",
        "DATABASE_URL names a server elsewhere: it needs ?sslmode=verify-full, or verify-ca.",
        _bare_database,
    ),
    (
        "bowei.E028",
        "REDIS_URL or CELERY_BROKER_URL names a server elsewhere: it needs rediss://.",
        _bare_valkey,
    ),
    (
        "bowei.E029",
        "Passwords would be hashed weakly.",
        lambda said: import_string(said.PASSWORD_HASHERS[0]).algorithm in WEAK_HASHERS,
    ),
    (
        "bowei.E030",
        "BOWEI_TRAIL_KEY is a demo's, which everybody knows.",
        lambda said: _of_a_demo(said, "BOWEI_TRAIL_KEY"),
    ),
    (
        "bowei.E031",
        f"BOWEI_TRAIL_KEY must be random, of {SHORTEST_KEY} characters or more.",
        lambda said: _weak(said, "BOWEI_TRAIL_KEY"),
    ),
    (
        "bowei.E032",
        "BOWEI_SECRET_KEY_FORMER holds a demo's key or a short one: who has it logs in as anybody.",
        _open_former,
    ),
    (
        "bowei.E033",
        "BOWEI_PERSONAL_KEY_FORMER needs BOWEI_DIGEST_KEY: else phones, devices and the signs of "
        "berths are no longer known. manage.py reseal --print-digest-key, with the former key.",
        lambda said: said.PERSONAL_KEY_FORMER and not said.DIGEST_KEY,
    ),
    (
        "bowei.E034",
        "BOWEI_DIGEST_KEY must be 64 hex digits.",
        lambda said: said.DIGEST_KEY and not HEX_KEY.fullmatch(said.DIGEST_KEY),
    ),
    (
        "bowei.E035",
        "BOWEI_PUBLIC_URL must be one of BOWEI_HOSTS: links begin with it.",
        _foreign_address,
    ),
    (
        "bowei.E036",
        "BOWEI_LOG_LEVEL must be INFO or higher: libraries write values at DEBUG.",
        lambda said: said.LOGGING["root"]["level"] not in ("INFO", "WARNING", "ERROR", "CRITICAL"),
    ),
    (
        "bowei.E037",
        "A provider of payments or text messages has an address without TLS.",
        _bare_services,
    ),
    (
        "bowei.E038",
        "BOWEI_TRAIL_FORMER must be public keys of 64 hex digits, as anchors have them.",
        lambda said: not all(HEX_KEY.fullmatch(one) for one in said.TRAIL_FORMER),
    ),
    (
        "bowei.E039",
        "BOWEI_SECOND_FACTOR=0 lets staff in with a password alone.",
        lambda said: not said.BOWEI_SECOND_FACTOR,
    ),
]


def problems(said: Any) -> list[CheckMessage]:
    """What production must not have of these settings."""
    return [Error(words, id=number) for number, words, so in DEMO_ONLY if so(said)]


@register(Tags.security)
def production_is_no_demo(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """In production, nothing that only a demo or a test may have; every command asks this."""
    if not settings.PRODUCTION:
        return []
    return problems(settings)


@register(Tags.security, deploy=True)
def production_is_meant(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """`check --deploy` is about production."""
    if settings.PRODUCTION:
        return []
    return [Error("BOWEI_PRODUCTION=1 is not set.", id="bowei.E010")]


def refuse_a_demo_in_production() -> None:
    """For processes that no command starts. Raises ImproperlyConfigured, which ends them."""
    found = production_is_no_demo(None)
    if found:
        raise ImproperlyConfigured(" ".join(f"{one.id}: {one.msg}" for one in found))
