"""Text messages: who carries them, a module each, named in one list; and their words.

`docs/extending.md` says how another provider is added.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.sms.aliyun import Aliyun
from accounts.sms.base import BadReport, Receipt, SmsClient, SmsNotSent, SmsProvider
from accounts.sms.sandbox import Sandbox
from accounts.sms.words import render

__all__ = [
    "ALL",
    "BadReport",
    "Receipt",
    "SmsNotSent",
    "chosen",
    "client",
    "provider",
    "render",
    "replies",
    "sends",
]

ALL: tuple[SmsProvider, ...] = (Aliyun(), Sandbox())


def chosen(environment: Mapping[str, str], *, production: bool) -> tuple[str, dict[str, Any]]:
    """The provider that `BOWEI_SMS` names, and what the environment says of its account.

    Without a word it is the first that sends in production, the sandbox elsewhere. Raises
    ImproperlyConfigured in a sentence: for a name that nobody knows, for an account that is not
    whole, and in production for one that sends nothing, as it shows log-in codes to anybody.
    """
    wanted = next(one.name for one in ALL if one.sends == production)
    name = environment.get("BOWEI_SMS", "").strip() or wanted
    found = _known().get(name)
    if found is None:
        names = ", ".join(_known())
        raise ImproperlyConfigured(f"BOWEI_SMS names no provider of text messages; known: {names}.")
    if production and not found.sends:
        raise ImproperlyConfigured(f"BOWEI_SMS={name} is for demos: production must send.")
    if found.account is None:
        return name, {}
    said = found.account.read(environment)
    if not said:
        raise ImproperlyConfigured(f"{found.account.variable} must be set: BOWEI_SMS is {name}.")
    return name, said


def sends() -> bool:
    """Whether messages leave this house (not in demo and tests)."""
    return _known()[settings.BOWEI_SMS].sends


def provider(name: str) -> SmsProvider | None:
    """A provider by its name; None where there is none."""
    return _known().get(name)


def replies(name: str, secret: str, body: bytes) -> list[tuple[str, str, str]] | None:
    """What people answered by the provider in use; None where this is not its secret address.

    The service signs nothing: that it knows the address is what shows that it is the service.
    Raises ValueError.
    """
    ours = settings.BOWEI_SMS_ACCOUNT.get("reply_secret", "")
    if name != settings.BOWEI_SMS or not ours or not secrets.compare_digest(ours, secret):
        return None
    return _known()[name].replies(body)


def client() -> SmsClient:
    """The client of the provider that is chosen here."""
    return _known()[settings.BOWEI_SMS].client(settings.BOWEI_SMS_ACCOUNT)


def _known() -> dict[str, SmsProvider]:
    return {provider.name: provider for provider in ALL}
