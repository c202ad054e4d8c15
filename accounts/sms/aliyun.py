"""Alibaba Cloud's SMS service, API version 2017-05-25, signed by its V3 scheme.

The scheme is called ACS3-HMAC-SHA256.
"""

import hashlib
import hmac
import json
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from accounts.sms.base import SmsClient, SmsNotSent, SmsProvider
from core.environment import Account


class Aliyun(SmsProvider):
    """Messages in the words of templates that Alibaba Cloud has approved."""

    name = "aliyun"
    account = Account(
        variable="BOWEI_SMS_ALIYUN",
        needed={
            "access_key": "the key's number",
            "secret": "the key",
            "sign_name": "the approved signature",
            "templates": "an object: our name of a text (`accounts/sms/words.py`) → the code of "
            "the approved template",
        },
        optional={"endpoint": "another address than the service's own, for trials"},
    )

    def client(self, said: Mapping[str, Any]) -> SmsClient:
        return AliyunSms(**said)


@dataclass(frozen=True, slots=True)
class AliyunSms:
    """Alibaba Cloud SMS; `templates` maps our names to the approved template codes."""

    access_key: str
    secret: str
    sign_name: str
    templates: dict[str, str]
    endpoint: str = "https://dysmsapi.aliyuncs.com"

    def send(self, *, phone: str, template: str, params: dict[str, Any], key: str) -> str:
        """Send one message and return the provider's number of it. Raises SmsNotSent."""
        if template not in self.templates:
            raise SmsNotSent(f"no template for {template}", final=True)
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
            raise SmsNotSent(type(error).__name__, final=False) from error
        if answer.get("Code") != "OK":
            code = str(answer.get("Code", response.status_code))
            busy = (
                code.startswith(("isv.BUSINESS_LIMIT", "Throttling")) or response.status_code >= 500
            )
            raise SmsNotSent(code, final=not busy)
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
