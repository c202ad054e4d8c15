"""What every provider can be asked, in our words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from django.utils import timezone

CITY = timezone.get_default_timezone()  # the zone that providers write their times in


class ProviderRefused(Exception):
    """The provider has understood and says no; nothing was begun."""


class ProviderUnclear(Exception):
    """No answer, or one that proves nothing: it may have happened or not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment that we ask for. `expires_at` is real time; `by_qr` for a screen beside a phone."""

    out_trade_no: str
    amount_fen: int
    title: str
    expires_at: datetime
    notify_url: str
    return_url: str
    client_ip: str = ""
    by_qr: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the payer goes on: an address to open, or a text to show as a QR code."""

    pay_url: str = ""
    qr: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trade stands. `absent`: the provider has never heard of the number."""

    state: Literal["paid", "pending", "failed", "closed", "absent"]
    amount_fen: int | None = None
    provider_no: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A refund that we ask for; the same number asks for the same money however often."""

    out_refund_no: str
    out_trade_no: str
    amount_fen: int
    total_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefundSays:
    """How a refund stands; `unclear` is asked again, `failed` needs a person."""

    state: Literal["done", "sent", "failed", "unclear"]
    provider_no: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A genuine notification. Its kind and state decide what follows, never its arrival."""

    kind: Literal["payment", "refund", "other"]
    out_trade_no: str = ""
    out_refund_no: str = ""
    says: Outcome | RefundSays | None = None


class Provider(Protocol):
    """A payment provider. All calls go over the network; none is made inside a transaction.

    `begin`, `query`, `close`, `refund` and `query_refund` raise ProviderRefused or
    ProviderUnclear. `read_notification` raises BadNotification for what the provider did not
    sign, or signed too long ago (not asked of a `kept` one), or for somebody else.
    """

    name: str
    signature_headers: tuple[str, ...]  # lower case; what `read_notification` needs beside the body
    form_targets: tuple[str, ...]  # where a form of ours may lead the payer to

    def begin(self, asked: Asked) -> Begun: ...
    def query(self, out_trade_no: str) -> Outcome: ...
    def close(self, out_trade_no: str) -> None: ...
    def refund(self, asked: RefundAsked) -> RefundSays: ...
    def query_refund(self, asked: RefundAsked) -> RefundSays: ...
    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, kept: bool = False
    ) -> Told: ...
    def answer(self, taken: bool, why: str) -> tuple[int, str, str]: ...
