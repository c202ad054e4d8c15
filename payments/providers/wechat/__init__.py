"""WeChat Pay, API v3."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.environment import Account
from payments.providers.base import Client, Provider, Way
from payments.providers.browsers import Browser


class WeChat(Provider):
    """H5 on a phone, a native code beside a screen, JSAPI inside WeChat itself."""

    name = "wechat"
    word = _("WeChat Pay")
    app = _("WeChat")
    ways = (Way.PAGE, Way.CODE, Way.SHEET)
    account = Account(
        variable="BOWEI_WECHAT",
        needed={
            "mchid": "our merchant number",
            "appid": "the app that the merchant number is bound to",
            "apiv3_key": "the key that notifications are sealed with",
            "private_key": "our private key, PEM",
            "cert_serial_no": "the serial number of our certificate",
        },
        optional={
            "public_key": "WeChat Pay's public key, PEM; with its number, or certificates "
            "instead, or both while WeChat Pay moves a merchant from one to the other",
            "public_key_id": "its number, beginning PUB_KEY_ID_",
            "cert_dir": "a folder with WeChat Pay's platform certificates",
            "app_secret": "the app's own secret: with it people pay inside WeChat, too",
            "rate": "our rate in per cent, such as 0.60: fees of bills that are another are told",
            "gateway": "another address than WeChat Pay's own, for trials",
        },
        either=(("public_key", "public_key_id"), ("cert_dir",)),
        known_by=("mchid", "appid"),
    )
    form_targets = ("https://wx.tenpay.com", "https://open.weixin.qq.com")
    frames = ("weixin:", "wvjbscheme:")
    schemes = ("weixin",)
    has_bills = True

    def way_in(self, browser: Browser) -> Way | None:
        if browser.in_alipay:
            return None
        if browser.in_wechat:  # which takes JSAPI alone
            able = browser.has_wechat_sheet and self.settings().get("app_secret")
            return Way.SHEET if able else None
        return Way.PAGE if browser.on_phone else Way.CODE

    def billed_as(self, account: str) -> str:
        """A merchant number has one bill, whichever of its apps was paid in."""
        return account.partition("/")[0]

    def client(self, settings: Mapping[str, Any]) -> Client:
        from payments.providers.wechat.client import WeChatClient

        return WeChatClient(settings)
