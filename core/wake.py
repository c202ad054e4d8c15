"""Wake-ups over Valkey's pub/sub, for the dispatcher, device sockets and live pages.

A lost one costs a second, never an event: whoever is woken also looks at the rows by itself.
"""

import logging
from functools import cache
from typing import Any

import redis
from channels.layers import get_channel_layer
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


def group(name: str, **message: Any) -> None:
    """Send `message` to a group of the channel layer, from synchronous code; never raises.

    The layer's own `group_send` wants an event loop: for each hint that is a way to the web
    server's loop and back, and in the other processes a new loop and a new connection. This is
    what it puts on the wire.
    """
    layers: Any = settings.CHANNEL_LAYERS
    address = f"{layers['default']['CONFIG']['prefix']}__group__{name}"
    try:
        client().publish(address, get_channel_layer().serialize(message))
    except redis.RedisError as error:
        log.warning("wake.failed error=%s", type(error).__name__)
