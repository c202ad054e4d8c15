"""Typed errors of cards, lots and statements."""

from django.utils.translation import gettext_lazy as _

from core.errors import Denied, Invalid, Missing, Refused


class NotTheirPlate(Refused):
    """The applicant has not shown that the plate is theirs (P4.2)."""

    def __init__(self) -> None:
        super().__init__(
            "plate_not_proven",
            _("Show first that this plate is yours: send a photograph of the vehicle licence."),
        )


class AlreadyHeld(Refused):
    """There is a card of this plan for this vehicle, or an application for one."""

    def __init__(self) -> None:
        super().__init__("card_exists", _("This vehicle has a card of this plan already."))


class NotForSale(Refused):
    def __init__(self) -> None:
        super().__init__("not_for_sale", _("This card is not on sale."))


class CoversOtherwise(Refused):
    """The plan covers by another measure than the card that was bought."""

    def __init__(self) -> None:
        super().__init__(
            "covers_otherwise",
            _("This plan covers in another way now. Buy a new card when yours has ended."),
        )


class CardMissing(Missing):
    def __init__(self) -> None:
        super().__init__("no_card", _("There is no such card among yours."))


class NotDue(Refused):
    """The card is not waiting for a payment."""

    def __init__(self) -> None:
        super().__init__("nothing_due", _("There is nothing to pay for this card."))


class BadSignature(Denied):
    """A lot's request is not signed with its key, or was signed too long ago."""

    status = 401

    def __init__(self) -> None:
        super().__init__("bad_signature", _("The signature does not fit this request."))


class OtherBody(Refused):
    """A record number came again with another content."""

    def __init__(self, record_id: str) -> None:
        super().__init__(
            "record_differs",
            _("Record %(record_id)s came before with another content."),
            record_id=record_id,
        )


class AnswerMissing(Invalid):
    """An objection is answered in words."""

    def __init__(self) -> None:
        super().__init__("no_answer", _("Write the answer first: its owner reads it."))


class PaidByHand(Refused):
    """The rest of the deduction was paid: nothing is added to it any more."""

    def __init__(self) -> None:
        super().__init__(
            "paid_by_hand", _("The rest was paid by hand already; the visit can't come back.")
        )


class BadTerms(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__("bad_terms", _("The terms contradict themselves: %(text)s"), text=text)


class NoAgreement(Refused):
    """The lot has no agreement that both sides have signed."""

    def __init__(self) -> None:
        super().__init__("no_agreement", _("There is no agreement that both sides have signed."))


class StatementMissing(Missing):
    def __init__(self) -> None:
        super().__init__("no_statement", _("There is no such statement of this lot."))


class WrongChecksum(Refused):
    """The lot checked another file than the one that was sent."""

    def __init__(self) -> None:
        super().__init__(
            "wrong_checksum", _("The checksum is not that of the statement that was sent.")
        )
