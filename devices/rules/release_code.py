"""The code that lowers a lock without network (P1.5): typed by the owner, checked by the lock.

Both ends know the device's key (the platform its hash) and derive the same secret from it; the
code is an HMAC over the order's code and the counter that came with RaiseLock, cut to decimal
digits as HOTP does (RFC 4226 §5.3). A counter is good for one raise and one use.
"""

import hashlib
import hmac
from dataclasses import dataclass

DIGITS = 8
FREE_TRIES = 5
PAUSE_S = 60.0  # after the free tries, doubled with each further wrong one
LONGEST_PAUSE_S = 3600.0


def key_hash(key: str) -> str:
    """What the platform keeps of a device's key (256 random bits: no salt or stretching needed)."""
    return hashlib.sha256(key.encode()).hexdigest()


def release_secret(hashed_key: str) -> bytes:
    return hmac.digest(bytes.fromhex(hashed_key), b"bowei release code 1", "sha256")


def release_code(secret: bytes, *, order_code: str, counter: int) -> str:
    """Eight decimal digits for one raise of one order."""
    digest = hmac.digest(secret, f"{order_code}\n{counter}".encode(), "sha256")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def fits(typed: str, secret: bytes, *, order_code: str, counter: int) -> bool:
    """Whether `typed` (blanks and hyphens as people write them) is the code; constant time."""
    digits = "".join(character for character in typed if character not in " -")
    expected = release_code(secret, order_code=order_code, counter=counter)
    return hmac.compare_digest(digits.encode(), expected.encode())


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a wrong code was typed; the lock keeps it through everything but a right one."""

    wrong: int = 0
    paused_until_s: float = 0.0

    def may(self, now_s: float) -> bool:
        return now_s >= self.paused_until_s

    def after_wrong(self, now_s: float) -> "Tries":
        wrong = self.wrong + 1
        if wrong < FREE_TRIES:
            return Tries(wrong, self.paused_until_s)
        pause_s = min(PAUSE_S * 2 ** min(wrong - FREE_TRIES, 16), LONGEST_PAUSE_S)
        return Tries(wrong, now_s + pause_s)
