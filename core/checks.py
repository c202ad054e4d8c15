"""Start-up checks: the wiring resolves; production holds nothing of the demo."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from core import wiring


@register()
def wiring_resolves(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every dotted name of config/wiring.py is a function."""
    problems: list[CheckMessage] = []
    for name in wiring.every_name():
        try:
            wiring.resolve(name)
        except (ImportError, AttributeError) as error:
            problems.append(Error(f"config/wiring.py: {name}: {error}", id="bowei.E001"))
    return problems


@register(Tags.security, deploy=True)
def production_is_no_demo(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production runs on outside servers, at an honest clock, with real payment providers."""
    if not settings.PRODUCTION:
        return [Error("BOWEI_PRODUCTION=1 is not set.", id="bowei.E010")]
    problems: list[CheckMessage] = []
    if "/nonexistent" in str(settings.DATABASES["default"].get("OPTIONS", {}).get("host", "")):
        problems.append(Error("DATABASE_URL must name your PostgreSQL.", id="bowei.E011"))
    if "/nonexistent" in settings.REDIS_URL:
        problems.append(Error("REDIS_URL must name your Valkey or Redis.", id="bowei.E012"))
    if settings.BOWEI_MOVABLE_CLOCK or settings.BOWEI_SANDBOX_PAYMENTS:
        problems.append(Error("The movable clock and the sandbox are for demos.", id="bowei.E013"))
    if not settings.PUBLIC_URL.startswith("https://"):
        problems.append(Error("BOWEI_PUBLIC_URL must begin with https://.", id="bowei.E014"))
    return problems
