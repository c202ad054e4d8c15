"""Typed errors of orders, providers, refunds and the books."""

from django.utils.translation import gettext_lazy as _

from core.errors import Denied, Invalid, Refused
from core.money import MOST_PAYMENT_FEN, format_fen
from payments.states import OrderState


class NothingDue(Refused):
    """None of the things asked for has anything to pay."""

    def __init__(self) -> None:
        super().__init__("nothing_due", _("There is nothing to pay here any more."))


class TooMuchAtOnce(Refused):
    """These bills come to more than one payment may be; each stays due as it is."""

    def __init__(self, amount_fen: int) -> None:
        super().__init__(
            "too_much_at_once",
            _(
                "This comes to %(amount)s; one payment is at most %(most)s. Nothing was charged. "
                "Pay the parts one by one, or ask us to look at the bill."
            ),
            amount=format_fen(amount_fen),
            most=format_fen(MOST_PAYMENT_FEN),
        )


class AmountChanged(Refused):
    """The bill is no longer the one that was shown; `token` opens the order that replaces it."""

    def __init__(self, token: str) -> None:
        message = _("The amount no longer matches the bill. Look at it again, then pay.")
        super().__init__("amount_changed", message, token=token)
        self.token = token


class OrderNotOpen(Refused):
    """The order is paid or closed: no new attempt may begin."""

    def __init__(self, state: str) -> None:
        message = (
            _("This order is already paid.")
            if state == OrderState.PAID
            else _("This order has ended.")
        )
        super().__init__(f"order_{state}", message)


class ProviderAway(Refused):
    """The provider could not be asked, or did not answer clearly. Nothing is lost by retrying."""

    status = 503

    def __init__(self, provider: str) -> None:
        message = _(
            "The payment service does not answer. No money has moved. "
            "Try again, or choose another way to pay."
        )
        super().__init__("provider_away", message, provider=provider)


class PayerUnasked(Refused):
    """A sheet is for one payer, and the app has not said yet whom it pays for (`order_id`)."""

    def __init__(self, order_id: int) -> None:
        super().__init__(
            "payer_unasked", _("Begin to pay on the bill's page, inside the app that pays.")
        )
        self.order_id = order_id


class NotIntroduced(Refused):
    """The app did not say whom it pays for, or said it in another browser, too late or twice."""

    def __init__(self) -> None:
        super().__init__(
            "not_introduced",
            _("The payment could not be begun. No money has moved. Touch the way to pay again."),
        )


class ProviderUnknown(Invalid):
    """No such way to pay is set up here."""

    def __init__(self, provider: str) -> None:
        super().__init__(
            "provider_unknown", _("This way to pay is not available."), provider=provider
        )


class BadNotification(Denied):
    """A notification that its sender did not sign, or signed for another time or another app."""

    def __init__(self, why: str) -> None:
        super().__init__("bad_notification", _("The notification is not genuine."), why=why)
        self.why = why


class OtherMerchants(Refused):
    """A counter takes money for its own merchant only."""

    def __init__(self) -> None:
        super().__init__(
            "other_merchants", _("This order holds fees of another merchant; pay it online.")
        )


class RefundTooLarge(Refused):
    """More than is left of what was paid."""

    def __init__(self, left_fen: int) -> None:
        super().__init__(
            "refund_too_large",
            _("Only part of this amount can still be refunded."),
            left_fen=left_fen,
        )


class ShiftBegun(Refused):
    """Who has a shift under way counts it before the next one begins."""

    def __init__(self) -> None:
        super().__init__("shift_begun", _("Your shift is under way already. Count it first."))


class ShiftOver(Refused):
    """The shift was counted, or received, already."""

    def __init__(self) -> None:
        super().__init__("shift_over", _("This shift has been counted or received already."))


class CountDiffers(Refused):
    """What was counted is not what should be there, and nobody has said why."""

    keeps = True  # that it was counted so stands in the trail

    def __init__(self, difference_fen: int) -> None:
        less = _("This is %(amount)s less than it should be. Count again; if it stays, say why.")
        more = _("This is %(amount)s more than it should be. Count again; if it stays, say why.")
        super().__init__(
            "count_differs",
            less if difference_fen < 0 else more,
            amount=format_fen(abs(difference_fen)),
            difference_fen=difference_fen,
        )


class AnotherReceives(Refused):
    """Who counted a shift does not receive it, where somebody else could."""

    def __init__(self) -> None:
        super().__init__("another_receives", _("Another person receives what you have counted."))


class NoPayoutTerms(Refused):
    """Nothing is paid out to a merchant with whom nothing is agreed."""

    def __init__(self) -> None:
        super().__init__(
            "no_payout_terms", _("Nothing is agreed with this merchant about payouts yet.")
        )


class NoPayee(Refused):
    """Nobody has said where this merchant's money goes."""

    def __init__(self) -> None:
        super().__init__("no_payee", _("This merchant has no account to pay out to yet."))


class PayoutWaits(Refused):
    """One payout of a merchant is drawn up at a time."""

    def __init__(self) -> None:
        super().__init__(
            "payout_waits",
            _("A payout to this merchant is drawn up already. Decide about it first."),
        )


class PayoutTooSmall(Refused):
    """It comes to less than is sent; its lines wait for the next one."""

    def __init__(self, net_fen: int) -> None:
        super().__init__(
            "payout_too_small",
            _("This would come to %(amount)s, which is too little to send. It waits for the next."),
            amount=format_fen(net_fen),
            net_fen=net_fen,
        )


class PayoutMoved(Refused):
    """Somebody else was first."""

    def __init__(self) -> None:
        super().__init__("payout_moved", _("Somebody has decided about this payout meanwhile."))


class AnotherApproves(Refused):
    """Who drew a payout up does not approve it."""

    def __init__(self) -> None:
        super().__init__(
            "another_approves", _("Another person approves the payout that you have drawn up.")
        )


class BooksDoNotBalance(ValueError):
    """A programmer's transfer whose sides differ; the database would refuse it too."""
