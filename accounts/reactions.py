"""What events set off here."""

from accounts import services, tasks
from core.outbox import Event


def send_sms(event: Event) -> None:
    """Have a waiting message sent; in the sandbox it is, by being in the table."""
    if services.sms_is_sandbox():
        services.sms_sent(event.data["sms_id"], provider_id=f"sandbox-{event.data['sms_id']}")
    else:
        tasks.send_sms.delay_on_commit(event.data["sms_id"])
