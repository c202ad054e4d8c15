"""Signed requests to the platform, and the check of its signed answers."""

import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import requests

from monthlycard.rules import signing

PREFIX = "/api/v1/monthlycard/lots"


class PlatformSilent(Exception):
    """No answer in time: a lot then decides by its own list, and reports later (P4.6)."""


class PlatformRefused(Exception):
    """The platform answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('title', '')}")
        self.status, self.problem = status, problem


class LotClient:
    """One lot's connection: its code, its secret, and how long it waits for an answer (s)."""

    def __init__(self, base: str, code: str, secret: str, *, timeout_s: float = 5.0) -> None:
        self.base, self.code, self.secret, self.timeout_s = base, code, secret, timeout_s
        self.session = requests.Session()

    def get(self, address: str, **query: Any) -> Any:
        """Raises PlatformSilent, PlatformRefused."""
        return json.loads(self.get_file(address, **query))

    def get_file(self, address: str, **query: Any) -> bytes:
        return self._send("GET", address, b"", query)

    def post(self, address: str, body: dict[str, Any]) -> Any:
        """Raises PlatformSilent, PlatformRefused."""
        return json.loads(self._send("POST", address, json.dumps(body).encode(), {}))

    def sign(self, terms_hash: str) -> str:
        """This lot's signature under an agreement."""
        return signing.sign_agreement(self.secret, terms_hash)

    def _send(self, method: str, address: str, body: bytes, query: dict[str, Any]) -> bytes:
        path = f"{PREFIX}/{address}" + (f"?{urlencode(query)}" if query else "")
        nonce, now = secrets.token_urlsafe(12), str(int(time.time() * 1000))
        signature = signing.sign_request(
            self.secret, method=method, path=path, time=now, nonce=nonce, body=body
        )
        headers = {
            signing.LOT: self.code,
            signing.TIME: now,
            signing.NONCE: nonce,
            signing.SIGNATURE: signature,
            "Content-Type": "application/json",
        }
        try:
            answer = self.session.request(
                method, self.base + path, data=body, headers=headers, timeout=self.timeout_s
            )
        except requests.RequestException as error:
            raise PlatformSilent(type(error).__name__) from error
        if answer.status_code >= 500:
            raise PlatformSilent(str(answer.status_code))
        if answer.status_code >= 400:
            raise PlatformRefused(answer.status_code, _problem(answer))
        expected = signing.sign_answer(
            self.secret, status=answer.status_code, nonce=nonce, body=answer.content
        )
        if not signing.equal(expected, answer.headers.get(signing.SIGNATURE, "")):
            raise PlatformSilent("the answer is not signed by the platform")
        return answer.content


def _problem(answer: requests.Response) -> dict[str, Any]:
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        problem = {"title": answer.text[:200]}
    return problem
