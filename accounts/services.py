"""Changes to people, plates and messages."""

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import passwords, selectors, visits
from accounts.acting import SUPERUSER
from accounts.acting import Weight as Weight
from accounts.acting import act_of as act_of
from accounts.acting import approve_proposal as approve_proposal
from accounts.acting import by_two as by_two
from accounts.acting import expire_proposals as expire_proposals
from accounts.acting import may_answer as may_answer
from accounts.acting import needs as needs
from accounts.acting import proposals_for as proposals_for
from accounts.acting import proposals_of as proposals_of
from accounts.acting import refuse_proposal as refuse_proposal
from accounts.acting import set_limit as set_limit
from accounts.acting import tell_answers_to as tell_answers_to
from accounts.acting import withdraw_proposal as withdraw_proposal
from accounts.errors import AwaitsSecondPerson
from accounts.events import HoldingEnded, HoldingProven, SmsDelivered, SmsFailed, SmsQueued
from accounts.leaving import may_leave as may_leave
from accounts.leaving import take_reply as take_reply
from accounts.leaving import text_leaves_at as text_leaves_at
from accounts.leaving import wants_none as wants_none
from accounts.models import (
    LoginCode,
    Membership,
    Merchant,
    PlateHolding,
    PlateShare,
    SmsMessage,
    SmsReceipt,
    User,
)
from accounts.rules import may_give
from accounts.sms import Receipt, render
from accounts.states import HoldingState, ShareState, SmsState
from core import audit, clock, deeds, images, limits, outbox, personal, retention
from core.errors import Invalid, Missing, Refused, TooMany
from core.plates import Plate
from core.transition import transition
from core.typed import typed_plate
from core.vehicles import of_vehicle

PHONE = re.compile(r"^(\+?86)?(1[3-9]\d{9})$")
CODE_LIVES = timedelta(minutes=10)
CODE_ATTEMPTS = 5
MOST_SHARES = 5
RECEIPTS = "system:accounts.receipts"
ASK_AFTER = timedelta(minutes=1)  # a network's receipt usually comes within seconds
RECEIPT_WITHIN = timedelta(hours=24)  # then a message counts as not delivered


def clean_phone(raw: str) -> str:
    """A mainland mobile number as 11 digits. Raises Invalid."""
    found = PHONE.match(re.sub(r"[\s-]", "", raw))
    if not found:
        raise Invalid(
            "bad_phone",
            _("This is not a mobile number. It has 11 digits and begins with 1."),
            fields={"phone": _("Type the 11 digits of your mobile number.")},
        )
    return found[2]


@transaction.atomic
def create_merchant(*, name: str, code: str, is_city: bool = False, actor: str) -> Merchant:
    """A new merchant. Raises Refused where the code is taken."""
    if Merchant.objects.filter(code=code).exists():
        raise Refused("code_taken", _("Another merchant has the code %(merchant)s."), merchant=code)
    merchant = Merchant.objects.create(name=name, code=code, is_city=is_city)
    audit.record(merchant, "created", actor=actor)
    return merchant


@transaction.atomic
def create_staff(
    *, username: str, password: str, merchant: Merchant, role: str, actor: str
) -> User:
    """A person who works for a merchant, with their log-in. Raises Refused, Invalid."""
    if User.objects.filter(username=username).exists():
        raise Refused("name_taken", _("The log-in name %(name)s is taken."), name=username)
    passwords.refuse_weak(password, User(username=username))
    user = User.objects.create_user(username=username, password=password)
    membership = Membership.objects.create(user=user, merchant=merchant, role=role)
    audit.record(membership, "created", actor=actor, role=role)
    return user


