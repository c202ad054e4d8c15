"""Outbox event handlers: text messages."""

from accounts import services, sms, tasks
from accounts.events import SmsQueued
from accounts.models import SmsMessage


def send_sms(event: SmsQueued) -> None:
    """Have a waiting message sent; in the sandbox the table is the phone."""
    row = SmsMessage.objects.get(pk=event.sms_id)
    if services.sms_outdated(row):
        return
    if not sms.sends():
        services.sms_sent(row.pk, provider_id=f"sandbox-{row.pk}")
        services.sms_delivered(row.pk)
    else:
        tasks.send_sms.delay_on_commit(row.pk)
