"""Start-up checks: the wiring fits; production holds nothing of the demo."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from core import wiring


@register()
def wiring_fits(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every function of config/wiring.py takes what it will be given."""
    return [Error(f"config/wiring.py: {why}", id="bowei.E001") for why in wiring.misfits()]


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
