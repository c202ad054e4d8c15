"""What people may ask about their own data (PIPL art. 44–47), and how it is answered.

What is told, what keeps an account from being forgotten yet, and how each row forgets stands in
config/own_data.py, for it is asked of all rows.
"""

import io
import json
import os
import secrets
import tempfile
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Consent, DataRequest, LoginCode, PlateHolding, SmsMessage, User
from accounts.services import end_holding
from accounts.states import HoldingState, RequestState
from core import audit, calendar, clock, images, personal, wiring
from core.errors import Invalid, Missing, Refused
from core.models import AuditEntry
from core.trail import veiling
from core.transition import transition

ANSWERED_WITHIN = 15  # working days
WORKED = (calendar.DayKind.workday, calendar.DayKind.make_up)
FILE_LIVES = timedelta(hours=24)
INFORMATION = "2026-3"  # the version of accounts/information.py; another text is another version


def note_informed(user: User) -> None:
    """This person was shown the present information where they gave us data."""
    Consent.objects.get_or_create(
        user=user, version=INFORMATION, defaults={"given_at": clock.now()}
    )


def due_by(asked_at: datetime) -> datetime:
    """The end of the fifteenth working day after."""
    on: date = calendar.city_date(asked_at)
    left = ANSWERED_WITHIN
    while left:
        on += timedelta(days=1)
        left -= calendar.day(on).kind in WORKED
    return timezone.make_aware(datetime.combine(on, time(23, 59, 59)), calendar.CITY)


@transaction.atomic
def ask(*, user: User, kind: str, text: str = "") -> DataRequest:
    """A person asks; who has asked already is given that request.

    Raises Invalid for a correction that does not say what is wrong, Refused for people who work
    here: their employer answers for their account.
    """
    if user.is_staff or user.memberships.exists():
        raise Refused("works_here", _("You work here: ask whoever manages your account."))
    if kind not in DataRequest.Kind.values:
        raise Invalid("bad_kind", _("Choose what you ask for."))
    text = text.strip()[:500]
    if kind == DataRequest.Kind.CORRECTION and not text:
        raise Invalid("no_text", _("Write what is wrong, and what is right."))
    now = clock.now()
    try:
        with transaction.atomic():
            row = DataRequest.objects.create(
                user=user, kind=kind, text=text, asked_at=now, due_by=due_by(now)
            )
    except IntegrityError:
        return DataRequest.objects.get(user=user, kind=kind, state=RequestState.ASKED)
    audit.record(row, "asked", actor=user.actor, kind=kind)
    return row


def withdraw(*, user: User, request_id: int) -> bool:
    """The person needs it no more. Raises Missing for somebody else's."""
    rows = DataRequest.objects.filter(pk=request_id, user=user)
    if not rows.exists():
        raise Missing()
    return bool(_end(rows, RequestState.WITHDRAWN, actor=user.actor))


def _end(rows: Any, target: RequestState, *, actor: str, answer: str = "", **more: Any) -> int:
    moved = transition(
        rows,
        source=[RequestState.ASKED],
        target=target,
        actor=actor,
        reason=answer,
        decided_at=clock.now(),
        decided_by=actor,
        answer=answer,
        **more,
    )
    return len(moved)


def needed(user: User) -> list[str]:
    """Why this account can't be forgotten yet, a sentence each."""
    found: list[str] = wiring.own_data().needed(user)
    return found


@transaction.atomic
def answer(*, request_id: int, actor: str, text: str = "") -> None:
    """Carry out what was asked: a correction was made, or the account is forgotten now.

    Raises Refused where it was ended before, or something still needs the account.
    """
    row = DataRequest.objects.select_for_update(no_key=True).get(pk=request_id)
    if row.state != RequestState.ASKED:
        raise Refused("ended", _("This request has ended."))
    if row.kind == DataRequest.Kind.ERASURE:
        if reasons := needed(row.user):
            raise Refused("still_needed", " ".join(reasons))
        erase(row.user, actor=actor)
    rows = DataRequest.objects.filter(pk=request_id)
    _end(rows, RequestState.DONE, actor=actor, answer=text)


