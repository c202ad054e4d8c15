"""The sandbox: messages stand in our table, and the log-in shows its code. Not in production."""

from accounts.sms.base import SmsProvider


class Sandbox(SmsProvider):
    """Nothing is sent."""

    name = "sandbox"
    sends = False
