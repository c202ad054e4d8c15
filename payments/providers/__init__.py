"""Registry of payment providers, a folder each; everything outside reads this list alone.

Settings, the columns' choices, the cashier's page, its security policy and the documents take
names, words and addresses from here; `docs/extending.md` says how another one is added. In the
order in which a payer sees them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from payments.errors import ProviderUnknown
from payments.providers.alipay import Alipay
from payments.providers.base import Client, Provider
from payments.providers.counter import Counter
from payments.providers.sandbox import Sandbox
from payments.providers.wechat import WeChat

WECHAT, ALIPAY, SANDBOX, COUNTER = WeChat(), Alipay(), Sandbox(), Counter()
ALL: tuple[Provider, ...] = (WECHAT, ALIPAY, SANDBOX, COUNTER)


def known(name: str) -> Provider:
    """The provider of this name, set up here or not. Raises ProviderUnknown."""
    for provider in ALL:
        if provider.name == name:
            return provider
    raise ProviderUnknown(name)


def offered() -> list[Provider]:
    """The providers that a payer may choose here."""
    return [provider for provider in ALL if not provider.by_hand and provider.is_set_up()]


def client(name: str) -> Client:
    """The client of one provider. Raises ProviderUnknown for one that is not offered here."""
    if name not in [provider.name for provider in offered()]:
        raise ProviderUnknown(name)
    return _client(name)


@cache
def _client(name: str) -> Client:
    return known(name).client()


def forget() -> None:
    """Build the clients anew at their next use: the settings have changed (tests)."""
    _client.cache_clear()


def word(name: str) -> str:
    """What people call this provider; its name where nobody knows it any more."""
    return next((str(provider.word) for provider in ALL if provider.name == name), name)


def choices() -> list[tuple[str, Any]]:
    """Name and word of each, for the columns that name a provider.

    A function, so that migrations name it and not the list: the database holds names of any
    provider there ever was (docs/decisions/0030).
    """
    return [(provider.name, provider.word) for provider in ALL]


def names_by_hand() -> list[str]:
    """The providers whose money people hand over, and hand back, themselves."""
    return [provider.name for provider in ALL if provider.by_hand]


def form_targets() -> list[str]:
    """Where a form of ours may lead a payer to, for the security policy."""
    return [target for provider in ALL for target in provider.form_targets]


def schemes() -> list[str]:
    """The schemes of the apps that a payer may be sent on to."""
    return [scheme for provider in ALL for scheme in provider.schemes]


def accounts(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What the environment says of each provider that has an account: name → its settings."""
    return {
        provider.name: provider.account.read(environment) for provider in ALL if provider.account
    }
