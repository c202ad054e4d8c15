"""Landed migrations never change: their hashes are kept, and `./bowei check` compares them.

Run as a program it says what differs.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What first migrations run from outside themselves: the same text as long as they are kept.
SQL = ("parking/guards.py", "payments/guards.py")
HASHES = Path(__file__).with_name("data") / "migrations.sha256"  # as sha256sum writes it


def problems(root: Path = ROOT, hashes: Path = HASHES) -> Iterator[str]:
    """A sentence for each migration that is not what it was, gone, or not taken up yet."""
    kept, now = _kept(hashes), _now(root)
    for path in sorted(kept.keys() | now.keys()):
        if path not in now:
            yield f"{path} is gone: databases out there have it applied."
        elif path not in kept:
            yield f"{path} is new: ./bowei manage freeze_migrations takes it up."
        elif kept[path] != now[path]:
            yield f"{path} was changed after it had landed: say it in a new migration instead."


def freeze(root: Path = ROOT, hashes: Path = HASHES) -> list[str]:
    """Take up the new migrations, which ones; those that are kept stay as they are."""
    kept, now = _kept(hashes), _now(root)
    new = sorted(now.keys() - kept.keys())
    lines = sorted((path, digest) for path, digest in {**now, **kept}.items())
    hashes.write_text("".join(f"{digest}  {path}\n" for path, digest in lines))
    return new


def _kept(hashes: Path) -> dict[str, str]:
    if not hashes.exists():
        return {}
    lines = (line.split(maxsplit=1) for line in hashes.read_text().splitlines())
    return {path: digest for digest, path in lines}


def _now(root: Path) -> dict[str, str]:
    files = [*root.glob("*/migrations/[0-9]*.py"), *(root / name for name in SQL)]
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.exists()
    }


if __name__ == "__main__":
    found = list(problems())
    print(*found, sep="\n")
    sys.exit(bool(found))
