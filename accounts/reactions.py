"""What events set off here."""

from accounts import services, tasks
from accounts.models import SmsMessage
from core.outbox import Event


def send_sms(event: Event) -> None:
    """Have a waiting message sent; in the sandbox it is, by being in the table."""
    row = SmsMessage.objects.get(pk=event.data["sms_id"])
    if services.sms_outdated(row):
        return
    if services.sms_is_sandbox():
        services.sms_sent(row.pk, provider_id=f"sandbox-{row.pk}")
    else:
        tasks.send_sms.delay_on_commit(row.pk)
