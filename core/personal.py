"""Personal data such as phone numbers: encrypted at rest, found by a keyed digest, shown masked.

Seals name the key that made them, and those of former keys (BOWEI_PERSONAL_KEY_FORMER) open until
`manage.py reseal` has renewed them all. Digests are looked up and hang printed on the street, so
their key stays: BOWEI_DIGEST_KEY, or what today's personal key gives (docs/decisions/0099).
"""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

NAME_LENGTH = 8  # of a key's name before each seal


def seal(text: str) -> str:
    """Encrypted text for a column; the same text gives another seal each time."""
    key = settings.PERSONAL_KEY
    return f"{_name(key)}.{_fernet(key).encrypt(text.encode()).decode()}"


def unseal(sealed: str) -> str:
    """The text again. Raises cryptography's InvalidToken where no key that we have made it."""
    name, _dot, token = sealed.rpartition(".")
    for key in (settings.PERSONAL_KEY, *settings.PERSONAL_KEY_FORMER):
        if name not in ("", _name(key)):
            continue
        try:
            return _fernet(key).decrypt(token.encode()).decode()
        except InvalidToken:  # of the time before seals named their key
            continue
    raise InvalidToken


def newest() -> str:
    """What a seal of today's key begins with."""
    return f"{_name(settings.PERSONAL_KEY)}."


def digest(text: str) -> str:
    """A stable keyed digest (64 hex digits), to look a value up without storing it."""
    return hmac.new(digest_key(), text.encode(), hashlib.sha256).hexdigest()


def digest_key() -> bytes:
    """What digests are made with: what the setting pins, else what today's personal key gives."""
    pinned = settings.DIGEST_KEY
    return bytes.fromhex(pinned) if pinned else _of(settings.PERSONAL_KEY, b"digest")


def masked_phone(phone: str) -> str:
    """139 1234 5678 → 139••••5678."""
    return f"{phone[:3]}••••{phone[-4:]}" if len(phone) >= 8 else "••••"


def masked_name(name: str) -> str:
    """张三 → 张•."""
    return name[:1] + "•" * min(len(name) - 1, 2)


def _name(key: str) -> str:
    return _of(key, b"name").hex()[:NAME_LENGTH]


def _fernet(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_of(key, b"seal")))


def _of(key: str, purpose: bytes) -> bytes:
    return hmac.new(key.encode(), purpose, hashlib.sha256).digest()
