"""Slow work: the text message provider."""

import logging
from datetime import timedelta

from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from accounts import own_data, services, sms
from accounts.models import DataRequest, SmsMessage
from accounts.sms import SmsNotSent
from core import clock, outages, personal

log = logging.getLogger("bowei.accounts")
FORGOTTEN = timedelta(minutes=3)
ASK_AT_LEAST = timedelta(hours=1)  # as often a receipt that does not come is asked for


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


@shared_task
def ask_receipt(sms_id: int) -> None:
    """Ask the provider what became of one message; who can't be asked now is asked again."""
    row = SmsMessage.objects.filter(pk=sms_id, state=SmsMessage.State.SENT).first()
    if row is None or row.sent_at is None:
        return
    try:
        receipt = sms.client().receipt(
            phone=personal.unseal(row.phone_sealed),
            number=row.provider_id,
            key=row.key,
            sent_at=row.sent_at,
        )
    except SmsNotSent as error:
        log.warning("accounts.receipt_not_asked sms=%s error=%s", sms_id, error)
        return
    services.take_receipt(sms_id, receipt)


def ask_for_receipts() -> int:
    """Sweep: messages whose receipt nobody has yet; asked after a minute, then ever more rarely."""
    if not sms.sends():
        return 0
    now = clock.real()
    rows = SmsMessage.objects.filter(state=SmsMessage.State.SENT, ask_at__lte=now)
    due = list(rows.order_by("ask_at").values_list("pk", "sent_at")[:50])
    for sms_id, sent_at in due:
        waited = max(clock.now() - sent_at, FORGOTTEN) if sent_at else FORGOTTEN
        later = now + min(waited, ASK_AT_LEAST)
        moved = SmsMessage.objects.filter(pk=sms_id, ask_at__lte=now).update(ask_at=later)
        if moved:
            ask_receipt.delay(sms_id)
    return len(due)


@transaction.atomic
def let_go(sms_id: int) -> bool:
    """Hand a waiting message on, if it may leave now; in the sandbox it is sent by being let go."""
    row = SmsMessage.objects.get(pk=sms_id)
    if services.sms_outdated(row):
        return True
    if services.wants_none(row):
        return services.sms_failed(row.pk, error="wants no messages")
    if not services.may_leave(row):
        return False
    if sms.sends():
        send_sms.delay_on_commit(row.pk)
        return True
    services.sms_sent(row.pk, provider_id=f"sandbox-{row.pk}")
    return services.sms_delivered(row.pk)  # the table is the phone


def let_held_go() -> int:
    """Sweep: messages that were held until now."""
    held = SmsMessage.objects.filter(
        state=SmsMessage.State.QUEUED, left_at=None, leaves_at__lte=clock.now()
    )
    ids = list(held.order_by("leaves_at").values_list("pk", flat=True)[:50])
    return sum(let_go(pk) for pk in ids)


def resend_forgotten() -> int:
    """Sweep: messages whose task was lost with the queue go there again."""
    if not sms.sends():
        return 0
    since = clock.now() - FORGOTTEN
    rows = SmsMessage.objects.filter(state=SmsMessage.State.QUEUED, left_at__lt=since)
    forgotten = list(rows.order_by("pk").values_list("pk", flat=True)[:50])
    for sms_id in forgotten:
        send_sms.delay(sms_id)
    return len(forgotten)


@shared_task(time_limit=300)
def make_own_data(request_id: int) -> None:
    """Gather everything about a person who asked for it. Running it twice has one effect."""
    own_data.make_file(request_id)


def make_asked_files() -> int:
    """A sweep: everything about a person is gathered for whoever asked; a lost task is sent again
    after a minute."""
    moved = 0
    asked = DataRequest.objects.filter(kind=DataRequest.Kind.EXPORT, state=DataRequest.State.ASKED)
    for pk in asked.values_list("pk", flat=True)[:100]:
        if cache.add(f"own_data:{pk}", 1, 60):
            try:
                make_own_data.delay(pk)
                moved += 1
            except Exception as error:
                log.warning("accounts.own_data_not_asked error=%s", type(error).__name__)
    return moved
