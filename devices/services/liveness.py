"""The server decides who is offline: by what it has not heard, on real time (docs/rules.md 6)."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from core import clock, outbox, retention
from devices.events import DeviceSilent
from devices.models import Connection, Device, DeviceMessage, MessageReceipt
from devices.services import hints

HEARTBEAT_S: float = getattr(settings, "BOWEI_HEARTBEAT_S", 20)
SILENT_AFTER_S: float = getattr(settings, "BOWEI_SILENT_AFTER_S", 90)
REMEMBERED = timedelta(days=31)  # longer than the oldest event that is believed


@transaction.atomic
def notice_silence() -> int:
    """A sweep: devices not heard of for too long are silent; how many just became so."""
    now = clock.real()
    heard_before = now - timedelta(seconds=SILENT_AFTER_S)
    rows = list(
        Device.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(silent=False, last_heard_at__lt=heard_before)
        .values("pk", "merchant_id", "last_heard_at")
        .order_by("last_heard_at")[:200]
    )
    ids = [row["pk"] for row in rows]
    if not ids:
        return 0
    Device.objects.filter(pk__in=ids).update(silent=True, online=False)
    Connection.objects.filter(device_id__in=ids, closed_at=None).update(
        closed_at=now, why_closed="silent"
    )
    ahead = clock.now() - now  # business time may be moved
    outbox.add(
        *(
            DeviceSilent(row["pk"], int((heard_at + ahead).timestamp() * 1000))
            for row in rows
            if (heard_at := row["last_heard_at"]) is not None
        )
    )
    for row in rows:
        hints.show(row["pk"], row["merchant_id"])
    return len(ids)


def forget_old() -> int:
    """A sweep: receipts of messages that could no longer be repeated, and old raw ones."""
    return retention.forget(
        MessageReceipt.objects.all(), moment="at", keep_days=REMEMBERED.days
    ) + retention.forget(
        DeviceMessage.objects.all(),
        moment="received_real_at",
        keep_days=settings.BOWEI_KEEP_MESSAGES_DAYS,
    )