def refuse(*, request_id: int, actor: str, text: str) -> None:
    """Say why not. Raises Invalid without a reason, Refused where it was ended before."""
    if not text.strip():
        raise Invalid("no_reason", _("Say why not: the person reads it."))
    rows = DataRequest.objects.filter(pk=request_id)
    if not _end(rows, RequestState.REFUSED, actor=actor, answer=text):
        raise Refused("ended", _("This request has ended."))


@transaction.atomic
def erase(user: User, *, actor: str) -> None:
    """The person's name, phone, plates and texts go; rows that stay name a number without them.

    What the books need (stays, payments, refunds) stays true.
    """
    wiring.own_data().erase(user, actor)
    mine = PlateHolding.objects.filter(user=user)
    for pk in mine.exclude(state=HoldingState.ENDED).values_list("pk", flat=True):
        end_holding(user=user, holding_id=pk, actor=actor, reason="forgotten")
    images.forget(list(mine.exclude(evidence="").values_list("evidence", flat=True)))
    mine.update(evidence="", plate_text="", plate_colour="")
    if user.phone_digest:
        SmsMessage.objects.filter(phone_digest=user.phone_digest).delete()
        LoginCode.objects.filter(phone_digest=user.phone_digest).delete()
    DataRequest.objects.filter(user=user).exclude(text="").update(text="")
    user.visits.all().delete()
    user.username = f"forgotten-{user.pk}"
    user.first_name = user.last_name = user.email = user.phone_sealed = ""
    user.phone_digest = None
    user.is_active = False
    user.set_unusable_password()
    user.save()
    said = AuditEntry.objects.filter(actor=user.actor).exclude(reason="")
    veiling.veil(said.values_list("pk", flat=True), actor=actor, reason="forgotten")
    audit.record(user, "forgotten", actor=actor)


# ── The file of everything ───────────────────────────────────────────────────────────────────
def make_file(request_id: int) -> bool:
    """Gather everything about a person into a sealed file; False where that was done before."""
    row = DataRequest.objects.filter(pk=request_id, state=RequestState.ASKED).first()
    if row is None or row.kind != DataRequest.Kind.EXPORT:
        return False
    told = wiring.own_data().told(row.user)
    data = json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    plain = json.loads(data)
    page = render_to_string("accounts/own_data_file.html", {"parts": plain, "at": clock.now()})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", data)
        archive.writestr("read-me.html", page)
    key = secrets.token_hex(32)
    _write(_path(key), personal.seal(packed.getvalue().hex()).encode())
    until = clock.real() + FILE_LIVES
    rows = DataRequest.objects.filter(pk=request_id)
    if not _end(rows, RequestState.DONE, actor="system", file_key=key, file_until=until):
        _path(key).unlink(missing_ok=True)
        return False
    return True


def fetch_file(*, user: User, request_id: int) -> bytes:
    """The file, once. Raises Missing for another's, one that was fetched, or an old one."""
    rows = DataRequest.objects.filter(pk=request_id, user=user).exclude(file_key="")
    row = rows.filter(file_until__gt=clock.real()).first()
    if row is None or not rows.filter(file_key=row.file_key).update(file_key=""):
        raise Missing()
    path = _path(row.file_key)
    try:
        packed = bytes.fromhex(personal.unseal(path.read_bytes().decode()))
    except FileNotFoundError as error:
        raise Missing() from error
    path.unlink(missing_ok=True)
    audit.record(row, "file fetched", actor=user.actor)
    return packed


def forget_files(keys: list[int]) -> None:
    """Files that nobody has fetched in time."""
    rows = DataRequest.objects.filter(pk__in=keys)
    for key in rows.exclude(file_key="").values_list("file_key", flat=True):
        _path(key).unlink(missing_ok=True)
    rows.update(file_key="")


def _path(key: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "own_data" / key[:2] / key


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)
