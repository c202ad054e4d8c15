"""The states of agreements, cards and statements: value, shape and word of each."""

from core.states import Shape, States, _


class AgreementState(States, subject="agreement"):
    DRAFT = "draft", Shape.PAST, _("Draft")
    SIGNED = "signed", Shape.DONE, _("Signed")
    ENDED = "ended", Shape.PAST, _("Ended")


class CardState(States, subject="card"):
    APPLIED = "applied", Shape.WAITS, _("Applied for")
    VERIFIED = "verified", Shape.WAITS, _("To pay")
    ACTIVE = "active", Shape.DONE, _("Valid")
    SUSPENDED = "suspended", Shape.DOUBT, _("Suspended")
    EXPIRED = "expired", Shape.PAST, _("Run out")
    ENDED = "ended", Shape.PAST, _("Ended")
    REFUSED = "refused", Shape.VOID, _("Refused")


class StatementState(States, subject="statement"):
    SENT = "sent", Shape.WAITS, _("Sent, to be checked")
    AGREED = "agreed", Shape.DONE, _("Agreed")
    DISPUTED = "disputed", Shape.DOUBT, _("Differences to settle")
    DEDUCTED = "deducted", Shape.DONE, _("Deducted")


class DeductionState(States, subject="deduction"):
    COVERED = "covered", Shape.DONE, _("Covered by the card")
    DUE = "due", Shape.WAITS, _("To pay")
    OVERDUE = "overdue", Shape.DOUBT, _("Overdue")
    DISPUTED = "disputed", Shape.DOUBT, _("Objected to")
    PAID = "paid", Shape.DONE, _("Paid")
    DROPPED = "dropped", Shape.VOID, _("Taken back")


class ObjectionState(States, subject="card_objection"):
    OPEN = "open", Shape.WAITS, _("To be answered")
    UPHELD = "upheld", Shape.DONE, _("You were right")
    REJECTED = "rejected", Shape.PAST, _("The fee stands")
    OVER = "over", Shape.PAST, _("No longer in question")
