"""Outbox event handlers: text messages."""

from accounts import tasks
from accounts.events import SmsQueued


def send_sms(event: SmsQueued) -> None:
    """Have a waiting message sent, or held until it may leave."""
    tasks.let_go(event.sms_id)
