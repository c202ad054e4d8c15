"""The receipt of a payment as a text to who has paid it."""

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import services as accounts
from core.errors import Denied
from core.money import format_fen
from payments.models import Order


@transaction.atomic
def text_receipt(order: Order, *, user_id: int) -> None:
    """The link of this receipt goes to the phone of its payer, once however often it is asked for.

    Raises Denied for anybody else, for an order that is not paid, and without a phone.
    """
    payer = order.payer_user
    if order.state != Order.State.PAID or payer is None or payer.pk != user_id or not payer.phone:
        raise Denied()
    accounts.send_sms(
        phone=payer.phone,
        template="receipt",
        params={
            "amount": format_fen(order.amount_fen),
            "url": settings.PUBLIC_URL + reverse("payments.done", args=[order.token]),
        },
        key=f"receipt:{order.pk}",
    )
