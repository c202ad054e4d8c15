"""Behind PgBouncer in transaction mode everything works that works without it."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.conf import settings
from django.db import connection

from config.local.bootstrap import ROOT
from config.local.commands import free_port
from config.local.postgres import privileges
from config.local.processes import wait_until
from config.server import FLAGS
from core.models import OutboxDelivery

CLIENTS, POOL = 5, 2


@pytest.fixture
def pooled_env(pooler: str, process_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a real process whose every statement goes through two connections."""
    database = connection.settings_dict
    port, host = free_port(), database["HOST"] or database["OPTIONS"]["host"]
    place = f"host={host} dbname={database['NAME']} user={database['USER']}"
    place += f" port={database['PORT']}" if database["PORT"] else ""
    place += f" password={database['PASSWORD']}" if database["PASSWORD"] else ""
    with tempfile.TemporaryDirectory(prefix="bowei-pooler-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "pgbouncer.ini")
        file.write_text(
            f"[databases]\npooled = {place}\n[pgbouncer]\npool_mode = transaction\n"
            f"default_pool_size = {POOL}\nmax_client_conn = 100\nauth_type = any\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        )
        prefix, identity = privileges(Path(host))
        url = f"postgresql://bowei@127.0.0.1:{port}/pooled"
        with _running([*prefix, pooler, str(file)], {**process_env}, **identity) as process:
            assert wait_until(lambda: _answers(url), timeout_s=20, every_s=0.1), process.args
            yield {**process_env, "DATABASE_URL": url, "BOWEI_TESTING": "0"}


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as there:
            return there.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


@contextlib.contextmanager
def _running(
    command: list[str], env: dict[str, str], **how: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, cwd=ROOT, env=env, **how)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def test_lists_and_files_come_whole_to_more_clients_than_there_are_connections(
    pooled_env, merchant_client, berth, stay_of, clock
):
    for _stay in range(12):
        stay_of(berth, minutes=20)
        clock.advance(timedelta(minutes=30))
    port = free_port()
    web = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), *FLAGS]
    cookies = {settings.SESSION_COOKIE_NAME: merchant_client.cookies["sessionid"].value}
    addresses = ["/merchant/stays/", "/merchant/stays/?export=csv", "/merchant/stays/?page=1"] * 15

    def get(path: str) -> tuple[int, int]:
        answer = requests.get(f"http://127.0.0.1:{port}{path}", cookies=cookies, timeout=60)
        return answer.status_code, answer.text.count("A-001")

    with _running(web, pooled_env):
        assert wait_until(lambda: _listens(port), timeout_s=90, every_s=0.2)
        with ThreadPoolExecutor(CLIENTS) as clients:
            answers = list(clients.map(get, addresses))

    assert {status for status, _rows in answers} == {200}
    files = [
        rows for (_status, rows), path in zip(answers, addresses, strict=True) if "csv" in path
    ]
    assert files == [12] * 15


def _listens(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/alive/", timeout=5).status_code < 500
    except requests.ConnectionError:
        return False


def test_reactions_run_once_each_with_several_dispatchers_on_two_connections(
    pooled_env, berth, stay_of, clock
):
    for _stay in range(4):
        stay_of(berth, minutes=20)
        clock.advance(timedelta(minutes=30))
    waiting = OutboxDelivery.objects.filter(state=OutboxDelivery.State.PENDING)
    assert waiting.count() > 4
    dispatch = [sys.executable, "manage.py", "dispatch"]
    with contextlib.ExitStack() as running:
        for _dispatcher in range(3):
            running.enter_context(_running(dispatch, pooled_env))
        assert wait_until(lambda: not waiting.exists(), timeout_s=120, every_s=0.5)
    assert not OutboxDelivery.objects.filter(state=OutboxDelivery.State.PARKED).exists()
    assert set(OutboxDelivery.objects.values_list("attempts", flat=True)) <= {0, 1}


def test_a_rows_lock_and_a_name_end_with_their_transaction_on_a_shared_connection(pooled_env):
    """What a transaction holds does not stay on the connection for the next client."""
    code = (
        "import django; django.setup()\n"
        "from django.db import transaction\n"
        "from core import locks\n"
        "with transaction.atomic():\n"
        "    print(locks.alone('test', 1))\n"
    )
    env = {**pooled_env, "DJANGO_SETTINGS_MODULE": "config.settings"}
    for _client in range(POOL + 1):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True
        )
        assert done.stdout.split() == [b"True"]