# ── What people may do ───────────────────────────────────────────────────────────────────────
def _weight_of_rights(*, actor: str, user_id: int, after: dict[str, Any]) -> Weight:
    """To give anything needs two; to take it away is done at once."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    before = selectors.rights_of(user)
    flags = any(after[one] and not before[one] for one in ("active", "desk", "superuser"))
    lists = any(set(after[one]) - set(before[one]) for one in ("groups", "rights"))
    return Weight(None, None if flags or lists else 0, user.username)


@by_two(
    "accounts.change_rights",
    word=_("Give a person rights on the desk"),
    right=SUPERUSER,
    subject="user_id",
    weigh=_weight_of_rights,
)
@transaction.atomic
def change_rights(*, user_id: int, after: dict[str, Any], actor: str) -> None:
    """What a person may do on the desk is this from now on (`selectors.rights_of`)."""
    user = User.objects.get(pk=user_id)
    before = selectors.rights_of(user)
    _put_rights(user, after)
    audit.record(user, "rights changed", actor=actor, before=before, after=after)
    visits.end(user_id)


def _put_rights(user: User, said: dict[str, Any]) -> None:
    names = [one.partition(".") for one in said["rights"]]
    rights = Q(pk=None)
    for app, _dot, codename in names:
        rights |= Q(content_type__app_label=app, codename=codename)
    User.objects.filter(pk=user.pk).update(
        is_active=said["active"], is_staff=said["desk"], is_superuser=said["superuser"]
    )
    user.groups.set(Group.objects.filter(name__in=said["groups"]))
    user.user_permissions.set(Permission.objects.filter(rights))


@contextmanager
def rights_by_two(user: User, *, actor: str) -> Iterator[None]:
    """What changes meanwhile of a person's rights is done by `change_rights`, and what else is
    changed at once. Raises AwaitsSecondPerson."""
    with transaction.atomic():
        before = selectors.rights_of(user)
        yield
        after = selectors.rights_of(user)
        waits = None
        if after != before:
            _put_rights(user, before)
            waits = _put_off(change_rights, user_id=user.pk, after=after, actor=actor)
    if waits:
        raise waits


def _put_off(act: Callable[..., Any], **given: Any) -> AwaitsSecondPerson | None:
    """Carry an act out, or say what put it off, so that the transaction around it goes on."""
    try:
        act(**given)
    except AwaitsSecondPerson as waits:
        return waits
    return None


def _weight_of_password(*, actor: str, user_id: int, password: str) -> Weight:
    """Who sets another's password can be that other; one's own is one's own."""
    user = User.objects.get(pk=user_id)
    return Weight(None, 0 if user.actor == actor else None, user.username)


@by_two(
    "accounts.set_password",
    word=_("Set the password of another person"),
    right=SUPERUSER,
    subject="user_id",
    weigh=_weight_of_password,
    secrets=("password",),
)
@transaction.atomic
def set_password(*, user_id: int, password: str, actor: str) -> None:
    """The password of this person, hashed, is another from now on; it stands in no trail."""
    User.objects.filter(pk=user_id).update(password=password)
    audit.record(User(pk=user_id), "password changed", actor=actor)
    visits.end(user_id)
    tell_of_change(User.objects.get(pk=user_id), "密码")


