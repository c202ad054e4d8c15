"""Loaded before Django's settings are: each test process gets a Valkey database of its own."""

import os
import zlib
from urllib.parse import urlsplit, urlunsplit


def _database_number() -> int:
    """1, 2, … for the parallel workers; further on for runs with a BOWEI_TEST_NAME.

    A Redis has 16 databases unless it is told otherwise, the Valkey of `./bowei` has 64.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    name = os.environ.get("BOWEI_TEST_NAME", "")
    return 1 + worker + (4 + zlib.crc32(name.encode()) % 14 * 4 if name else 0)


def _with_database(url: str, number: int) -> str:
    """The URL with another database: unix:///path?db=1, redis://host/1."""
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


os.environ["BOWEI_TESTING"] = "1"
if os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = _with_database(os.environ["REDIS_URL"], _database_number())
