"""Rows that are there: what waits for a person, with which account an attempt was begun, and
payments that were heard of on a later day than they were made, brought to their day by lines."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import migrations
from django.utils import timezone

WAITS = """
UPDATE payments_attempt
   SET reported_fen = substring(problem from '^amount differs: ([0-9]{1,15}) fen')::bigint,
       person_since = created_at
 WHERE state <> 'paid' AND problem ~ '^amount differs: [0-9]{1,15} fen';
UPDATE payments_refund SET person_since = asked_at WHERE state = 'failed';
UPDATE payments_refund r
   SET person_since = r.asked_at, counter_id = (
       SELECT i.merchant_id FROM payments_orderitem i
        WHERE i.order_id = a.order_id ORDER BY i.id LIMIT 1)
  FROM payments_attempt a
 WHERE a.id = r.attempt_id AND a.provider = 'counter' AND r.state = 'asked';
UPDATE payments_notification SET person_since = received_at
 WHERE verified AND processed_at IS NULL AND problem NOT IN ('', 'amount differs');
"""
KNOWN_BY = {"wechat": ("mchid", "appid"), "alipay": ("appid",)}


def name_accounts(apps: Any, editor: Any) -> None:
    """Until now there was one account at each provider: the one that is set up."""
    attempts = apps.get_model("payments", "Attempt").objects
    for provider, keys in KNOWN_BY.items():
        if said := settings.BOWEI_PAYMENTS.get(provider):
            name = "/".join(str(said.get(key, "")) for key in keys)[:64]
            attempts.filter(provider=provider, account="").update(account=name)


def stand_on_their_day(apps: Any, editor: Any) -> None:
    """A payment that stands on a later day of the city than it was made: two lines move it.

    The books only grow: one transfer takes it off the day on which it stood, another puts it on
    the day of the payment.
    """
    transfers = apps.get_model("payments", "LedgerTransfer").objects
    entries = apps.get_model("payments", "LedgerEntry")
    attempts = apps.get_model("payments", "Attempt").objects
    now = timezone.now()
    for transfer in transfers.filter(key__startswith="payment:").order_by("pk").iterator(500):
        attempt = attempts.filter(pk=transfer.key.partition(":")[2], paid_at__isnull=False).first()
        if attempt is None or attempt.paid_at >= transfer.recorded_at:
            continue
        late_s = int((transfer.recorded_at - attempt.paid_at).total_seconds())
        paid_at = transfer.posted_at - timedelta(seconds=late_s)
        if timezone.localdate(paid_at) == timezone.localdate(transfer.posted_at):
            continue
        for key, at, sign in (("off", transfer.posted_at, -1), ("on", paid_at, 1)):
            line = transfers.create(
                key=f"{key}-day:{transfer.key}", note=transfer.note, posted_at=at, recorded_at=now
            )
            entries.objects.bulk_create(
                entries(
                    transfer=line,
                    account=one.account,
                    amount_fen=sign * one.amount_fen,
                    order_item_id=one.order_item_id,
                    posted_at=at,
                )
                for one in transfer.entries.order_by("pk")
            )


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_money_says_what_it_waits_for")]

    operations = [
        migrations.RunSQL(WAITS, migrations.RunSQL.noop),
        migrations.RunPython(name_accounts, migrations.RunPython.noop),
        migrations.RunPython(stand_on_their_day, migrations.RunPython.noop),
    ]
