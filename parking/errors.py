"""Typed errors of berths, stays, reviews and pre-payments."""

from django.utils.translation import gettext_lazy as _

from core.errors import Denied, Invalid, Missing, Refused


class NotThisBerth(Denied):
    """A device spoke of a berth that is not its own."""

    def __init__(self, berth_code: str) -> None:
        super().__init__(
            "not_this_berth",
            _("This device does not look after berth %(berth)s."),
            berth=berth_code,
        )


class NoBerth(Missing):
    """There is no such berth."""

    def __init__(self, berth_code: str) -> None:
        super().__init__(
            "no_berth",
            _("There is no berth %(berth)s. Look at the sign once more."),
            berth=berth_code,
        )


class StayNotDue(Refused):
    """A stay with nothing to pay now."""

    def __init__(self) -> None:
        super().__init__("nothing_due", _("There is nothing to pay for this stay now."))


class PlateUnread(Refused):
    """A stay that cannot be billed to anybody."""

    def __init__(self) -> None:
        super().__init__(
            "plate_unread",
            _("The plate of this stay has not been read. Nobody is billed for it."),
        )


class BerthTaken(Refused):
    """A stay cannot begin where another one has not ended."""

    def __init__(self, berth_code: str) -> None:
        super().__init__(
            "berth_taken",
            _("A vehicle stands in berth %(berth)s. End its stay first."),
            berth=berth_code,
        )


class ReasonNeeded(Invalid):
    """A change by hand says why."""

    def __init__(self) -> None:
        super().__init__(
            "reason_needed",
            _("Say why, so that the owner of the vehicle can be told."),
            fields={"reason": _("Say why in a few words.")},
        )


class StayMoved(Refused):
    """Optimistic-lock conflict: another writer has changed the stay meanwhile."""

    def __init__(self) -> None:
        super().__init__("stay_moved", _("This stay has changed meanwhile. Look at it again."))


class NotReadYet(Refused):
    """The photograph has no reading yet that could be doubted."""

    def __init__(self) -> None:
        super().__init__("not_read_yet", _("This photograph has not been read yet."))


class ReviewDone(Refused):
    """Conflict: the review was answered or dropped meanwhile."""

    def __init__(self) -> None:
        super().__init__("review_done", _("This has been settled meanwhile."))


class TooLateToUndo(Refused):
    """What followed from a verdict cannot be called back; it can be corrected."""

    def __init__(self) -> None:
        super().__init__(
            "too_late_to_undo",
            _("Something has followed from this verdict. Correct the plate of the stay instead."),
        )


class WrongStep(Refused):
    """A pre-payment is not at this step."""

    def __init__(self, state: str) -> None:
        super().__init__(
            "wrong_step",
            _("This pre-payment is at another step. Load the page again."),
            state=state,
        )
