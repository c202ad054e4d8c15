"""The counter: cash that a merchant's cashier takes, for orders of that merchant alone."""

from django.utils.translation import gettext_lazy as _

from payments.providers.base import Provider, Way


class Counter(Provider):
    """Nobody is asked over a network: what the cashier says is so."""

    name = "counter"
    word = _("Cash at the counter")
    ways = (Way.HAND,)
