"""Where the simulation stands in for the world around the house: clock, lines, queue, reader."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, cast
from unittest.mock import patch

from celery.app.task import Task
from django.utils import timezone

import arrears.risk.registry
import arrears.risk.scoring
import core.images
import parking.vision
import payments.tasks
from arrears.risk.survival import EDGES_H, PaymentTime
from config.city.world import PROVIDER, World
from core import clock, outbox, wake
from devices.services import hints
from payments.providers.base import ProviderUnclear
from payments.providers.sandbox import client as sandbox
from payments.providers.sandbox.client import SandboxClient


class _Nobody:
    """Valkey, to whom nobody listens: a hint is a hint."""

    def publish(self, channel: str, message: bytes) -> int:
        return 0


# Everybody is watched: who is at risk is no law's concern, what follows for them is.
_AT_RISK = arrears.risk.scoring.Score(
    probability=0.9,
    reasons=(),
    payment_time=PaymentTime(tuple(hour / EDGES_H[-1] for hour in EDGES_H)),
)


@contextmanager
def held(now: Callable[[], datetime]) -> Iterator[None]:
    """Both clocks stand, and move with the steps alone (docs/rules.md 3)."""
    clock.forget()
    with patch.object(timezone, "now", now):
        yield
    clock.forget()


@contextmanager
def edges(world: World) -> Iterator[None]:
    """Within this the house speaks with the world of the simulation."""
    put_off, add = outbox._put_off, outbox.add

    def put_off_noted(waiting: outbox.Waiting, error: Exception) -> None:
        world.note_broken(waiting.reaction, error)
        put_off(waiting, error)

    def add_noted(*happened: Any) -> None:
        world.told = True
        add(*happened)

    def later(task: Any, args: Any = (), kwargs: Any = None, **options: Any) -> None:
        world.work.append((task.name, tuple(args or ())))

    with ExitStack() as stack:
        stack.enter_context(held(lambda: world.now))
        for place, name, stand_in in (
            (wake, "client", _Nobody),
            (wake, "group", lambda name, **message: None),
            (hints, "look", lambda device_id: world.woken.add(device_id)),
            (Task, "apply_async", later),
            (core.images, "load", str.encode),
            (core.images, "take", lambda data, *, by: world.photograph(data.decode())),
            (parking.vision, "read_image", lambda data, *, region=None: world.read(data)),
            (outbox, "_put_off", put_off_noted),
            (outbox, "add", add_noted),
            (arrears.risk.registry, "load", lambda version: None),
            (arrears.risk.scoring, "score", lambda model, portrait: _AT_RISK),
            (payments.tasks, "tell", lambda trade: world.tell(trade.out_trade_no)),
            (sandbox, "tell", lambda trade: world.tell(trade.out_trade_no)),
        ):
            stack.enter_context(patch.object(place, name, stand_in))
        for name in ("begin", "query", "close", "refund", "query_refund"):
            stack.enter_context(patch.object(SandboxClient, name, _over_the_line(world, name)))
        yield


def _over_the_line(world: World, name: str) -> Callable[..., Any]:
    """The provider's answer, which is lost on the way while it is away."""
    asked = cast(Callable[..., Any], getattr(SandboxClient, name))

    def ask(client: SandboxClient, *values: Any) -> Any:
        if not world.is_up(PROVIDER):
            world.unanswered.append(world.now)
            raise ProviderUnclear("no answer")
        answer = asked(client, *values)
        if world.lost_answers and name == "begin":
            world.lost_answers -= 1
            raise ProviderUnclear("the answer was lost")
        return answer

    return ask
