"""What every provider of text messages says of itself, and what its client can be asked.

Settings read this: nothing here looks at the settings while it is imported.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from core.environment import Account


class SmsNotSent(Exception):
    """The provider refused or could not be reached; `final` where trying again is useless."""

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final


class SmsClient(Protocol):
    """Hands messages to a provider; the call goes over the network, never in a transaction."""

    def send(self, *, phone: str, template: str, params: dict[str, Any], key: str) -> str:
        """Send one message, once for a `key`; the provider's number of it. Raises SmsNotSent."""
        ...


class SmsProvider:
    """A provider of text messages as the rest of the house knows it. See accounts.sms.ALL."""

    name: ClassVar[str]  # as BOWEI_SMS says it
    account: ClassVar[Account | None] = None
    sends: ClassVar[bool] = True  # False: standing in our table is all that happens to a message

    def client(self, said: Mapping[str, Any]) -> SmsClient:
        """A client with these settings. Not for one that sends nothing."""
        raise NotImplementedError
