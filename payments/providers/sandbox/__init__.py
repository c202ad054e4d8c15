"""The sandbox: a provider of our own for demo and tests."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings as ours
from django.utils.translation import gettext_lazy as _

from payments.providers.base import Client, Provider, Way


class Sandbox(Provider):
    """A page of our own, and a signed message over HTTP. Refused in production."""

    name = "sandbox"
    word = _("Sandbox (no real money)")
    ways = (Way.PAGE, Way.CODE)

    def is_set_up(self) -> bool:
        return bool(ours.BOWEI_SANDBOX_PAYMENTS) and not ours.PRODUCTION

    def client(self, settings: Mapping[str, Any]) -> Client:
        from payments.providers.sandbox.client import SandboxClient

        return SandboxClient()
