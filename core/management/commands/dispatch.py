"""The dispatcher: reactions as they come, due work every second, nightly work once a night."""

import logging
import signal
import time
from types import FrameType
from typing import Any

import redis
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from core import outbox, wake
from core.nightly import Nights

log = logging.getLogger("bowei.dispatch")
SWEEP_EVERY_S = 1.0


class Command(BaseCommand):
    help = "Run reactions to events and due work until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        self.running = True
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        log.info("dispatch.started")
        listener: redis.client.PubSub | None = None
        swept_at, nights = 0.0, Nights()
        while self.running:
            try:
                outbox.run_pending(limit=500)
                if time.monotonic() - swept_at >= SWEEP_EVERY_S:
                    swept_at = time.monotonic()
                    outbox.sweep_once()
                    nights.look()
            except DatabaseError as error:
                log.warning("dispatch.database_away error=%s", type(error).__name__)
                connection.close()
                time.sleep(1)
                continue
            listener = self._wait(listener)

    def _wait(self, listener: redis.client.PubSub | None) -> redis.client.PubSub | None:
        """Sleep until somebody wakes us, half a second at most."""
        try:
            if listener is None:
                listener = wake.client().pubsub(  # type: ignore[no-untyped-call]
                    ignore_subscribe_messages=True
                )
                listener.subscribe(wake.channel())
            if listener.get_message(timeout=0.5):
                while listener.get_message(timeout=0):  # many touches are one
                    pass
        except redis.RedisError:
            time.sleep(0.5)
            return None
        return listener

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self.running = False
