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


class ProposalState(States, subject="proposal"):
    """An act that weighs too much for one person; `alone` is one that did not."""

    ASKED = "asked", Shape.WAITS, _("Waits for another person")
    DONE = "done", Shape.DONE, _("Carried out by two")
    ALONE = "alone", Shape.PAST, _("Carried out by one")
    REFUSED = "refused", Shape.ALARM, _("Refused")
    FAILED = "failed", Shape.ALARM, _("Not possible any more")
    WITHDRAWN = "withdrawn", Shape.PAST, _("Withdrawn")
    EXPIRED = "expired", Shape.PAST, _("Nobody answered")


class RequestState(States, subject="request"):
    ASKED = "asked", Shape.WAITS, _("We are at it")
    DONE = "done", Shape.DONE, _("Done")
    REFUSED = "refused", Shape.ALARM, _("Not possible")
    WITHDRAWN = "withdrawn", Shape.PAST, _("Withdrawn")
