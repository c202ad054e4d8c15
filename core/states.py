"""How each state of each subject is shown: one word, one shape, one tone.

The only table of its kind; the pill of `templates/components/state.html` reads it, and so do the
admin's columns. A state that is not listed is shown by its own name, so nothing is hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Look:
    """A word for the state, an icon of `static/bowei/icons.svg` and a tone.

    Tones: `leaf` done, `amber` waiting or doubtful, `signal` needs a person now, `live` under way,
    empty past or neutral. The icon repeats the tone for those who don't see colours.
    """

    word: str | Promise
    icon: str
    tone: str = ""


def _done(word: str | Promise) -> Look:
    return Look(word, "tick", "leaf")


def _waits(word: str | Promise) -> Look:
    return Look(word, "wait", "amber")


def _doubt(word: str | Promise) -> Look:
    return Look(word, "eye", "amber")


def _alarm(word: str | Promise) -> Look:
    return Look(word, "warn", "signal")


def _live(word: str | Promise) -> Look:
    return Look(word, "dot", "live")


def _past(word: str | Promise) -> Look:
    return Look(word, "ring")


def _void(word: str | Promise) -> Look:
    return Look(word, "cross")


LOOKS: Mapping[str, Mapping[str, Look]] = {
    "stay": {
        "parked": _live(_("Parked")),
        "due": _waits(_("To pay")),
        "settled": _done(_("Settled")),
        "void": _void(_("Void")),
    },
    "plate": {
        "unread": _waits(_("Not read yet")),
        "reading": _live(_("Being read")),
        "review": _doubt(_("Needs a look")),
        "settled": _done(_("Plate settled")),
        "unreadable": _void(_("Unreadable")),
    },
    "reading": {
        "confirmed": _done(_("Confirmed")),
        "corrected": _done(_("Corrected")),
        "in_review": _doubt(_("Needs a look")),
        "settled": _done(_("Plate settled")),
        "unreadable": _void(_("Unreadable")),
    },
    "review": {
        "open": _doubt(_("Needs a look")),
        "settled": _done(_("Looked at")),
        "dropped": _past(_("No longer needed")),
    },
    "prepayment": {
        "draft": _past(_("Draft")),
        "submitted": _live(_("Being checked")),
        "correcting": _waits(_("Plate to correct")),
        "confirmed": _live(_("Confirmed, to pay")),
        "paid": _done(_("Paid")),
        "used": _past(_("Used")),
        "cancelled": _void(_("Cancelled")),
    },
    "order": {
        "open": _waits(_("To pay")),
        "paid": _done(_("Paid")),
        "closed": _void(_("Closed")),
    },
    "attempt": {
        "created": _past(_("Started")),
        "pending": _live(_("Being paid")),
        "unknown": _doubt(_("Outcome unknown, being asked")),
        "paid": _done(_("Paid")),
        "failed": _void(_("Not paid")),
        "closed": _void(_("Closed")),
    },
    "refund": {
        "asked": _waits(_("Refund waiting")),
        "sent": _live(_("Refund on its way")),
        "done": _done(_("Refunded")),
        "failed": _alarm(_("Refund failed")),
    },
    "debt": {
        "open": _waits(_("Open")),
        "disputed": _doubt(_("Objected")),
        "paid": _done(_("Paid")),
        "waived": _past(_("Waived")),
        "cancelled": _void(_("Cancelled")),
    },
    "demand": {
        "made": _waits(_("To be delivered")),
        "sending": _live(_("On its way")),
        "delivered": _done(_("Delivered")),
        "failed": _alarm(_("Not delivered")),
        "dropped": _past(_("No longer needed")),
    },
    "holding": {
        "claimed": _waits(_("To be shown")),
        "proven": _done(_("Shown to be yours")),
        "ended": _past(_("No longer yours")),
    },
    "dispute": {
        "open": _waits(_("Waiting for an answer")),
        "upheld": _done(_("Objection accepted")),
        "rejected": _past(_("Objection declined")),
        "withdrawn": _past(_("Withdrawn")),
    },
    "listing": {
        "pending": _waits(_("In notice period")),
        "active": _alarm(_("Listed")),
        "suspended": _doubt(_("Suspended")),
        "gone": _past(_("Removed")),
    },
    "notice": {
        "made": _live(_("On its way")),
        "sent": _live(_("Sent")),
        "shown": _done(_("Shown")),
        "acknowledged": _done(_("Seen")),
        "expired": _void(_("Expired")),
        "withdrawn": _past(_("Withdrawn")),
    },
    "recovery": {
        "bound": _waits(_("Lock to be placed")),
        "placed": _waits(_("Placed, not raised")),
        "raising": _live(_("Rising")),
        "raised": Look(_("Lock up"), "lock-up", "signal"),
        "paid": _live(_("Paid, lowering")),
        "lowering": _live(_("Lowering")),
        "lowered": Look(_("Lowered, take away"), "lock-down", "amber"),
        "moved": _done(_("Taken away")),
        "cancelled": _void(_("Cancelled")),
    },
    "move": {
        "open": Look(_("Take the lock away"), "lock-down", "amber"),
        "confirmed": _done(_("Taken away")),
        "cancelled": _void(_("Cancelled")),
    },
    "lock": {
        "lowered": Look(_("Down"), "lock-down", "leaf"),
        "raising": _live(_("Rising")),
        "raised": Look(_("Up"), "lock-up", "signal"),
        "lowering": _live(_("Lowering")),
        "jammed": _alarm(_("Jammed")),
        "unknown": _doubt(_("Unknown")),
    },
    "device": {
        "enrolled": _waits(_("Never seen yet")),
        "active": _done(_("In use")),
        "revoked": _void(_("Withdrawn from use")),
        "online": _done(_("Online")),
        "silent": _doubt(_("Silent")),
    },
    "command": {
        "queued": _waits(_("Waiting")),
        "sent": _live(_("Sent")),
        "acknowledged": _live(_("Received")),
        "done": _done(_("Done")),
        "failed": _alarm(_("Failed")),
        "expired": _void(_("Expired")),
        "superseded": _past(_("Replaced")),
    },
    "card": {
        "applied": _waits(_("Applied for")),
        "verified": _waits(_("To pay")),
        "active": _done(_("Valid")),
        "suspended": _doubt(_("Suspended")),
        "ended": _past(_("Ended")),
        "refused": _void(_("Refused")),
    },
    "statement": {
        "sent": _waits(_("Sent, to be checked")),
        "agreed": _done(_("Agreed")),
        "disputed": _doubt(_("Differences to settle")),
        "deducted": _done(_("Deducted")),
    },
}


def look(subject: str, state: str) -> Look:
    """How `state` of `subject` is shown; the state's own name where nobody has said."""
    return LOOKS.get(subject, {}).get(str(state)) or Look(str(state).replace("_", " "), "ring")
