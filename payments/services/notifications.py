"""What providers tell us: kept raw, verified, acted upon once (docs/rules.md 5)."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F

from core import clock, locks
from payments import providers
from payments.errors import BadNotification
from payments.models import Attempt, Notification, Order, Refund
from payments.providers.base import Outcome, ProviderNotice, RefundSays
from payments.services.attempts import look_at_attempt
from payments.services.refunds import finish_refund
from payments.states import RefundState

log = logging.getLogger("bowei.payments")
LARGEST_NOTIFICATION = 64 * 1024
FORGED_KEPT_A_MINUTE = 30  # enough to look at, too few to fill a disk
FORGED_KEPT_BYTES = 4096
AMOUNT_DIFFERS = "amount differs"
TRIES = 3  # at once, where two transactions stood in each other's way
AGAIN_S = 30
STUCK = timedelta(minutes=5)  # after this a person looks at a genuine message nobody could act on


@dataclass(frozen=True, slots=True)
class NotificationReply:
    """What the provider gets back; anything but its own word of success makes it send again."""

    status: int
    content_type: str
    body: str


def receive_notification(
    provider: str, headers: Mapping[str, str], body: bytes
) -> NotificationReply:
    """Take a provider's message and answer in its own words.

    Success is answered when the message is kept and acted upon, or was before. A forged one is
    refused, and kept for people to look at within reason. Never raises for what was sent; an
    error of our own leaves the message open, for the sweep and the provider's next try. Raises
    ProviderUnknown for one that is not offered here.
    """
    ours = providers.client(provider)
    if len(body) > LARGEST_NOTIFICATION:
        return NotificationReply(*ours.answer(False, "too large"))
    headers = {name.lower(): value for name, value in headers.items()}
    fingerprint = hashlib.sha256(
        repr(sorted((name, headers.get(name, "")) for name in ours.signature_headers)).encode()
        + body
    ).hexdigest()
    try:
        account, told = _read(provider, headers, body)
    except BadNotification as error:
        log.warning("payments.notification_refused provider=%s why=%s", provider, error.why)
        if _may_keep_forged(provider):
            _keep(provider, fingerprint, headers, body, told=None, problem=error.why)
        return NotificationReply(*ours.answer(False, "signature"))
    notice = _keep(provider, fingerprint, headers, body, told=told, problem="")
    problem = _process(notice, account, told)
    return NotificationReply(*ours.answer(not problem, problem))


def process_notification(notice_id: int) -> str:
    """Act once on a genuine message; "" when that is done, else what keeps it open."""
    notice = Notification.objects.get(pk=notice_id)
    if notice.processed_at:
        return ""
    account, told = _read(notice.provider, notice.headers, bytes(notice.raw), kept=True)
    return _process(notice, account, told)


def _read(
    provider: str, headers: Mapping[str, str], body: bytes, *, kept: bool = False
) -> tuple[str, ProviderNotice]:
    """What a message says, and to which account of ours: today's, or a former one whose time is
    not over. Raises BadNotification, of today's account, where it is genuine for none."""
    first: BadNotification | None = None
    for account in providers.accounts_heard(provider):
        try:
            client = providers.client(provider, account)
            return account, client.read_notification(headers, body, kept=kept)
        except BadNotification as error:
            first = first or error
    raise first or BadNotification("no account")


def _process(notice: Notification, account: str, told: ProviderNotice) -> str:
    if notice.processed_at:
        return ""
    problem = ""
    for left in reversed(range(TRIES)):
        try:
            return _act_once(notice, account, told)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            if not (isinstance(error, OperationalError) and left):
                log.exception("payments.notification_failed notification=%s", notice.pk)
                break
    _put_off(notice, problem)
    return problem


@transaction.atomic
def _act_once(notice: Notification, account: str, told: ProviderNotice) -> str:
    """The effect and the mark that it was done, together or not at all."""
    problem = _act(notice, account, told)
    if problem:
        _put_off(notice, problem)
    else:
        open_one = Notification.objects.filter(pk=notice.pk, processed_at=None)
        open_one.update(processed_at=clock.real(), next_try_at=None, problem="", person_since=None)
    return problem


def _put_off(notice: Notification, problem: str) -> None:
    open_one = Notification.objects.filter(pk=notice.pk, processed_at=None)
    open_one.update(problem=problem[:300], next_try_at=clock.real() + timedelta(seconds=AGAIN_S))
    # Another amount waits for a person already, as the attempt that it is about.
    if problem != AMOUNT_DIFFERS and notice.received_at < clock.real() - STUCK:
        open_one.filter(person_since=None).update(person_since=clock.now())


def _act(notice: Notification, account: str, told: ProviderNotice) -> str:
    if isinstance(told.says, Outcome):
        attempt = Attempt.objects.filter(
            out_trade_no=told.out_trade_no, provider=notice.provider
        ).first()
        if attempt is None:
            return "unknown order number"
        if attempt.account not in ("", account):
            return "begun by another account"
        if told.says.state == "paid" and told.says.amount_fen != attempt.amount_fen:
            look_at_attempt(attempt, told.says)
            return AMOUNT_DIFFERS
        look_at_attempt(attempt, told.says)
        return ""
    if isinstance(told.says, RefundSays):
        refund = (
            Refund.objects.filter(
                out_refund_no=told.out_refund_no, attempt__provider=notice.provider
            )
            .select_related("attempt__order")
            .first()
        )
        if refund is None:
            return "unknown refund number"
        if told.says.state == "done":
            locks.lock(Order.objects.filter(pk=refund.attempt.order_id))
            finish_refund(
                refund,
                provider_no=told.says.provider_no,
                actor=f"provider:{notice.provider}",
            )
        else:  # not final, or not good: the truth is asked for
            Refund.objects.filter(
                pk=refund.pk, state__in=[RefundState.ASKED, RefundState.SENT]
            ).update(next_look_at=clock.real())
        return ""
    return ""  # genuine, and nothing that we act upon


def _may_keep_forged(provider: str) -> bool:
    """At most so many forged messages a minute are worth a row."""
    key = f"payments.forged.{provider}.{int(clock.real().timestamp()) // 60}"
    try:
        cache.add(key, 0, 120)
        return cache.incr(key) <= FORGED_KEPT_A_MINUTE
    except Exception:  # no Valkey: the log line must do
        return False


@transaction.atomic
def _keep(
    provider: str,
    fingerprint: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    told: ProviderNotice | None,
    problem: str,
) -> Notification:
    """The row of this message; a repetition is counted on the one that is there."""
    kept_headers = {
        name: headers[name]
        for name in (*providers.client(provider).signature_headers, "content-type")
        if name in headers
    }
    try:
        with transaction.atomic():
            return Notification.objects.create(
                provider=provider,
                fingerprint=fingerprint,
                raw=body if told else body[:FORGED_KEPT_BYTES],
                headers=kept_headers,
                verified=told is not None,
                kind=told.kind if told else "",
                out_trade_no=told.out_trade_no if told else "",
                received_at=clock.real(),
                next_try_at=clock.real() + timedelta(seconds=AGAIN_S) if told else None,
                problem=problem[:300],
            )
    except IntegrityError:
        same = Notification.objects.filter(provider=provider, fingerprint=fingerprint)
        same.update(times=F("times") + 1)
        if told is not None:
            same.filter(verified=False).update(
                verified=True,
                kind=told.kind,
                out_trade_no=told.out_trade_no,
                next_try_at=clock.real(),
            )
        return same.get()
