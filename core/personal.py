"""Personal data such as phone numbers: encrypted at rest, found by a keyed digest, shown masked."""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet
from django.conf import settings


def _key(purpose: bytes) -> bytes:
    return hmac.new(settings.PERSONAL_KEY.encode(), purpose, hashlib.sha256).digest()


def seal(text: str) -> str:
    """Encrypted text for a column; the same text gives another seal each time."""
    return Fernet(base64.urlsafe_b64encode(_key(b"seal"))).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text again. Raises cryptography's InvalidToken under another key."""
    return Fernet(base64.urlsafe_b64encode(_key(b"seal"))).decrypt(sealed.encode()).decode()


def digest(text: str) -> str:
    """A stable keyed digest (64 hex digits), to look a value up without storing it."""
    return hmac.new(_key(b"digest"), text.encode(), hashlib.sha256).hexdigest()


def masked_phone(phone: str) -> str:
    """139 1234 5678 → 139••••5678."""
    return f"{phone[:3]}••••{phone[-4:]}" if len(phone) >= 8 else "••••"
