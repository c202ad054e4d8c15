"""The one place where text messages leave, and where answers to them come in (docs/texts.md).

Whoever sends a text only asks for it (`services.send_sms`); its class (`sms.words.KINDS`) says what
holds for it: nights, a person's budget over all senders, their wish for no reminders, and how long
it is of use. What may not leave yet is held, not lost.
"""

import re
from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from accounts.events import SmsReplied
from accounts.models import SmsMessage, SmsReply, User
from accounts.rules import contacts
from accounts.sms.words import KINDS
from accounts.states import SmsState
from core import clock, outbox, personal

STOP = re.compile(r"^(t|td|tt|n|退订|退|取消|stop|unsubscribe)[。.!！ ]*$", re.IGNORECASE)
NOT_MINE = re.compile(
    r"(不是我|非本人|不是本人|打错|发错|号码错|not my|wrong number)", re.IGNORECASE
)
CAPPED = [name for name, kind in KINDS.items() if kind.capped]
GONE = (SmsState.FAILED, SmsState.RECALLED)


def text_leaves_at(*, phone: str, template: str, also: Collection[datetime] = ()) -> datetime:
    """When a text of this class to this phone may leave, now or later; `also`: what else its owner
    was asked for money by (calls)."""
    return _leaves_at(personal.digest(phone), template, also)


def _leaves_at(digest: str, template: str, also: Collection[datetime] = ()) -> datetime:
    now = clock.now()
    rows = SmsMessage.objects.filter(
        phone_digest=digest, left_at__gt=now - contacts.WEEK, template__in=CAPPED
    ).exclude(state__in=GONE)
    earlier = [at for at in rows.values_list("left_at", flat=True) if at is not None]
    return contacts.leaves_at(KINDS[template], now, [*earlier, *also])


@transaction.atomic
def may_leave(row: SmsMessage) -> bool:
    """Whether this message goes to its provider now; else it is held until it may.

    One message to a phone at a time: two senders of one moment count each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 27))", [row.phone_digest])
    row.refresh_from_db()
    if row.state != SmsState.QUEUED or row.left_at is not None:
        return row.state == SmsState.QUEUED
    at = _leaves_at(row.phone_digest, row.template)
    now = clock.now()
    waiting = SmsMessage.objects.filter(pk=row.pk)
    if at > now:
        waiting.update(leaves_at=at)
        return False
    waiting.update(left_at=now, leaves_at=None)
    return True


def wants_none(row: SmsMessage) -> bool:
    """Whether it is of a class that this person has said they don't want."""
    people = User.objects.filter(phone_digest=row.phone_digest, sms_opted_out=True)
    return KINDS[row.template].optional and people.exists()


def meaning_of(text: str) -> SmsReply.Meaning:
    """What a person means who answers so."""
    said = text.strip()
    if STOP.match(said):
        return SmsReply.Meaning.STOP
    return SmsReply.Meaning.NOT_MINE if NOT_MINE.search(said) else SmsReply.Meaning.OTHER


@transaction.atomic
def take_reply(*, provider: str, number: str, phone: str, text: str) -> SmsReply:
    """Keep what was answered, and tell who acts on it; the same number is the same reply.

    `phone` as 11 digits. What it answers is the last text that the phone got from us.
    """
    digest = personal.digest(phone)
    user = User.objects.filter(phone_digest=digest).first()
    texts = SmsMessage.objects.filter(phone_digest=digest, left_at__isnull=False)
    last = texts.exclude(template="login_code").order_by("-left_at").first()
    reply, created = SmsReply.objects.get_or_create(
        provider=provider,
        provider_id=number[:80],
        defaults={
            "phone_masked": personal.masked_phone(phone),
            "user": user,
            "answers": last,
            "text_sealed": personal.seal(text[:500]),
            "meaning": meaning_of(text),
            "received_at": clock.now(),
        },
    )
    if created and user is not None and reply.meaning != SmsReply.Meaning.OTHER:
        outbox.add(SmsReplied(reply.pk, user.pk, reply.meaning, last.key if last else ""))
    return reply
