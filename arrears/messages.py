"""What devices say about debts."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from arrears import services
from core.errors import Missing
from devices.rules import protocol


def notice_outcome(
    message: protocol.NoticeOutcome, sender: protocol.Sender
) -> dict[str, Any] | None:
    """What became of a recovery notice on this terminal (P3.4). Raises Missing for another's."""
    known = services.take_outcome(
        notice_id=message.notice_id,
        device_id=sender.device_id,
        outcome=message.outcome,
        actor=sender.attendant or f"device:{sender.device_code}",
    )
    if not known:
        raise Missing("no_notice", _("This terminal has no such notice."))
    return None
