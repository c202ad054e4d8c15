"""Text messages: their words, and the provider that carries them.

The real provider is Alibaba Cloud's SMS service, API version 2017-05-25, signed by its V3 scheme
(ACS3-HMAC-SHA256). Words live with the provider's approved templates; the texts here are what the
sandbox shows, and must say the same.
"""

import hashlib
import hmac
import json
import urllib.parse
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

TEXTS = {
    "login_code": "【泊位】验证码 {code}，10 分钟内有效。我们不会向您索要它。",
    "reminder": "【泊位】您在{place}有一笔停车费还没有支付，{amount}。"
    "点此支付或提出异议：{url} 退订回T",
    "demand": "【泊位】您在{place}的停车费 {amount} 请在 {until} 前支付。"
    "查看明细、支付或提出异议：{url}",
    "demand_raised": "【泊位】您在{place}的停车费由 {before} 更正为 {amount}（{why}），"
    "请在 {until} 前支付，此前的期限作废。查看明细、支付或提出异议：{url}",
    "plan": "【泊位】{place}的停车费 {amount} 可以分 {parts} 次支付，没有额外费用：{url} 退订回T",
    "paid_time": "【泊位】您在{place}的停车已付到 {until}。要多停请提前续付，离开则不必理会："
    "{url} 退订回T",
    "receipt": "【泊位】已收到 {amount}，谢谢。明细：{url}",
}


class SmsFailed(Exception):
    """The provider refused or could not be reached; `final` where trying again is useless."""

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final


def render(template: str, params: dict[str, Any]) -> str:
    """The message's text. Raises KeyError for an unknown template or a missing parameter."""
    return TEXTS[template].format(**params)


@dataclass(frozen=True, slots=True)
class AliyunSms:
    """Alibaba Cloud SMS; `templates` maps our names to the approved template codes."""

    access_key: str
    secret: str
    sign_name: str
    templates: dict[str, str]
    endpoint: str = "https://dysmsapi.aliyuncs.com"

    def send(self, *, phone: str, template: str, params: dict[str, Any], key: str) -> str:
        """Send one message and return the provider's number of it. Raises SmsFailed."""
        if template not in self.templates:
            raise SmsFailed(f"no template for {template}", final=True)
        query = {
            "PhoneNumbers": phone,
            "SignName": self.sign_name,
            "TemplateCode": self.templates[template],
            "TemplateParam": json.dumps(params, ensure_ascii=False),
            "OutId": key,
        }
        try:
            response = requests.post(
                f"{self.endpoint}/",
                params=query,
                headers=self._headers(query, at=datetime.now(UTC), nonce=uuid.uuid4().hex),
                timeout=5,
            )
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise SmsFailed(type(error).__name__, final=False) from error
        if answer.get("Code") != "OK":
            code = str(answer.get("Code", response.status_code))
            busy = (
                code.startswith(("isv.BUSINESS_LIMIT", "Throttling")) or response.status_code >= 500
            )
            raise SmsFailed(code, final=not busy)
        return str(answer["BizId"])

    def _headers(self, query: dict[str, str], *, at: datetime, nonce: str) -> dict[str, str]:
        host = urllib.parse.urlsplit(self.endpoint).netloc
        empty = hashlib.sha256(b"").hexdigest()
        signed = {
            "host": host,
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": empty,
            "x-acs-date": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": nonce,
            "x-acs-version": "2017-05-25",
        }
        names = ";".join(sorted(signed))
        canonical = "\n".join(
            [
                "POST",
                "/",
                "&".join(f"{_quote(name)}={_quote(query[name])}" for name in sorted(query)),
                "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)),
                names,
                empty,
            ]
        )
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return signed | {
            "Authorization": f"ACS3-HMAC-SHA256 Credential={self.access_key},"
            f"SignedHeaders={names},Signature={signature}"
        }


def _quote(text: str) -> str:
    return urllib.parse.quote(text, safe="-_.~")
