"""What a demo writes beside its data is its user's alone."""

from pathlib import Path

from config.local import private
from config.local.supervisor import _start_log_over


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_logs_and_log_ins_are_read_by_nobody_else(tmp_path):
    log, logins = tmp_path / "web.log", tmp_path / "logins.json"
    for path in (log, logins):  # of an older version
        path.write_text("old\n")
        path.chmod(0o644)
    with private.append(log) as file:
        file.write(b"new\n")
    private.write(logins, "[]")
    assert (log.read_text(), logins.read_text()) == ("old\nnew\n", "[]")
    _start_log_over(log)
    private.write(tmp_path / "new.json", "{}")
    kept = {path.name: mode(path) for path in tmp_path.iterdir()}
    assert kept == dict.fromkeys(["web.log", "web.log.1", "logins.json", "new.json"], 0o600)
