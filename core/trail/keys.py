"""Who seals the trail: an Ed25519 key out of BOWEI_TRAIL_KEY, which no database holds."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from django.conf import settings


def sign(said: bytes) -> bytes:
    """Our signature of these bytes."""
    return _private().sign(said)


def public() -> str:
    """The public half of today's key, 64 hex digits: anybody may have it, and check with it."""
    return _private().public_key().public_bytes_raw().hex()


def key_id(public_key: str) -> str:
    """The short name of a public key that stands beside each signature."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def trusted() -> dict[str, str]:
    """Public keys whose signatures count, by short name: today's and BOWEI_TRAIL_FORMER."""
    return {key_id(one): one for one in [public(), *settings.TRAIL_FORMER]}


def is_signed(said: bytes, signature: bytes, public_key: str) -> bool:
    """Whether this key's owner has signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private() -> Ed25519PrivateKey:
    seed = hmac.digest(settings.TRAIL_KEY.encode(), b"bowei trail signing 1", "sha256")
    return Ed25519PrivateKey.from_private_bytes(seed)
