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

from accounts.sms.base import BadReport, Receipt, SmsClient, SmsNotSent, SmsProvider
from core.calendar import CITY
from core.environment import Account

# Of what a report says we keep nothing that says who or what.
PUSHED = ("success", "err_code", "err_msg", "send_time", "report_time", "sms_size", "biz_id")
ASKED = ("SendStatus", "ErrCode", "SendDate", "ReceiveDate", "TemplateCode", "OutId")
FAILED, RECEIVED = 2, 3  # SendStatus; 1 waits for the network


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
        optional={
            "endpoint": "another address than the service's own, for trials",
            "reply_secret": "the last part of the address to which the service sends replies "
            "(SmsUp): `/api/v1/accounts/texts/replies/aliyun/SECRET/`",
        },
    )

    def client(self, said: Mapping[str, Any]) -> SmsClient:
        return AliyunSms(**said)

    def reported(self, body: bytes) -> dict[str, dict[str, Any]]:
        """SmsReport by HTTP in batches: an array of objects, `out_id` is our key."""
        try:
            rows = json.loads(body)
            return {
                str(row["out_id"]): {
                    name: str(row[name])[:100] for name in PUSHED if row.get(name) is not None
                }
                for row in rows
            }
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadReport(self.name) from error

    def thanks(self) -> dict[str, Any]:
        return {"code": 0, "msg": "接收成功"}

    def replies(self, body: bytes) -> list[tuple[str, str, str]]:
        """SmsUp by HTTP in batches: an array of objects."""
        try:
            return [
                (str(row["sequence_id"]), str(row["phone_number"]), str(row["content"]))
                for row in json.loads(body)
            ]
        except (TypeError, KeyError) as error:
            raise ValueError(self.name) from error


@dataclass(frozen=True, slots=True)
class AliyunSms:
    """Alibaba Cloud SMS; `templates` maps our names to the approved template codes."""

    access_key: str
    secret: str
    sign_name: str
    templates: dict[str, str]
    endpoint: str = "https://dysmsapi.aliyuncs.com"
    reply_secret: str = ""

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
        return str(self._ask("SendSms", query)["BizId"])

    def receipt(self, *, phone: str, number: str, key: str, sent_at: datetime) -> Receipt:
        """QuerySendDetails; the day on which it was sent is Beijing's."""
        query = {
            "PhoneNumber": phone,
            "BizId": number,
            "SendDate": sent_at.astimezone(CITY).strftime("%Y%m%d"),
            "PageSize": "10",
            "CurrentPage": "1",
        }
        answer = self._ask("QuerySendDetails", query)
        rows = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        mine = next((row for row in rows if row.get("OutId") == key), None)
        if mine is None:
            return Receipt(None, "", {})
        status = mine.get("SendStatus")
        return Receipt(
            delivered={RECEIVED: True, FAILED: False}.get(status),
            code=str(mine.get("ErrCode", "")),
            raw={name: mine[name] for name in ASKED if name in mine},
        )

    def _ask(self, action: str, query: dict[str, str]) -> dict[str, Any]:
        """The service's answer to one call. Raises SmsNotSent."""
        headers = self._headers(query, action=action, at=datetime.now(UTC), nonce=uuid.uuid4().hex)
        try:
            response = requests.post(f"{self.endpoint}/", params=query, headers=headers, timeout=5)
            answer: dict[str, Any] = response.json()
        except (requests.RequestException, ValueError) as error:
            raise SmsNotSent(type(error).__name__, final=False) from error
        if answer.get("Code") != "OK":
            code = str(answer.get("Code", response.status_code))
            busy = (
                code.startswith(("isv.BUSINESS_LIMIT", "Throttling")) or response.status_code >= 500
            )
            raise SmsNotSent(code, final=not busy)
        return answer

    def _headers(
        self, query: dict[str, str], *, at: datetime, nonce: str, action: str = "SendSms"
    ) -> dict[str, str]:
        host = urllib.parse.urlsplit(self.endpoint).netloc
        empty = hashlib.sha256(b"").hexdigest()
        signed = {
            "host": host,
            "x-acs-action": action,
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
