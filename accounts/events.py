"""What happens to people, their plates and their text messages."""

from dataclasses import dataclass

from core.events import Event


@dataclass(frozen=True)
class HoldingProven(Event):
    """A person has shown that a vehicle is theirs."""

    holding_id: int
    user_id: int


@dataclass(frozen=True)
class HoldingEnded(Event):
    """A vehicle is no longer a person's: they said so, or somebody else has shown it."""

    holding_id: int
    user_id: int


@dataclass(frozen=True)
class SmsQueued(Event):
    """A text message waits to be sent."""

    sms_id: int


@dataclass(frozen=True)
class SmsDelivered(Event):
    """The message has reached the phone; `key` is the one it was queued under."""

    key: str


@dataclass(frozen=True)
class SmsFailed(Event):
    """The message will never reach the phone: refused, not delivered, too late, no receipt."""

    key: str


@dataclass(frozen=True)
class SmsReplied(Event):
    """A person has answered a text; `meaning` as SmsReply.Meaning, `key` of the text before."""

    reply_id: int
    user_id: int
    meaning: str
    key: str
