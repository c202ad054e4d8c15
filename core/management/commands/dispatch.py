"""The dispatcher: reactions as they come, due work every second, nightly work once a night."""

import logging
import signal
import time
from types import FrameType
from typing import Any

import redis
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from core import outages, outbox, wake
from core.nightly import Nights

log = logging.getLogger("bowei.dispatch")
SWEEP_EVERY_S = 1.0


class Command(BaseCommand):
    help = "Run reactions to events and due work until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        self.running = True
        self.broker_answers: bool | None = None  # None: not asked yet
        self.broker_noted = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        log.info("dispatch.started")
        listener: redis.client.PubSub | None = None
        swept_at, nights = 0.0, Nights()
        while self.running:
            try:
                # Sweeps first: whether we were away is known before anything acts on the time.
                if time.monotonic() - swept_at >= SWEEP_EVERY_S:
                    swept_at = time.monotonic()
                    outbox.sweep_once()
                    nights.look()
                outbox.run_pending(limit=500)
                self._note_broker()
            except DatabaseError as error:
                outages.suspect(outages.DATABASE)
                log.warning("dispatch.database_away error=%s", type(error).__name__)
                connection.close()
                time.sleep(1)
                continue
            listener = self._wait(listener)
            self.broker_answers = listener is not None

    def _note_broker(self) -> None:
        """The register of outages hears each time that it is away, and once that it is back."""
        if self.broker_answers is False:
            outages.failed(outages.BROKER)
            self.broker_noted = False
        elif self.broker_answers and not self.broker_noted:
            outages.worked(outages.BROKER)
            self.broker_noted = True

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
