"""Merchants and attendants hear of locks: on the terminals of the section, and on their phones."""

import logging

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import selectors as people
from accounts import services as accounts
from core import clock, plates
from core.errors import BoweiError
from devices import services as devices
from parking import selectors as parking
from recovery import selectors
from recovery.models import RecoveryOrder
from recovery.services.timing import TOLD_FOR

log = logging.getLogger("bowei.recovery")
SYSTEM = "system:recovery.telling"


@transaction.atomic
def tell_released(order_id: int) -> None:
    """The lock is to be fetched, and why its order ended (P1.6)."""
    order = _order(order_id)
    with translation.override(settings.LANGUAGE_CODE):
        why = str(order.get_ended_by_display())
        _tell(order, _("Fetch the lock: %(why)s.") % {"why": why}, key="released")


@transaction.atomic
def tell_trouble(order_id: int, problem: str) -> None:
    """A lock needs a person now."""
    order = _order(order_id)
    with translation.override(settings.LANGUAGE_CODE):
        _tell(order, selectors.problem_text(problem), key=f"alarm:{problem}", alarm=True)


@transaction.atomic
def tell_overdue(order_id: int, reminders: int) -> None:
    """Nobody has fetched the lock yet (P1.6)."""
    order = _order(order_id)
    with translation.override(settings.LANGUAGE_CODE):
        text = _("The lock has not been fetched yet.")
        _tell(order, text, key=f"overdue:{reminders}", alarm=reminders >= 2)


def _order(order_id: int) -> RecoveryOrder:
    return RecoveryOrder.objects.select_related("section", "berth", "merchant").get(pk=order_id)


def _tell(order: RecoveryOrder, text: str, *, key: str, alarm: bool = False) -> None:
    until = clock.now() + TOLD_FOR
    for device_id in parking.terminals_for(order.section_id):
        try:
            with transaction.atomic():
                devices.order(
                    device_id=device_id,
                    action="ShowTask",
                    payload={
                        "order_code": order.code,
                        "berth_code": order.berth.code,
                        "plate": plates.display(order.plate_text),
                        "lines": [text],
                        "alarm": alarm,
                        "expires_at_ms": int(until.timestamp() * 1000),
                    },
                    reference=order.code,
                    actor=SYSTEM,
                )
        except BoweiError as error:  # out of service meanwhile: the others and the page say it
            log.warning("recovery.task_not_sent order=%s error=%s", order.code, error.code)
    url = settings.PUBLIC_URL + reverse("recovery.detail", args=[order.pk])
    for user_id, phone in people.phones_of_staff(order.merchant_id, "lower_lock"):
        accounts.send_sms(
            phone=phone,
            template="lock",
            params={"place": f"{order.section.name} {order.berth.code}", "what": text, "url": url},
            key=f"lock:{order.pk}:{key}:{user_id}",
            valid_until=until,
        )
