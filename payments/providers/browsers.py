"""What a browser says of itself, as far as it decides how somebody can pay in it."""

import re
from dataclasses import dataclass

PHONE = re.compile(r"Mobi|Android|iPhone|iPad|HarmonyOS")


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser by its User-Agent. Anybody may claim to be another one, which costs only them."""

    agent: str = ""

    @property
    def in_wechat(self) -> bool:
        """WeChat's own browser, which opens what its scanner has read."""
        return "MicroMessenger" in self.agent

    @property
    def has_wechat_sheet(self) -> bool:
        """Not inside a mini program, nor in WeChat for companies: their bridges pay otherwise."""
        return self.in_wechat and "miniProgram" not in self.agent and "wxwork" not in self.agent

    @property
    def in_alipay(self) -> bool:
        """Alipay's own browser."""
        return "AlipayClient" in self.agent

    @property
    def on_phone(self) -> bool:
        """A telephone or tablet, which can open the app that pays; or we can't tell."""
        return not self.agent or bool(PHONE.search(self.agent))
