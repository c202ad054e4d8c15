"""The states of stays, photographs, reviews and pre-payments: value, shape and word of each."""

from core.states import Shape, States, _


class PrepaymentState(States, subject="prepayment"):
    DRAFT = "draft", Shape.PAST, _("Draft")
    SUBMITTED = "submitted", Shape.LIVE, _("Being checked")
    CORRECTING = "correcting", Shape.WAITS, _("Plate to correct")
    CONFIRMED = "confirmed", Shape.LIVE, _("Confirmed, to pay")
    PAID = "paid", Shape.DONE, _("Paid")
    USED = "used", Shape.PAST, _("Used")
    CANCELLED = "cancelled", Shape.VOID, _("Cancelled")


class PermitState(States, subject="permit"):
    ASKED = "asked", Shape.WAITS, _("Waits for a second person")
    GRANTED = "granted", Shape.DONE, _("Granted")
    ENDED = "ended", Shape.PAST, _("Ended")


class ReviewState(States, subject="review"):
    OPEN = "open", Shape.DOUBT, _("Needs a look")
    SETTLED = "settled", Shape.DONE, _("Looked at")
    DROPPED = "dropped", Shape.PAST, _("No longer needed")


class SightingState(States, subject="sighting"):
    RECEIVED = "received", Shape.WAITS, _("To read")
    REVIEW = "review", Shape.DOUBT, _("Being looked at")
    SETTLED = "settled", Shape.DONE, _("Plate settled")
    UNREADABLE = "unreadable", Shape.VOID, _("Unreadable")


class ReadingState(States, subject="reading"):
    CONFIRMED = "confirmed", Shape.DONE, _("Confirmed")
    REVIEW = "in_review", Shape.DOUBT, _("Needs a look")
    CORRECTED = "corrected", Shape.DONE, _("Corrected")
    UNREADABLE = "unreadable", Shape.VOID, _("Unreadable")


class ImageOrderState(States, subject="image_order"):
    ASKED = "asked", Shape.WAITS, _("Asked")
    TAKEN = "taken", Shape.DONE, _("Picture came")
    FAILED = "failed", Shape.ALARM, _("Failed")


class InspectionState(States, subject="inspection"):
    OPEN = "open", Shape.WAITS, _("Open")
    DONE = "done", Shape.DONE, _("Done")
    CANCELLED = "cancelled", Shape.VOID, _("No longer needed")


class StayState(States, subject="stay"):
    PARKED = "parked", Shape.LIVE, _("Parked")
    DUE = "due", Shape.WAITS, _("To pay")
    SETTLED = "settled", Shape.DONE, _("Settled")
    VOID = "void", Shape.VOID, _("Void")


class PlateState(States, subject="plate"):
    UNREAD = "unread", Shape.WAITS, _("Not read yet")
    REVIEW = "review", Shape.DOUBT, _("Needs a look")
    SETTLED = "settled", Shape.DONE, _("Plate settled")
    UNREADABLE = "unreadable", Shape.VOID, _("Unreadable")


class CameraState(States, subject="camera"):
    BILLS = "bills", Shape.DONE, _("Bills by itself")
    STOPPED = "stopped", Shape.ALARM, _("Stopped: a person looks")


class CloneState(States, subject="clone"):
    OPEN = "open", Shape.DOUBT, _("Needs a look")
    COPIED = "copied", Shape.ALARM, _("Copied")
    CLOSED = "closed", Shape.PAST, _("Closed")


class SignReportState(States, subject="sign_report"):
    OPEN = "open", Shape.ALARM, _("Somebody must go there")
    DONE = "done", Shape.PAST, _("Dealt with")
