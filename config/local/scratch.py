"""Servers and processes for one measurement, on data that nobody will miss."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError

from config.local.commands import free_port
from config.local.stop import Stop
from config.local.system import Launch

SERVERS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


@contextlib.contextmanager
def scratch(*parts: str) -> Iterator[tuple[str, dict[str, str]]]:
    """PostgreSQL, Valkey and these parts as the demo has them, data kept on disk too.

    Gives the web server's address and the environment that reaches all of it. Raises CommandError.
    """
    folder = Path(tempfile.mkdtemp(prefix="bowei-scratch-"))
    for name in SERVERS:  # the demo's, which `./bowei manage` has named
        os.environ.pop(name, None)
    guard = Launch(folder=str(folder), parts=parts, port=free_port()).guard()
    try:
        guard.start()
        env = guard.wait_up()
        yield env["BOWEI_PUBLIC_URL"], {**os.environ, **env}
    except Stop as stop:
        raise CommandError(str(stop)) from stop
    finally:
        guard.finish()
        shutil.rmtree(folder, ignore_errors=True)
