"""Second factors: codes of an app (RFC 6238), passkeys (WebAuthn), and recovery codes on paper.

Each code counts once: who is second with the same one, or an older one, is refused.
"""

import base64
import json
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts import selectors, services, visits
from accounts.acting import Weight, by_two
from accounts.models import Factor, RecoveryCode, User
from accounts.rules import may
from core import audit, clock, personal
from core.errors import Invalid, Missing, Refused

STEP_S = 30
SECRET_BYTES = 20
CODES = 10
CODE_BYTES = 7  # 56 bits, eleven letters and digits of base 32
MOST_PASSKEYS = 10
CHALLENGE = "passkey"  # where a session keeps what a passkey must answer


def has_any(user: User) -> bool:
    return Factor.objects.filter(user=user).exists()


def has_app(user: User) -> bool:
    return Factor.objects.filter(user=user, kind=Factor.Kind.APP).exists()


def must_have(user: User) -> bool:
    """Whether this person's rights ask for a second factor here: all of the desk, and who touches
    a merchant's money or files."""
    return bool(settings.BOWEI_SECOND_FACTOR) and touches_money(user)


def touches_money(user: User) -> bool:
    """The desk, and every role of a merchant but those who only work at the kerb."""
    return user.is_staff or any(may(role, "money") for role in selectors.roles_of(user))


# ── Codes of an app ──────────────────────────────────────────────────────────────────────────
def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address_for_app(user: User, secret: str) -> str:
    """What an app reads from a QR code (the key URI format that all apps know)."""
    name = quote(f"Bowei:{user.get_username()}")
    return f"otpauth://totp/{name}?{urlencode({'secret': secret, 'issuer': 'Bowei'})}"


def _codes(secret: str, at: datetime) -> dict[int, bytes]:
    """The codes that count at this moment, by their step: one before and one after, for clocks."""
    totp = TOTP(base64.b32decode(secret), 6, SHA1(), STEP_S, enforce_key_length=False)
    now = int(at.timestamp()) // STEP_S
    return {step: totp.generate(step * STEP_S) for step in (now - 1, now, now + 1)}


def _step_of(secret: str, code: str) -> int | None:
    typed = "".join(code.split()).encode()
    found = None
    for step, right in _codes(secret, clock.real()).items():
        if secrets.compare_digest(right, typed):
            found = step
    return found


@transaction.atomic
def add_app(*, user: User, secret: str, code: str, actor: str) -> Factor:
    """An app that has shown that it knows the secret, instead of any before. Raises Invalid."""
    step = _step_of(secret, code)
    if step is None:
        raise wrong_code()
    Factor.objects.filter(user=user, kind=Factor.Kind.APP).delete()
    factor = Factor.objects.create(
        user=user,
        kind=Factor.Kind.APP,
        secret_sealed=personal.seal(secret),
        counter=step,
        made_at=clock.real(),
    )
    _changed(user, "second factor added", factor, actor)
    return factor


def wrong_code() -> Invalid:
    return Invalid(
        "wrong_code",
        _("This code is not right, or it was used before. Wait for the next one."),
        fields={"code": _("Type the code that the app shows now.")},
    )


# ── Passkeys ─────────────────────────────────────────────────────────────────────────────────
def passkeys_work() -> bool:
    """Browsers keep passkeys for names over https, and for localhost; for no bare address."""
    place = urlsplit(settings.PUBLIC_URL)
    name = place.hostname or ""
    return place.scheme == "https" or name == "localhost"


def _server() -> Fido2Server:
    name = urlsplit(settings.PUBLIC_URL).hostname or ""
    return Fido2Server(PublicKeyCredentialRpEntity(id=name, name="Bowei"))


def _credentials(user: User) -> dict[int, AttestedCredentialData]:
    rows = Factor.objects.filter(user=user, kind=Factor.Kind.PASSKEY)
    return {
        row.pk: AttestedCredentialData(base64.b64decode(personal.unseal(row.secret_sealed)))
        for row in rows
    }


