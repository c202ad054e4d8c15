"""Slow work: the text message provider."""

from datetime import timedelta

from celery import shared_task

from accounts import services, sms
from accounts.models import SmsMessage
from accounts.sms import SmsNotSent
from core import clock, outages, personal

FORGOTTEN = timedelta(minutes=3)


@shared_task(bind=True, max_retries=6)
def send_sms(self, sms_id: int) -> None:  # type: ignore[no-untyped-def]
    """Hand one waiting message to the provider; its key makes a repetition harmless there."""
    row = SmsMessage.objects.filter(pk=sms_id, state=SmsMessage.State.QUEUED).first()
    if row is None or services.sms_outdated(row):
        return
    try:
        number = sms.client().send(
            phone=personal.unseal(row.phone_sealed),
            template=row.template,
            params=row.params,
            key=row.key,
        )
    except SmsNotSent as error:
        if error.final:
            outages.worked(outages.SMS)  # it answers, if not as we would like
            services.sms_failed(sms_id, error=str(error))
            return
        outages.failed(outages.SMS)
        raise self.retry(countdown=2**self.request.retries * 5) from error
    outages.worked(outages.SMS)
    services.sms_sent(sms_id, provider_id=number)


def resend_forgotten() -> int:
    """Sweep: messages whose task was lost with the queue go there again."""
    if not sms.sends():
        return 0
    since = clock.now() - FORGOTTEN
    rows = SmsMessage.objects.filter(state=SmsMessage.State.QUEUED, created_at__lt=since)
    forgotten = list(rows.order_by("pk").values_list("pk", flat=True)[:50])
    for sms_id in forgotten:
        send_sms.delay(sms_id)
    return len(forgotten)
