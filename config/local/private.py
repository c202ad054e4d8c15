"""Files that only whoever runs Bowei may read: logs, log-ins of a demo."""

import os
from pathlib import Path
from typing import BinaryIO

MODE = 0o600


def append(path: Path) -> BinaryIO:
    """A file to add to; one of an older version, readable by all, is so no longer."""
    file = open(path, "ab", opener=_opened)  # noqa: SIM115 (the caller's to close)
    os.fchmod(file.fileno(), MODE)
    return file


def write(path: Path, text: str) -> None:
    """Write the whole file."""
    with open(path, "w", encoding="utf-8", opener=_opened) as file:
        os.fchmod(file.fileno(), MODE)
        file.write(text)


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)
