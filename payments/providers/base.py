"""What every provider says of itself, and what its client can be asked, in our words.

Settings and models read this: nothing here looks at the settings while it is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol
from zoneinfo import ZoneInfo

from django.conf import settings

from core.environment import Account
from payments.providers.browsers import Browser
from payments.rules.bills import BillRow, BillSums

CITY = ZoneInfo("Asia/Shanghai")  # the zone that providers write their times in


class Way(StrEnum):
    """How the payer's money comes."""

    PAGE = "page"  # the payer goes on to a page or an app
    CODE = "code"  # the payer scans a code that a screen shows
    SHEET = "sheet"  # the payer is inside the provider's app, which lays a sheet over our page
    HAND = "hand"  # the payer gives it to a person, who says so


class Provider:
    """A payment provider as the rest of the house knows it. See payments.providers.ALL.

    `client` is imported when it is first asked for: the makers' packages are not small.
    """

    name: ClassVar[str]  # stands in rows for good: lower-case letters, digits, at most 16
    word: ClassVar[Any]  # what people call it, lazily translated
    ways: ClassVar[tuple[Way, ...]]
    app: ClassVar[Any] = ""  # what people call the app that it is paid with
    account: ClassVar[Account | None] = None
    form_targets: ClassVar[tuple[str, ...]] = ()  # where a form of ours may lead the payer to
    frames: ClassVar[tuple[str, ...]] = ()  # what its app loads into a page to hear the bridge
    schemes: ClassVar[tuple[str, ...]] = ()  # of the apps that the payer may be sent on to
    has_bills: ClassVar[bool] = False  # whether it makes a bill of each of the city's days

    def way_in(self, browser: Browser) -> Way | None:
        """How it can be paid in this browser; None where it can't."""
        return Way.PAGE

    @property
    def by_hand(self) -> bool:
        """Whether people move the money themselves, and there is nobody to ask."""
        return self.ways == (Way.HAND,)

    def settings(self) -> dict[str, Any]:
        """What the environment says of it; {} where nothing."""
        found: dict[str, Any] = settings.BOWEI_PAYMENTS.get(self.name, {})
        return found

    def is_set_up(self) -> bool:
        """Whether it can be used here."""
        return bool(self.settings())

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Our accounts there by the name that tells them apart: today's, then the former ones.

        One that has no account of ours is known as "".
        """
        if self.account is None:
            return {"": {}}
        said = self.settings()
        return {self.account.name_of(one): one for one in (said, *said.get("former", []))}

    def billed_as(self, account: str) -> str:
        """Whose bill holds what was paid to this account of ours: also what bills call it."""
        return account

    def client(self, settings: Mapping[str, Any]) -> "Client":
        """A client with these settings of one account. Not for one that is `by_hand`."""
        raise NotImplementedError


class ProviderRefused(Exception):
    """The provider has understood and says no; nothing was begun."""


class ProviderUnclear(Exception):
    """No answer, or one that proves nothing: it may have happened or not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment that we ask for. `expires_at` is real time; `payer` is whom the app of the provider
    says that it pays for, where the way is a sheet."""

    out_trade_no: str
    amount_fen: int
    title: str
    expires_at: datetime
    notify_url: str
    return_url: str
    client_ip: str = ""
    way: Way = Way.PAGE
    payer: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the payer goes on: an address to open, a text to show as a QR code, or what opens a
    sheet in the provider's app."""

    pay_url: str = ""
    qr: str = ""
    sheet: str = ""


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
class ProviderNotice:
    """A genuine notification. What it says decides what follows, never its arrival; its kind is
    for people who look at it."""

    kind: Literal["payment", "refund", "other"]
    out_trade_no: str = ""
    out_refund_no: str = ""
    says: Outcome | RefundSays | None = None


class BillAbsent(Exception):
    """The provider has no bill of this day: not yet, or nothing happened."""


class BillBroken(Exception):
    """What was downloaded is not the bill: another digest, another day, or nothing that is read."""


@dataclass(frozen=True, slots=True)
class Bill:
    """A provider's bill of one day, as it was proved and read; `digest` is SHA-256 of the file."""

    rows: list[BillRow]
    said: BillSums
    digest: str


class Client(Protocol):
    """Asks a provider. All calls go over the network; none is made inside a transaction.

    `begin`, `query`, `close`, `refund` and `query_refund` raise ProviderRefused or
    ProviderUnclear. `read_notification` raises BadNotification for what the provider did not
    sign, or signed too long ago (not asked of a `kept` one), or for somebody else.
    """

    signature_headers: tuple[str, ...]  # lower case; what `read_notification` needs beside the body

    def begin(self, asked: Asked) -> Begun: ...
    def query(self, out_trade_no: str) -> Outcome: ...
    def close(self, out_trade_no: str) -> None: ...
    def refund(self, asked: RefundAsked) -> RefundSays: ...
    def query_refund(self, asked: RefundAsked) -> RefundSays: ...
    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, kept: bool = False
    ) -> ProviderNotice: ...
    def answer(self, taken: bool, why: str) -> tuple[int, str, str]: ...


class SheetClient(Client, Protocol):
    """Of a provider that can be paid in a sheet of its own app (`Way.SHEET`)."""

    def introduce_at(self, back: str, state: str) -> str:
        """Where the app says whom it pays for; it leads back with a code and this state."""

    def payer(self, code: str) -> str:
        """Whom the app pays for, for a code that counts once. Raises ProviderRefused,
        ProviderUnclear."""

    def sheet(self, begun: str) -> dict[str, str]:
        """What the page hands to the app's bridge, signed now."""


class BillClient(Client, Protocol):
    """Of a provider that makes a bill of each day (`has_bills`)."""

    def bill(self, day: date) -> Bill:
        """The bill of one of the city's days. Raises BillAbsent, BillBroken, ProviderRefused,
        ProviderUnclear."""
