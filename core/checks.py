"""Start-up checks: the wiring fits; production holds nothing of the demo."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import get_hasher
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

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


def _of_a_demo(name: str) -> bool:
    return getattr(settings, KEYS[name]) in settings.DEMO_SECRETS.values()


def _weak(name: str) -> bool:
    key = getattr(settings, KEYS[name])
    return len(key) < SHORTEST_KEY or len(set(key)) < 5 or key.startswith("django-insecure-")


HERE = {"", "localhost", "127.0.0.1", "::1"}
PROVEN = {"verify-ca", "verify-full"}  # of libpq's sslmodes, those that look at who answers
WEAK_HASHERS = {"md5", "pbkdf2_sha1", "unsalted_md5", "unsalted_sha1", "sha1"}


def _bare_database() -> bool:
    """Whether the database is asked over a network in the clear, or whoever answers for it."""
    database = settings.DATABASES["default"]
    options = database.get("OPTIONS", {})
    host = str(options.get("host") or database.get("HOST") or "")
    away = not host.startswith("/") and host not in HERE
    return away and options.get("sslmode") not in PROVEN


def _bare_valkey() -> bool:
    """Whether Valkey, or the broker, is spoken to over a network in the clear."""
    for url in (settings.REDIS_URL, settings.CELERY_BROKER_URL):
        parts = urlsplit(url)
        if parts.scheme == "redis" and (parts.hostname or "") not in HERE:
            return True
    return False


def _nowhere(address: Any) -> bool:
    return "/nonexistent" in str(address)


# Everything that a demo or a test may have and production may not: number, what it is, whether so.
DEMO_ONLY: list[tuple[str, str, Callable[[], Any]]] = [
    (
        "bowei.E011",
        "DATABASE_URL must name your PostgreSQL.",
        lambda: _nowhere(settings.DATABASES["default"].get("OPTIONS", {}).get("host", "")),
    ),
    (
        "bowei.E012",
        "REDIS_URL must name your Valkey or Redis.",
        lambda: _nowhere(settings.REDIS_URL),
    ),
    ("bowei.E013", "The movable clock is for demos.", lambda: settings.BOWEI_MOVABLE_CLOCK),
    (
        "bowei.E014",
        "BOWEI_PUBLIC_URL must begin with https://.",
        lambda: not settings.PUBLIC_URL.startswith("https://"),
    ),
    ("bowei.E015", "Sandbox payments are for demos.", lambda: settings.BOWEI_SANDBOX_PAYMENTS),
    (
        "bowei.E016",
        "BOWEI_SMS=sandbox shows everybody's log-in code.",
        lambda: settings.BOWEI_SMS == "sandbox",
    ),
    (
        "bowei.E017",
        "BOWEI_TESTING is for tests: passwords are hashed weakly, log-ins are not counted.",
        lambda: settings.TESTING,
    ),
    (
        "bowei.E018",
        "BOWEI_SECRET_KEY is a demo's, which everybody knows.",
        lambda: _of_a_demo("BOWEI_SECRET_KEY"),
    ),
    (
        "bowei.E019",
        "BOWEI_PERSONAL_KEY is a demo's, which everybody knows.",
        lambda: _of_a_demo("BOWEI_PERSONAL_KEY"),
    ),
    (
        "bowei.E020",
        f"BOWEI_SECRET_KEY must be random, of {SHORTEST_KEY} characters or more.",
        lambda: _weak("BOWEI_SECRET_KEY"),
    ),
    (
        "bowei.E021",
        f"BOWEI_PERSONAL_KEY must be random, of {SHORTEST_KEY} characters or more.",
        lambda: _weak("BOWEI_PERSONAL_KEY"),
    ),
    (
        "bowei.E022",
        "BOWEI_SECRET_KEY, BOWEI_PERSONAL_KEY and BOWEI_TRAIL_KEY must not be the same.",
        lambda: len({getattr(settings, one) for one in KEYS.values()}) < len(KEYS),
    ),
    (
        "bowei.E023",
        "BOWEI_HOSTS must name the hosts that it answers to, not * for any.",
        lambda: not settings.ALLOWED_HOSTS or any("*" in one for one in settings.ALLOWED_HOSTS),
    ),
    (
        "bowei.E024",
        "BOWEI_ORIGINS must be whole names that begin with https://.",
        lambda: [
            one
            for one in settings.CSRF_TRUSTED_ORIGINS
            if "*" in one or not one.startswith("https://")
        ],
    ),
    ("bowei.E025", "DEBUG shows everybody the code and its values.", lambda: settings.DEBUG),
    (
        "bowei.E026",
        "BOWEI_PROXIES must say how many proxies of yours stand before it, 0 for none: whose "
        "address counts depends on it.",
        lambda: settings.BOWEI_PROXIES < 0,
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
        lambda: get_hasher("default").algorithm in WEAK_HASHERS,
    ),
    (
        "bowei.E030",
        "BOWEI_TRAIL_KEY is a demo's, which everybody knows.",
        lambda: _of_a_demo("BOWEI_TRAIL_KEY"),
    ),
    (
        "bowei.E031",
        f"BOWEI_TRAIL_KEY must be random, of {SHORTEST_KEY} characters or more.",
        lambda: _weak("BOWEI_TRAIL_KEY"),
    ),
]


@register(Tags.security)
def production_is_no_demo(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """In production, nothing that only a demo or a test may have; every command asks this."""
    if not settings.PRODUCTION:
        return []
    return [Error(said, id=number) for number, said, so in DEMO_ONLY if so()]


@register(Tags.security, deploy=True)
def production_is_meant(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """`check --deploy` is about production."""
    if settings.PRODUCTION:
        return []
    return [Error("BOWEI_PRODUCTION=1 is not set.", id="bowei.E010")]


def refuse_a_demo_in_production() -> None:
    """For processes that no command starts. Raises ImproperlyConfigured, which ends them."""
    problems = production_is_no_demo(None)
    if problems:
        raise ImproperlyConfigured(" ".join(f"{one.id}: {one.msg}" for one in problems))
