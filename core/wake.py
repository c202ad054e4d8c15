"""A touch on the shoulder of the dispatcher. Lost ones cost a second, never an event."""

import logging
from functools import cache

import redis
from django.conf import settings
from django.db import connection

log = logging.getLogger("bowei.wake")


@cache
def client() -> redis.Redis:
    """One client a process; short time limits, since nothing may wait for a wake-up."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=0.5)


def channel() -> str:
    return f"bowei:{connection.settings_dict['NAME']}:outbox"


def dispatcher() -> None:
    """Say that there is something to do; never raises."""
    try:
        client().publish(channel(), b"1")
    except redis.RedisError as error:
        log.warning("wake.failed error=%s", type(error).__name__)
