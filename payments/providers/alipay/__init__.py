"""Alipay, with RSA2."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.environment import Account
from payments.providers.base import Client, Provider, Way


class Alipay(Provider):
    """The wap page on a phone, a code beside a screen."""

    name = "alipay"
    word = _("Alipay")
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
            "gateway": "another address than Alipay's own, for trials",
        },
        known_by=("appid",),
    )
    form_targets = ("https://openapi.alipay.com", "https://mclient.alipay.com")
    not_inside = ("MicroMessenger",)  # WeChat's own browser takes JSAPI alone
    schemes = ("alipays",)

    def client(self, settings: Mapping[str, Any]) -> Client:
        from payments.providers.alipay.client import AlipayClient

        return AlipayClient(settings)
