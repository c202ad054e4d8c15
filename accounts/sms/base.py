"""What every provider of text messages says of itself, and what its client can be asked.

Settings read this: nothing here looks at the settings while it is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from core.environment import Account


class SmsNotSent(Exception):
    """The provider refused or could not be reached; `final` where trying again is useless."""

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message; `delivered` None while the network has not said."""

    delivered: bool | None
    code: str  # in the provider's words
    raw: dict[str, Any]  # as it came, without number and text


class BadReport(ValueError):
    """What was pushed to us is no report of this provider's."""


class SmsClient(Protocol):
    """Hands messages to a provider; the call goes over the network, never in a transaction."""

    def send(self, *, phone: str, template: str, params: dict[str, Any], key: str) -> str:
        """Send one message, once for a `key`; the provider's number of it. Raises SmsNotSent."""
        ...

    def receipt(self, *, phone: str, number: str, key: str, sent_at: datetime) -> Receipt:
        """Ask what became of a message that the provider has taken. Raises SmsNotSent where it
        could not be asked."""
        ...


class SmsProvider:
    """A provider of text messages as the rest of the house knows it. See accounts.sms.ALL."""

    name: ClassVar[str]  # as BOWEI_SMS says it
    account: ClassVar[Account | None] = None
    sends: ClassVar[bool] = True  # False: standing in our table is all that happens to a message

    def replies(self, body: bytes) -> list[tuple[str, str, str]]:
        """What people answered, as the provider passes it on: number, phone, text of each.

        Raises ValueError for what is no message of this provider's.
        """
        raise ValueError(self.name)

    def client(self, said: Mapping[str, Any]) -> SmsClient:
        """A client with these settings. Not for one that sends nothing."""
        raise NotImplementedError

    def reported(self, body: bytes) -> dict[str, dict[str, Any]]:
        """What a push of receipts says, by the key of the message, without numbers and texts.

        Raises BadReport.
        """
        raise BadReport(self.name)

    def thanks(self) -> dict[str, Any]:
        """How the provider hears that its push has arrived."""
        return {}
