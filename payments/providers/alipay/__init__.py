"""Alipay, with RSA2."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.environment import Account
from payments.providers.base import Client, Provider, Way
from payments.providers.browsers import Browser


class Alipay(Provider):
    """The wap page on a phone and in Alipay's own browser, a code beside a screen."""

    name = "alipay"
    word = app = _("Alipay")
    ways = (Way.PAGE, Way.CODE)
    account = Account(
        variable="BOWEI_ALIPAY",
        needed={
            "appid": "our app",
            "private_key": "our private key, PEM in PKCS#1",
            "alipay_public_key": "Alipay's public key, PEM",
        },
        optional={
            "seller_id": "our number as a seller; notifications for another one are refused",
            "rate": "our rate in per cent, such as 0.60: fees of bills that are another are told",
            "gateway": "another address than Alipay's own, for trials",
        },
        known_by=("appid",),
    )
    form_targets = ("https://openapi.alipay.com", "https://mclient.alipay.com")
    schemes = ("alipays",)
    has_bills = True

    def way_in(self, browser: Browser) -> Way | None:
        if browser.in_wechat:
            return None  # it opens no page of Alipay
        return Way.PAGE if browser.on_phone or browser.in_alipay else Way.CODE

    def billed_as(self, account: str) -> str:
        """A seller has one bill, whichever of its apps was paid in."""
        return str(self.accounts().get(account, {}).get("seller_id") or account)

    def client(self, settings: Mapping[str, Any]) -> Client:
        from payments.providers.alipay.client import AlipayClient

        return AlipayClient(settings)