@transaction.atomic
def change_own_password(*, user: User, password: str, actor: str, session_key: str = "") -> None:
    """The person's own new password; every other log-in of theirs ends. Raises Invalid."""
    passwords.refuse_weak(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(user, "password changed", actor=actor)
    visits.end(user.pk, but=session_key)
    tell_of_change(user, "密码")


@transaction.atomic
def offer_new_password(*, name: str, link: Callable[[User], str]) -> SmsMessage | None:
    """A text with a link to a new password, to who works here by this name and has a phone.

    Nobody is told whether that was anybody: None.
    """
    user = User.objects.filter(username=name, is_active=True).first() if name else None
    if user is None or not user.phone_sealed or not selectors.works_here(user):
        return None
    audit.record(user, "new password asked for", actor="nobody")
    return send_sms(
        phone=user.phone,
        template="new_password",
        params={"name": user.get_username(), "url": f"{settings.PUBLIC_URL}{link(user)}"},
        key=f"new-password:{user.pk}:{secrets.token_hex(8)}",
        valid_until=clock.now() + timedelta(hours=1),
    )


@transaction.atomic
def set_work_phone(*, user: User, phone: str, actor: str) -> None:
    """The phone of who works here, which they have shown to be theirs; no log-in opens by it.

    The one before is told.
    """
    tell_of_change(user, "手机号")
    user.phone_sealed = personal.seal(clean_phone(phone))
    user.save(update_fields=["phone_sealed"])
    audit.record(user, "phone changed", actor=actor)


@transaction.atomic
def end_visits(*, user: User, keys: list[str] | None, but: str) -> int:
    """The person ends log-ins of theirs: those with these digests, or all, but this one."""
    ended = visits.end(user.pk, keys=keys, but=but)
    if ended:
        audit.record(user, "log-ins ended", actor=user.actor, ended=ended)
    return ended


@transaction.atomic
def note_recovery(*, user: User) -> None:
    """A code on paper stood in for a factor: noted, and told to the person."""
    audit.record(user, "recovery code used", actor=user.actor)
    tell_of_change(user, "恢复码")


def note_refused_factor(*, user: User) -> None:
    """Somebody knew the password, and not the second factor."""
    audit.record(user, "second factor refused", actor="nobody")


def tell_of_change(user: User, what: str) -> None:
    """A text to who works here, and has a phone, that something of their log-in has changed."""
    if not user.phone_sealed or not selectors.works_here(user):
        return
    send_sms(
        phone=user.phone,
        template="log_in_changed",
        params={"name": user.get_username(), "what": what},
        key=f"changed:{user.pk}:{secrets.token_hex(8)}",
    )


@contextmanager
def password_by_two(user: User, *, actor: str) -> Iterator[None]:
    """Whoever changes this person's password meanwhile does it by `set_password`.

    Raises AwaitsSecondPerson.
    """
    with transaction.atomic():
        passwords = User.objects.filter(pk=user.pk).values_list("password", flat=True)
        before = passwords.get()
        yield
        after, waits = passwords.get(), None
        if after != before:
            passwords.update(password=before)
            waits = _put_off(set_password, user_id=user.pk, password=after, actor=actor)
    if waits:
        raise waits


def _weight_of_post(
    *, actor: str, user_id: int, merchant_id: int, before: str | None, after: str | None
) -> Weight:
    """To give a role needs two; to take one away, or to leave less of it, is done at once."""
    about = f"{User.objects.get(pk=user_id).username} · {selectors.merchant(merchant_id).name}"
    gives = after is not None and not may_give(before, after)
    return Weight(merchant_id, None if gives else 0, f"{about} · {after or ''}")


@by_two(
    "accounts.appoint",
    word=_("Give a person a role at a merchant"),
    right=SUPERUSER,
    role="staff",
    weigh=_weight_of_post,
)
@transaction.atomic
def appoint(
    *, user_id: int, merchant_id: int, before: str | None, after: str | None, actor: str
) -> None:
    """What a person does for a merchant is this from now on; None: nothing.

    Raises Refused where they do something else there by now than `before` says.
    """
    rows = Membership.objects.filter(user=user_id, merchant=merchant_id)
    if rows.values_list("role", flat=True).first() != before:
        raise Refused("role_changed", _("This person's role was changed meanwhile."))
    if after is None:
        rows.delete()
    elif before is None:
        Membership.objects.create(user_id=user_id, merchant_id=merchant_id, role=after)
    else:
        rows.update(role=after)

    def told(role: str | None) -> dict[str, Any] | None:
        return {"merchant": merchant_id, "role": role} if role else None

    person = User(pk=user_id)
    visits.end(user_id)
    audit.record(person, "membership changed", actor=actor, before=told(before), after=told(after))


@transaction.atomic
def owner_by_phone(phone: str) -> User:
    """The vehicle owner with this phone number, made on their first log-in."""
    phone = clean_phone(phone)
    digest = personal.digest(phone)
    user, created = User.objects.get_or_create(
        phone_digest=digest,
        defaults={"username": f"owner-{digest[:12]}", "phone_sealed": personal.seal(phone)},
    )
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


@transaction.atomic
def send_login_code(*, phone: str, browser: str = "") -> SmsMessage:
    """Send a six-digit log-in code, which counts in the browser that asked for it alone.

    What strangers ask for a phone uses up their share; a browser that has logged in with it before
    has one of its own. Raises Invalid, TooMany.
    """
    phone = clean_phone(phone)
    digest = personal.digest(phone)
    mine = LoginCode.objects.filter(phone_digest=digest, browser=_of(browser))
    if browser and mine.filter(used_at__isnull=False).exists():
        limits.count(deeds.CODE, f"{digest} {browser}")
    else:
        limits.count_about(deeds.CODE_FROM_HERE, digest, of_network=True)
        limits.count(deeds.CODE, digest)
    code = f"{secrets.randbelow(1_000_000):06d}"
    row = LoginCode.objects.create(
        phone_digest=digest,
        browser=_of(browser),
        code_digest=personal.digest(f"{digest}:{code}"),
        expires_at=clock.real() + CODE_LIVES,
    )
    return send_sms(
        phone=phone, template="login_code", params={"code": code}, key=f"login:{row.pk}"
    )


def _of(browser: str) -> str:
    return personal.digest(f"browser {browser}") if browser else ""


def redeem_login_code(*, phone: str, code: str, browser: str = "") -> User:
    """The owner whose phone got this code, which this browser asked for; it works once.

    Raises Invalid.
    """
    with transaction.atomic():
        owner = owner_by_phone(phone) if _is_code(phone, code, browser) else None
    if owner is None:
        raise _wrong_code()
    return owner


def redeem_code(*, phone: str, code: str, browser: str = "") -> None:
    """Whoever is at this browser reads this phone's texts: they know its newest code, once.

    Raises Invalid.
    """
    if not _is_code(phone, code, browser):
        raise _wrong_code()


def _is_code(phone: str, code: str, browser: str) -> bool:
    """Whether it is this phone's code, which it is once; a wrong try counts, so nothing is raised
    that would take it back."""
    digest = personal.digest(clean_phone(phone))
    mine = LoginCode.objects.filter(phone_digest=digest, browser=_of(browser), used_at=None)
    row = mine.order_by("-pk").first()
    if row is None or row.expires_at < clock.real():
        return False
    right = secrets.compare_digest(row.code_digest, personal.digest(f"{digest}:{code.strip()}"))
    tried = LoginCode.objects.filter(pk=row.pk, used_at=None, attempts__lt=CODE_ATTEMPTS)
    used = {"used_at": clock.real()} if right else {}
    return bool(tried.update(attempts=F("attempts") + 1, **used)) and right


def _wrong_code() -> Invalid:
    return Invalid(
        "bad_code",
        _("This code is not right, or it is too old. Ask for a new one."),
        fields={"code": _("Type the six digits of the newest message.")},
    )


@transaction.atomic
def claim_plate(*, user: User, plate_text: str, plate_colour: str) -> PlateHolding:
    """A person says that a plate is theirs; it opens nothing until it is shown."""
    plate = typed_plate(plate_text, plate_colour)
    holding, _created = PlateHolding.objects.exclude(state=PlateHolding.State.ENDED).get_or_create(
        user=user,
        plate_text=plate.text,
        plate_colour=plate.colour_text,
        defaults={"claimed_at": clock.now(), "state": PlateHolding.State.CLAIMED},
    )
    return holding


@transaction.atomic
def show_licence(*, user: User, holding_id: int, photograph: bytes, actor: str) -> PlateHolding:
    """The person sends the vehicle licence for a plate they say is theirs; who decides sees it.

    Raises Missing for a claim of somebody else, Refused where it was decided, Invalid for a file
    that is no photograph.
    """
    holding = PlateHolding.objects.filter(pk=holding_id, user=user).first()
    if holding is None:
        raise Missing("no_holding")
    if not photograph:
        raise Invalid(
            "no_photograph",
            _("The photograph of the vehicle licence is missing."),
            fields={"photograph": _("Choose the photograph.")},
        )
    sha256 = images.take(photograph, by=actor)
    rows = PlateHolding.objects.filter(pk=holding_id, state=HoldingState.CLAIMED)
    if not rows.update(evidence=sha256):
        raise Refused("decided", _("This plate was decided on meanwhile."))
    audit.record(holding, "licence shown", actor=actor)
    holding.refresh_from_db()
    return holding


@transaction.atomic
def prove_holding(
    *, user: User, plate_text: str, plate_colour: str, method: str, actor: str, evidence: str = ""
) -> PlateHolding:
    """The plate is shown to be this person's; a former holder's ends with it (vehicle sold)."""
    holding = claim_plate(user=user, plate_text=plate_text, plate_colour=plate_colour)
    if holding.state == PlateHolding.State.PROVEN:
        return holding
    former = PlateHolding.objects.filter(
        plate_text=holding.plate_text,
        plate_colour=holding.plate_colour,
        state=PlateHolding.State.PROVEN,
    )
    _end(former, actor=actor, reason="new holder")
    try:
        with transaction.atomic():
            transition(
                holding,
                source=HoldingState.CLAIMED,
                target=HoldingState.PROVEN,
                actor=actor,
                reason=method,
                method=method,
                evidence=evidence,
                proven_at=clock.now(),
            )
    except IntegrityError as error:
        raise Refused("plate_held", _("Somebody else just showed this plate as theirs.")) from error
    outbox.add(HoldingProven(holding.pk, user.pk))
    return holding


@transaction.atomic
def end_holding(
    *, user: User, holding_id: int, actor: str, reason: str = "said by the holder"
) -> bool:
    """The plate is no longer this person's: sold, scrapped, or never was.

    False where it had ended before. Raises Missing for a holding of somebody else.
    """
    mine = PlateHolding.objects.filter(pk=holding_id, user=user)
    if not mine.exists():
        raise Missing("no_holding")
    return _end(mine, actor=actor, reason=reason)


@transaction.atomic
def share_plate(*, user: User, holding_id: int, phone: str, actor: str) -> PlateShare:
    """Let the person with this phone see and pay the bills of a plate that is shown to be yours.

    Raises Invalid for what is no phone number, Missing for a plate that is not, or not yet, yours,
    TooMany beyond what a family needs.
    """
    mine = PlateHolding.objects.filter(pk=holding_id, user=user, state=HoldingState.PROVEN)
    holding = mine.select_for_update(no_key=True, of=("self",)).first()
    if holding is None:
        raise Missing("no_holding")
    other = owner_by_phone(phone)
    share = PlateShare.objects.filter(holding=holding, user=other, state=ShareState.RUNNING).first()
    if share is not None:
        return share
    if holding.shares.filter(state=ShareState.RUNNING).count() >= MOST_SHARES:
        raise TooMany()
    share = PlateShare.objects.create(holding=holding, user=other, since=clock.now())
    audit.record(share, "shared", actor=actor)
    return share


@transaction.atomic
def end_share(*, user: User, share_id: int, actor: str) -> bool:
    """Its holder, or who it was shared with, ends it; False where it had ended. Raises Missing."""
    rows = PlateShare.objects.filter(Q(holding__user=user) | Q(user=user), pk=share_id)
    if not rows.exists():
        raise Missing("no_share")
    found = PlateShare.objects.filter(pk=share_id)
    return bool(transition(found, source=ShareState.RUNNING, target=ShareState.ENDED, actor=actor))


@transaction.atomic
def end_sold(
    *, plate: Plate | None, user_ids: Collection[int], before: datetime, actor: str
) -> bool:
    """A person has found that these people have sold this vehicle: who of them had shown or said
    by `before` that it is theirs holds it no more."""
    rows = PlateHolding.objects.filter(of_vehicle(plate), user__in=user_ids)
    by_then = Q(proven_at__lte=before) | Q(proven_at=None, claimed_at__lte=before)
    return _end(rows.filter(by_then), actor=actor, reason="sold")


def _end(holdings: QuerySet[PlateHolding], *, actor: str, reason: str) -> bool:
    moved = transition(
        holdings,
        source=[PlateHolding.State.CLAIMED, PlateHolding.State.PROVEN],
        target=PlateHolding.State.ENDED,
        actor=actor,
        reason=reason,
        event=lambda pk: HoldingEnded(pk, PlateHolding.objects.get(pk=pk).user_id),
        ended_at=clock.now(),
    )
    transition(
        PlateShare.objects.filter(holding__in=moved),
        source=ShareState.RUNNING,
        target=ShareState.ENDED,
        actor=actor,
        reason=reason,
    )
    return bool(moved)


@transaction.atomic
def send_sms(
    *,
    phone: str,
    template: str,
    params: dict[str, Any],
    key: str,
    valid_until: datetime | None = None,
) -> SmsMessage:
    """Write a text message to be sent after the commit; the same key is the same message.

    One that has not been sent by `valid_until`, in business time, fails instead of coming late.
    """
    phone = clean_phone(phone)
    render(template, params)  # a missing parameter shows now, not when it is sent
    row, created = SmsMessage.objects.get_or_create(
        key=key,
        defaults={
            "phone_sealed": personal.seal(phone),
            "phone_masked": personal.masked_phone(phone),
            "phone_digest": personal.digest(phone),
            "template": template,
            "params_sealed": personal.seal(json.dumps(params, ensure_ascii=False)),
            "created_at": clock.now(),
            "valid_until": valid_until,
        },
    )
    if created:
        outbox.add(SmsQueued(row.pk))
    return row


@transaction.atomic
def recall_sms(*, key: str, actor: str) -> bool:
    """Take back a message that has not been sent; False where it is too late."""
    rows = SmsMessage.objects.filter(key=key)
    return bool(transition(rows, source=SmsState.QUEUED, target=SmsState.RECALLED, actor=actor))


@transaction.atomic
def sms_sent(sms_id: int, *, provider_id: str) -> bool:
    """The provider has taken the message; whether it reaches the phone its receipt will say.

    A log-in code is asked after by nobody: who waits for it asks for another.
    """
    row = SmsMessage.objects.get(pk=sms_id)
    moved = transition(
        row,
        source=SmsState.QUEUED,
        target=SmsState.SENT,
        actor="system:accounts.send_sms",
        provider_id=provider_id,
        sent_at=clock.now(),
        ask_at=None if row.template == "login_code" else clock.real() + ASK_AFTER,
    )
    return bool(moved)


@transaction.atomic
def sms_delivered(sms_id: int, *, code: str = "") -> bool:
    """The message is on the phone: its provider has answered so. Once, however late."""
    row = SmsMessage.objects.get(pk=sms_id)
    moved = transition(
        row,
        source=[SmsState.SENT, SmsState.FAILED],
        target=SmsState.DELIVERED,
        actor=RECEIPTS,
        reason=code,
        event=lambda _: SmsDelivered(row.key),
        delivered_at=clock.now(),
    )
    return bool(moved)


@transaction.atomic
def sms_undelivered(sms_id: int, *, error: str) -> bool:
    """The message has not reached the phone, or nobody can say so in time: it does not count."""
    row = SmsMessage.objects.get(pk=sms_id)
    moved = transition(
        row,
        source=SmsState.SENT,
        target=SmsState.FAILED,
        actor=RECEIPTS,
        reason=error[:200],
        event=lambda _: SmsFailed(row.key),
        error=error[:200],
    )
    return bool(moved)


@transaction.atomic
def keep_pushed(reports: Mapping[str, dict[str, Any]]) -> int:
    """Keep what a provider has pushed, and have it asked at once; how many were of our messages.

    What nobody here has sent is not kept. It changes no message by itself (see SmsReceipt).
    """
    rows = SmsMessage.objects.filter(key__in=list(reports), state=SmsState.SENT)
    known = dict(rows.values_list("pk", "key"))
    SmsReceipt.objects.bulk_create(
        SmsReceipt(message_id=pk, way=SmsReceipt.Way.PUSHED, at=clock.real(), raw=reports[key])
        for pk, key in known.items()
    )
    SmsMessage.objects.filter(pk__in=known).update(ask_at=clock.real())
    return len(known)


@transaction.atomic
def take_receipt(sms_id: int, receipt: Receipt) -> None:
    """What the provider has answered about a message; without an answer it is asked again later,
    and given up where none comes within its time."""
    row = SmsMessage.objects.get(pk=sms_id)
    if receipt.raw:
        SmsReceipt.objects.create(
            message=row, way=SmsReceipt.Way.ASKED, at=clock.real(), raw=receipt.raw
        )
    if receipt.delivered:
        sms_delivered(row.pk, code=receipt.code)
    elif receipt.delivered is False:
        sms_undelivered(row.pk, error=receipt.code or "not delivered")
    elif row.sent_at is not None and clock.now() - row.sent_at >= RECEIPT_WITHIN:
        sms_undelivered(row.pk, error="no receipt")


@transaction.atomic
def sms_outdated(row: SmsMessage) -> bool:
    """Whether this message is too late to be sent; then it has failed."""
    if row.valid_until is None or clock.now() < row.valid_until:
        return False
    sms_failed(row.pk, error="too late")
    return True


@transaction.atomic
def sms_failed(sms_id: int, *, error: str) -> bool:
    """The provider will never take it."""
    row = SmsMessage.objects.get(pk=sms_id)
    moved = transition(
        row,
        source=SmsState.QUEUED,
        target=SmsState.FAILED,
        actor="system:accounts.send_sms",
        event=lambda _: SmsFailed(row.key),
        error=error[:200],
    )
    return bool(moved)


@transaction.atomic
def want_reminders(*, user_id: int, wanted: bool) -> None:
    """The person's wish about reminders, from whomever; what must come still does."""
    User.objects.filter(pk=user_id).update(sms_opted_out=not wanted)


def forget_old() -> int:
    """A sweep: receipts of texts and log-in codes are kept as long as settings say."""
    days = settings.BOWEI_KEEP_TEXTS_DAYS
    return retention.forget(
        SmsReceipt.objects.all(), moment="at", keep_days=days
    ) + retention.forget(LoginCode.objects.all(), moment="expires_at", keep_days=days)
