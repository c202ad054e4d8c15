"""Real concurrency: threads with connections of their own, started at one moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    """What each function returned, or the exception it raised, in their order."""
    gate = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)

    def run(place: int, function: Callable[[], Any]) -> None:
        gate.wait(10)
        try:
            results[place] = function()
        except Exception as error:
            results[place] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(place, function), daemon=True)
        for place, function in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results
