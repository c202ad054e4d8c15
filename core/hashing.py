"""Passwords are hashed aside: a flood of log-ins takes what the processors leave, no more."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.contrib.auth.hashers import PBKDF2PasswordHasher

AT_A_TIME = 2  # each takes a processor for a third of a second
NICE = 5  # as `nice` has it: the threads that serve devices and money go first


class Aside(PBKDF2PasswordHasher):
    """PBKDF2 as Django has it, in few threads of low priority.

    They hold no lock of the interpreter while they reckon, so nothing ever waits for them but who
    asked.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        return _threads().submit(super().encode, password, salt, iterations).result()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="hashing", initializer=_give_way)


def _give_way() -> None:
    with contextlib.suppress(OSError, AttributeError):  # of this thread alone, on Linux
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
