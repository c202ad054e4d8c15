"""The states of debts, demands, listings and assistance: value, shape and word of each."""

from core.states import Shape, States, _


class PlanState(States, subject="plan"):
    RUNNING = "running", Shape.LIVE, _("Running")
    PAID = "paid", Shape.DONE, _("Paid")
    STOPPED = "stopped", Shape.PAST, _("Stopped")
    DONE = "done", Shape.DONE, _("Carried out")


class ContactState(States, subject="contact"):
    PLANNED = "planned", Shape.WAITS, _("Planned")
    SENDING = "sending", Shape.LIVE, _("On its way")
    SENT = "sent", Shape.DONE, _("Contact made")
    FAILED = "failed", Shape.ALARM, _("Could not be made")
    BLOCKED = "blocked", Shape.VOID, _("Not made: one of the limits held")
    STOPPED = "stopped", Shape.PAST, _("No longer needed")


class PayWindowState(States, subject="pay_window"):
    OPEN = "open", Shape.WAITS, _("Running")
    HELD = "held", Shape.DOUBT, _("Stands still")
    ENDED = "ended", Shape.PAST, _("Ended unpaid")
    PAID = "paid", Shape.DONE, _("Paid")
    DROPPED = "dropped", Shape.PAST, _("Nothing is asked any more")


class DebtState(States, subject="debt"):
    OPEN = "open", Shape.WAITS, _("Open")
    DISPUTED = "disputed", Shape.DOUBT, _("Objected")
    PAID = "paid", Shape.DONE, _("Paid")
    WAIVED = "waived", Shape.PAST, _("Waived")
    CANCELLED = "cancelled", Shape.VOID, _("Cancelled")


class LookState(States, subject="look"):
    WAITING = "waiting", Shape.DOUBT, _("To be looked at")
    AGREED = "agreed", Shape.DONE, _("Looked at, agreed")
    CONFIRMED = "confirmed", Shape.DONE, _("Confirmed by the owner")
    DOUBTED = "doubted", Shape.DOUBT, _("In question")
    DROPPED = "dropped", Shape.PAST, _("No longer needed")


class DemandState(States, subject="demand"):
    MADE = "made", Shape.WAITS, _("To be delivered")
    SENDING = "sending", Shape.LIVE, _("On its way")
    DELIVERED = "delivered", Shape.DONE, _("Delivered")
    FAILED = "failed", Shape.ALARM, _("Not delivered")
    DROPPED = "dropped", Shape.PAST, _("No longer needed")


class ExemptionState(States, subject="exemption"):
    ASKED = "asked", Shape.WAITS, _("Waits for a second person")
    GRANTED = "granted", Shape.DONE, _("Exempt")
    ENDED = "ended", Shape.PAST, _("Ended")


class DisputeState(States, subject="dispute"):
    OPEN = "open", Shape.WAITS, _("Waiting for an answer")
    UPHELD = "upheld", Shape.DONE, _("Objection accepted")
    REJECTED = "rejected", Shape.PAST, _("Objection declined")
    WITHDRAWN = "withdrawn", Shape.PAST, _("Withdrawn")


class ListingState(States, subject="listing"):
    PENDING = "pending", Shape.WAITS, _("In notice period")
    ACTIVE = "active", Shape.ALARM, _("Listed")
    SUSPENDED = "suspended", Shape.DOUBT, _("Suspended")
    GONE = "gone", Shape.PAST, _("Removed")


class NoticeState(States, subject="notice"):
    MADE = "made", Shape.LIVE, _("On its way")
    SENT = "sent", Shape.LIVE, _("Sent")
    SHOWN = "shown", Shape.DONE, _("Shown")
    ACKNOWLEDGED = "acknowledged", Shape.DONE, _("Seen")
    EXPIRED = "expired", Shape.VOID, _("Expired")
    WITHDRAWN = "withdrawn", Shape.PAST, _("Withdrawn")


class RiskModelState(States, subject="risk_model"):
    SHADOW = "shadow", Shape.PAST, _("In shadow")
    SERVING = "serving", Shape.LIVE, _("Serving")
    RETIRED = "retired", Shape.PAST, _("Retired")


class AssessmentState(States, subject="assessment"):
    WAITING = "waiting", Shape.WAITS, _("To be computed")
    DONE = "done", Shape.DONE, _("Computed")
    DELETED = "deleted", Shape.VOID, _("Deleted by its subject")


class WatchState(States, subject="watch"):
    WATCHING = "watching", Shape.LIVE, _("Watching")
    PAID = "paid", Shape.DONE, _("Paid")
    RAN_OUT = "ran_out", Shape.WAITS, _("Ran out")
    DROPPED = "dropped", Shape.PAST, _("Dropped")
