"""How lot and platform sign what they say to each other (docs/lot-protocol.md).

HMAC-SHA256 with the lot's secret. Pure, so that both ends use it.
"""

import hashlib
import hmac
import json
from typing import Any

LOT, TIME, NONCE, SIGNATURE = "X-Bowei-Lot", "X-Bowei-Time", "X-Bowei-Nonce", "X-Bowei-Signature"
TOLERANCE_S = 300
AGREED = (
    "lot",
    "version",
    "terms",
    "when_expired",
    "period",
    "period_day",
    "silence_agrees_after_h",
    "valid_from",
)


def sign_request(secret: str, *, method: str, path: str, time: str, nonce: str, body: bytes) -> str:
    """`path` with its query as sent; `time` is Unix milliseconds."""
    return _mac(secret, [method.upper(), path, time, nonce, hashlib.sha256(body).hexdigest()])


def sign_answer(secret: str, *, status: int, nonce: str, body: bytes) -> str:
    """Over the request's nonce, so that an answer fits one question only."""
    return _mac(secret, [str(status), nonce, hashlib.sha256(body).hexdigest()])


def sign_agreement(secret: str, terms_hash: str) -> str:
    """A lot's signature under an agreement."""
    return _mac(secret, [terms_hash])


def agreement_hash(body: dict[str, Any]) -> str:
    """SHA-256 over everything that is agreed on; both sides compute it from what they read."""
    text = json.dumps(
        {name: body[name] for name in AGREED},
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


def equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def _mac(secret: str, parts: list[str]) -> str:
    return hmac.new(secret.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()
