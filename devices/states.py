"""The states of devices, their locks and their commands: value, shape and word of each."""

from core.states import Shape, States, _


class LockPosition(States, subject="lock"):
    LOWERED = "lowered", Shape.LOCK_DOWN, _("Down")
    RAISING = "raising", Shape.LIVE, _("Rising")
    RAISED = "raised", Shape.LOCK_UP, _("Up")
    LOWERING = "lowering", Shape.LIVE, _("Lowering")
    JAMMED = "jammed", Shape.ALARM, _("Jammed")
    UNKNOWN = "unknown", Shape.DOUBT, _("Unknown")


class Reach(States, subject="reach"):
    ONLINE = "online", Shape.DONE, _("Online")
    SILENT = "silent", Shape.DOUBT, _("Silent")


class DeviceState(States, subject="device"):
    ENROLLED = "enrolled", Shape.WAITS, _("Never seen yet")  # has a key, was never seen
    ACTIVE = "active", Shape.DONE, _("In use")
    REVOKED = "revoked", Shape.VOID, _("Withdrawn from use")


class CommandState(States, subject="command"):
    QUEUED = "queued", Shape.WAITS, _("Waiting")
    SENT = "sent", Shape.LIVE, _("Sent")
    ACKNOWLEDGED = "acknowledged", Shape.LIVE, _("Received")
    DONE = "done", Shape.DONE, _("Done")
    FAILED = "failed", Shape.ALARM, _("Failed")
    EXPIRED = "expired", Shape.VOID, _("Expired")
    SUPERSEDED = "superseded", Shape.PAST, _("Replaced")
