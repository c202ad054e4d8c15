"""Registry of payment providers, a folder each; everything outside reads this list alone.

Settings, the columns' choices, the cashier's page, its security policy and the documents take
names, words and addresses from here; `docs/extending.md` says how another one is added. In the
order in which a payer sees them.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

from django.utils import timezone

from core import clock
from payments.errors import ProviderUnknown
from payments.providers.alipay import Alipay
from payments.providers.base import BillClient, Client, Provider, SheetClient, Way
from payments.providers.browsers import Browser
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


def offered_in(browser: Browser) -> dict[Provider, Way]:
    """Those of them that can be paid in this browser, and how."""
    ways = ((one, one.way_in(browser)) for one in offered())
    return {one: way for one, way in ways if way is not None}


def client(name: str, account: str = "") -> Client:
    """The client of one provider for one of our accounts there, "" for today's.

    Raises ProviderUnknown for a provider that is not offered here, and for an account that is
    neither today's nor a former one whose time is not over (docs/money.md).
    """
    heard = accounts_heard(name)
    if account and account not in heard:
        raise ProviderUnknown(name)
    return _client(name, account or heard[0])


@cache
def _client(name: str, account: str) -> Client:
    provider = known(name)
    return provider.client(provider.accounts().get(account, {}))


def account_now(name: str) -> str:
    """Our account at this provider with which payments are begun today."""
    return accounts_heard(name)[0]


def accounts_heard(name: str) -> list[str]:
    """Our accounts whose messages, queries and refunds count, today's first.

    Raises ProviderUnknown for a provider that is not offered here.
    """
    if name not in [provider.name for provider in offered()]:
        raise ProviderUnknown(name)
    today = timezone.localdate(clock.real())
    return [
        account
        for account, said in known(name).accounts().items()
        if today <= date.fromisoformat(said.get("until", date.max.isoformat()))
    ]


def sheets(name: str, account: str = "") -> SheetClient:
    """The same for one that can be paid in a sheet of its app. Raises ProviderUnknown."""
    if Way.SHEET not in known(name).ways:
        raise ProviderUnknown(name)
    return cast(SheetClient, client(name, account))


def bills(name: str, billed: str) -> BillClient:
    """The same for one that makes a bill of each day, by whom the bill is for (`billed_as`).

    Raises ProviderUnknown.
    """
    return cast(BillClient, client(name, _account_billed(name, billed)))


def with_bills() -> list[tuple[str, str]]:
    """Of whom there is a bill of each day: provider, and what its bills call us."""
    names = [provider.name for provider in offered() if provider.has_bills]
    pairs = [(name, billed_as(name, one)) for name in names for one in accounts_heard(name)]
    return list(dict.fromkeys(pairs))


def billed_as(name: str, account: str) -> str:
    """Whose bill holds what was paid to this account; "" stands for today's.

    Raises ProviderUnknown.
    """
    return known(name).billed_as(account or account_now(name))


def rate(name: str, billed: str) -> int | None:
    """Our rate there in millionths; None where nobody has said it. Raises ProviderUnknown."""
    said = known(name).accounts()[_account_billed(name, billed)].get("rate")
    return round(float(said) * 10_000) if said else None


def _account_billed(name: str, billed: str) -> str:
    for account in accounts_heard(name):
        if known(name).has_bills and billed_as(name, account) == billed:
            return account
    raise ProviderUnknown(name)


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
    """Where a form of ours may lead a payer to, for the security policy: the providers' own
    addresses, and those that stand in for them on trial."""
    trials = [str(provider.settings().get("gateway", "")) for provider in ALL]
    there = [target for provider in ALL for target in provider.form_targets]
    return there + ["{0.scheme}://{0.netloc}".format(urlsplit(one)) for one in trials if one]


def frames() -> list[str]:
    """What the apps of providers load into a page to hear its bridge, for the security policy."""
    return [frame for provider in ALL for frame in provider.frames]


def schemes() -> list[str]:
    """The schemes of the apps that a payer may be sent on to."""
    return [scheme for provider in ALL for scheme in provider.schemes]


def accounts(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What the environment says of each provider that has an account: name → its settings."""
    return {
        provider.name: provider.account.read(environment) for provider in ALL if provider.account
    }
