"""The states of recovery orders and what ends them: value, shape and word of each."""

from core.states import Shape, States, _


class RecoveryState(States, subject="recovery"):
    BOUND = "bound", Shape.WAITS, _("Lock to be placed")
    PLACED = "placed", Shape.WAITS, _("Placed, not raised")
    RAISING = "raising", Shape.LIVE, _("Rising")
    RAISED = "raised", Shape.LOCK_UP, _("Lock up")
    PAID = "paid", Shape.LIVE, _("Paid, lowering")
    LOWERING = "lowering", Shape.LIVE, _("Lowering")
    LOWERED = "lowered", Shape.LOCK_WAITS, _("Lowered, take away")
    MOVED = "moved", Shape.DONE, _("Taken away")
    CANCELLED = "cancelled", Shape.VOID, _("Cancelled")


class MoveState(States, subject="move"):
    OPEN = "open", Shape.LOCK_WAITS, _("Take the lock away")
    CONFIRMED = "confirmed", Shape.DONE, _("Taken away")
