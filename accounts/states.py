"""The states of people's plates and text messages: value, shape and word of each."""

from core.states import Shape, States, _


class HoldingState(States, subject="holding"):
    CLAIMED = "claimed", Shape.WAITS, _("To be shown")
    PROVEN = "proven", Shape.DONE, _("Shown to be yours")
    ENDED = "ended", Shape.PAST, _("No longer yours")


class ShareState(States, subject="share"):
    RUNNING = "running", Shape.LIVE, _("Shared")
    ENDED = "ended", Shape.PAST, _("Ended")


class SmsState(States, subject="sms"):
    QUEUED = "queued", Shape.WAITS, _("Waiting")
    SENT = "sent", Shape.LIVE, _("Taken by the provider")
    DELIVERED = "delivered", Shape.DONE, _("On the phone")
    FAILED = "failed", Shape.ALARM, _("Failed")
    RECALLED = "recalled", Shape.PAST, _("Recalled")
