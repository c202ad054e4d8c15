"""Whom the app pays for: asked of the app itself, for one order and one browser, once.

What comes back is bound to both by a state that only this browser was given, so that nobody can be
made to go on with another's payment. Who the payer is, is never written down.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from core import clock, personal
from payments import providers
from payments.errors import NotIntroduced, ProviderAway
from payments.models import Introduction, Order
from payments.providers.base import ProviderRefused, ProviderUnclear
from payments.services.asking import asking

LIVES = timedelta(minutes=10)


def introduce(*, order_id: int, provider: str, browser: str) -> str:
    """The address at which the app says whom it pays for, and comes back to us with the answer.

    `browser` is the name of the one that is sent there. Raises ProviderUnknown.
    """
    account = providers.account_now(provider)
    asks = providers.sheets(provider, account)
    state = secrets.token_hex(16)
    Introduction.objects.create(
        order_id=order_id,
        provider=provider,
        account=account,
        state=personal.digest(state),
        browser=personal.digest(browser),
        asked_at=clock.real(),
    )
    back = settings.PUBLIC_URL + reverse("payments.introduced", args=[provider])
    return asks.introduce_at(back, state)


def introduced(*, provider: str, browser: str, state: str, code: str) -> tuple[Order, str]:
    """The order that this answer is for, and whom the app pays for.

    The first answer takes the question: a second one, or one that another browser brings, gets
    NotIntroduced. Raises ProviderAway too.
    """
    asked = Introduction.objects.filter(
        provider=provider,
        state=personal.digest(state),
        browser=personal.digest(browser),
        answered_at=None,
        asked_at__gt=clock.real() - LIVES,
    )
    found = asked.select_related("order").first()
    if not code or not browser or found is None:
        raise NotIntroduced()
    with transaction.atomic():  # over before the app's maker is asked
        if not asked.update(answered_at=clock.real()):
            raise NotIntroduced()
    try:
        with asking(provider):
            return found.order, providers.sheets(provider, found.account).payer(code)
    except ProviderRefused as error:
        raise NotIntroduced() from error
    except ProviderUnclear as error:
        raise ProviderAway(provider) from error


def order_of(*, provider: str, browser: str, state: str) -> Order | None:
    """The order that this browser was asked for with this state, answered or not."""
    asked = Introduction.objects.filter(
        provider=provider, state=personal.digest(state), browser=personal.digest(browser)
    )
    found = asked.select_related("order").first()
    return found.order if found else None
