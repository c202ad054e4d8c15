"""Authentication backends: limits on attempts, before any password is checked."""

import logging
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

from core.addresses import network
from core.errors import TooMany

log = logging.getLogger("bowei.accounts")


class LoginRate(SimpleRateThrottle):
    """Log-ins from one network, right or wrong: each costs the hashing of a password."""

    scope = "login"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"login.{network(request.META.get('REMOTE_ADDR') or '')}"


def limit_log_ins(request: HttpRequest) -> None:
    """Count one log-in. Raises TooMany; without Valkey only axes and the lanes hold."""
    try:
        allowed = LoginRate().allow_request(request, None)  # type: ignore[arg-type]
    except RedisError as error:
        log.warning("accounts.log_ins_not_counted error=%s", type(error).__name__)
        return
    if not allowed:
        raise TooMany()


class LimitedByNetwork(BaseBackend):
    """The first backend: lets nobody in, and stops those who try too often."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        if request is not None:
            limit_log_ins(request)
