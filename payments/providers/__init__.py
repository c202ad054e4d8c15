"""Those who move the money: one client each, all with the same few verbs (base.Provider)."""

from functools import cache

from django.conf import settings

from payments.errors import ProviderUnknown
from payments.providers.base import Provider


def names() -> list[str]:
    """The providers that are set up here, in the order in which a payer sees them."""
    return [name for name in ("wechat", "alipay", "sandbox") if _is_set_up(name)]


def get(name: str) -> Provider:
    """The client of one provider. Raises ProviderUnknown for one that is not set up here."""
    if not _is_set_up(name):
        raise ProviderUnknown(name)
    return _client(name)


def forget() -> None:
    """Build the clients anew at their next use: the settings have changed (tests)."""
    _client.cache_clear()


def _is_set_up(name: str) -> bool:
    if name == "sandbox":
        return bool(settings.BOWEI_SANDBOX_PAYMENTS) and not settings.PRODUCTION
    return bool(getattr(settings, f"BOWEI_{name.upper()}", None))


@cache
def _client(name: str) -> Provider:
    """Imported at first use: the makers' packages are not small."""
    if name == "wechat":
        from payments.providers.wechat import WeChat

        return WeChat(settings.BOWEI_WECHAT)
    if name == "alipay":
        from payments.providers.alipay import Alipay

        return Alipay(settings.BOWEI_ALIPAY)
    from payments.providers.sandbox import Sandbox

    return Sandbox()
