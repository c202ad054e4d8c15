"""How every command of `./bowei` ends when it can't go on: one sentence, no traceback."""

import errno
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from config.local import private

FAILED, INTERRUPTED = 1, 130


class Stop(Exception):
    """The one sentence a person reads when a command can't go on."""


def told(command: Callable[[], int], *, log: Path) -> int:
    """The exit status of `command`; what it raises becomes a sentence on standard error.

    The traceback of what nobody expected goes to `log`.
    """
    try:
        return command()
    except Stop as stop:
        return _say(str(stop))
    except KeyboardInterrupt:
        _say("stopped.")
        return INTERRUPTED
    except OSError as error:
        return _say(_about(error))
    except Exception as error:  # the last door: whatever it is, it ends as a sentence
        return _say(f"something unexpected happened ({type(error).__name__}); {_kept(log)}")


def _about(error: OSError) -> str:
    place = error.filename or "this machine"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full; make room and run the command again."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"may not write or read {place}; run it as the folder's owner."
        case _:
            return f"{error.strerror or error}: {place}."


def _kept(log: Path) -> str:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        private.write(log, traceback.format_exc())
    except OSError:
        return "it could not be written down."
    return f"what it was stands in {log}."


def _say(sentence: str) -> int:
    print(f"bowei: {sentence}", file=sys.stderr)
    return FAILED