def offer_passkey(user: User, session: SessionBase) -> str:
    """What a browser makes a new passkey from, as JSON; the session waits for its answer."""
    person = PublicKeyCredentialUserEntity(
        id=personal.digest(f"passkey {user.pk}")[:32].encode(),
        name=user.get_username(),
        display_name=user.get_full_name() or user.get_username(),
    )
    options, state = _server().register_begin(
        person,
        list(_credentials(user).values()),
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    session[f"{CHALLENGE} new"] = state
    return json.dumps(dict(options))


def ask_passkey(user: User, session: SessionBase) -> str:
    """What the person's passkeys must sign, as JSON; "" where they have none."""
    known = list(_credentials(user).values())
    if not known:
        return ""
    options, state = _server().authenticate_begin(
        known, user_verification=UserVerificationRequirement.PREFERRED
    )
    session[CHALLENGE] = state
    return json.dumps(dict(options))


@transaction.atomic
def add_passkey(*, user: User, answer: str, session: SessionBase, name: str, actor: str) -> Factor:
    """A passkey that the browser has just made for this person. Raises Invalid, Refused."""
    state = session.pop(f"{CHALLENGE} new", None)
    try:
        made = _server().register_complete(state, json.loads(answer)).credential_data
    except (ValueError, KeyError, TypeError) as error:
        raise _no_passkey() from error
    if made is None:
        raise _no_passkey()
    if Factor.objects.filter(user=user, kind=Factor.Kind.PASSKEY).count() >= MOST_PASSKEYS:
        raise Refused("too_many_passkeys", _("These are enough passkeys: take one away first."))
    factor = Factor.objects.create(
        user=user,
        kind=Factor.Kind.PASSKEY,
        name=name.strip()[:40],
        secret_sealed=personal.seal(base64.b64encode(made).decode()),
        made_at=clock.real(),
    )
    _changed(user, "second factor added", factor, actor)
    return factor


def _no_passkey() -> Invalid:
    return Invalid("no_passkey", _("The passkey was not accepted. Try again."))


# ── Showing one ──────────────────────────────────────────────────────────────────────────────
def shown(user: User, *, code: str = "", passkey: str = "", session: SessionBase) -> str:
    """Which kind of factor this proves: the code of an app, a passkey's answer, a recovery code;
    "" where it proves none. Each proves once."""
    if passkey:
        return "passkey" if _passkey_signed(user, passkey, session) else ""
    if _app_said(user, code):
        return "app"
    return "recovery code" if _paper_said(user, code) else ""


def _passkey_signed(user: User, answer: str, session: SessionBase) -> bool:
    state, known = session.pop(CHALLENGE, None), _credentials(user)
    try:
        signed = AuthenticationResponse.from_dict(json.loads(answer))
        used = _server().authenticate_complete(state, list(known.values()), signed)
    except (ValueError, KeyError, TypeError):
        return False
    pk = next(pk for pk, one in known.items() if one.credential_id == used.credential_id)
    count = signed.response.authenticator_data.counter
    rows = Factor.objects.filter(pk=pk)
    if count:  # a copied key falls behind; most passkeys do not count
        rows = rows.filter(counter__lt=count)
    return bool(rows.update(counter=count, used_at=clock.real()))


def _app_said(user: User, code: str) -> bool:
    factor = Factor.objects.filter(user=user, kind=Factor.Kind.APP).first()
    step = _step_of(personal.unseal(factor.secret_sealed), code) if factor else None
    if factor is None or step is None:
        return False
    rows = Factor.objects.filter(pk=factor.pk, counter__lt=step)
    return bool(rows.update(counter=step, used_at=clock.real()))


def _paper_said(user: User, code: str) -> bool:
    rows = RecoveryCode.objects.filter(user=user, digest=_digest(user, code), used_at=None)
    return bool(rows.update(used_at=clock.real()))


# ── Recovery codes ───────────────────────────────────────────────────────────────────────────
def _digest(user: User, code: str) -> str:
    plain = "".join(one for one in code.upper() if one.isalnum())
    return personal.digest(f"recovery {user.pk} {plain}")


@transaction.atomic
def new_codes(*, user: User, actor: str) -> list[str]:
    """Ten codes for a lost factor, shown this once; those before count no more."""
    made = [
        base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=").lower()
        for _each in range(CODES)
    ]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=_digest(user, one)) for one in made
    )
    audit.record(user, "recovery codes made", actor=actor)
    return [f"{one[:4]}-{one[4:8]}-{one[8:]}" for one in made]


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


# ── Taking one away ──────────────────────────────────────────────────────────────────────────
@transaction.atomic
def remove(*, user: User, factor_id: int, actor: str) -> None:
    """One's own factor goes. Raises Missing; Refused for the last one of who must have one."""
    locked = list(Factor.objects.select_for_update(no_key=True).filter(user=user))
    factor = next((one for one in locked if one.pk == factor_id), None)
    if factor is None:
        raise Missing("no_factor")
    if len(locked) == 1 and must_have(user):
        said = _("This is your only second factor: set another one up first.")
        raise Refused("last_factor", said)
    _changed(user, "second factor removed", factor, actor)
    factor.delete()
    if len(locked) == 1:
        RecoveryCode.objects.filter(user=user).delete()


def _weight_of_reset(*, actor: str, user_id: int, **_given: Any) -> Weight:
    """Who opens another's door must always be two."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    post = selectors.membership_of(user)
    return Weight(post.merchant_id if post else None, None, user.get_username())


@by_two(
    "accounts.reset_factors",
    word=_("Take away a person's lost second factors"),
    right="accounts.reset_user",
    role="staff",
    subject="user_id",
    weigh=_weight_of_reset,
)
@transaction.atomic
def reset_factors(*, user_id: int, reason: str, actor: str) -> None:
    """All second factors of who has lost them go; the person is told, and logged out everywhere."""
    user = User.objects.get(pk=user_id)
    Factor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    visits.end(user_id)
    audit.record(user, "second factors reset", actor=actor, reason=reason)
    services.tell_of_change(user, "两步验证")


def _changed(user: User, action: str, factor: Factor, actor: str) -> None:
    audit.record(user, action, actor=actor, kind=factor.kind, factor=factor.pk)
    services.tell_of_change(user, "两步验证")
