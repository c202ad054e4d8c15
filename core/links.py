"""Signed links: an address that carries its own permission.

Sealed as well as signed: who reads an address learns neither numbers nor names from it. All kinds,
what each may do and when it ends: docs/links.md.
"""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.core import signing

from core import personal
from core.errors import LinkEnded, Missing

TAG_BYTES = 10
# What a message led to stays open so long after the matter was over.
STAYS_OPEN = timedelta(days=14)


def sign(purpose: str, **data: Any) -> str:
    """A token for a web address; it opens only what `purpose` names."""
    return _signer(purpose).sign(personal.seal(json.dumps(data)))


def vehicle(plate_text: str, plate_colour: str) -> str:
    """A vehicle as a link may name it, without its plate: whoever reads the address learns none."""
    return personal.digest(f"{plate_text}/{plate_colour}")[:16]


def read(purpose: str, token: str, *, max_age_s: int) -> dict[str, Any]:
    """What was signed. Raises Missing for a forged or foreign token, LinkEnded for an old one."""
    try:
        sealed = _signer(purpose).unsign(token, max_age=max_age_s)
        data: dict[str, Any] = json.loads(personal.unseal(sealed))
    except signing.SignatureExpired as error:
        raise LinkEnded from error
    except (signing.BadSignature, InvalidToken) as error:
        raise Missing("bad_link") from error
    return data


def _signer(purpose: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"bowei.link.{purpose}")


def tag(said: str) -> str:
    """A short keyed digest of what is said, for the last part of an address that is printed: keyed
    apart from SECRET_KEY, which may be exchanged while signs hang on the street."""
    digest = bytes.fromhex(personal.digest(said))
    return base64.b32encode(digest[:TAG_BYTES]).decode().lower()


def is_tag(given: str, said: str) -> bool:
    """Whether this is the tag of what is said, compared in constant time."""
    return hmac.compare_digest(given.lower().encode(), tag(said).encode())
