"""Who asks at the doors: people with their sessions, a device with its key, a lot that signs."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from accounts import services as accounts
from accounts.entering import PROVED
from accounts.models import Merchant, User
from accounts.rules import MAY
from accounts.visits import SessionStore
from config import pictures
from core import clock
from devices import services as devices
from devices.models import Device
from monthlycard import services as monthlycard
from monthlycard.models import LotSystem
from monthlycard.rules import signing

ACTOR = "system:fuzz"
CSRF = "a" * 32  # whoever sends the same in cookie and header has shown the page's token


@dataclass(frozen=True, slots=True)
class Asker:
    """One kind of stranger: what they send to be known, given method, path and body."""

    name: str
    shows: Callable[[str, str, bytes], Mapping[str, str]]
    cookies: Mapping[str, str] = field(default_factory=dict)

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        cookies = {"csrftoken": CSRF, **self.cookies}
        told = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return {"Cookie": told, "X-CSRFToken": CSRF, **self.shows(method, path, body)}


def people() -> dict[str, Asker]:
    """Nobody, a driver, each role of the merchant with most to show, the operator: by name."""
    merchant = _merchant()
    found = {"anonymous": Asker("anonymous", _nothing)}
    found["driver"] = _person("driver", pictures.session_of(pictures.OWNER))
    for role in MAY:
        user = User.objects.filter(memberships__merchant=merchant, memberships__role=role).first()
        user = user or accounts.create_staff(
            username=f"fuzz-{role}",
            password=token_urlsafe(24),
            merchant=merchant,
            role=role,
            actor=ACTOR,
        )
        found[role] = _person(role, session_for(user))
    found["operator"] = _person("operator", pictures.session_of(pictures.OPERATOR))
    return found


def machines() -> dict[str, Asker]:
    """A camera with a key of its own, and a lot that signs what it asks."""
    _code, key = new_device("camera", "fuzz-C")
    lot = LotSystem.objects.order_by("pk").first()
    assert lot is not None
    return {
        "device": Asker("device", lambda _method, _path, _body: {"Authorization": f"Bearer {key}"}),
        "lot": Asker("lot", _signed(lot.code, monthlycard.renew_secret(lot=lot, actor=ACTOR))),
    }


def new_device(kind: str, code: str) -> tuple[str, str]:
    """A device of the merchant's that nobody else speaks for: its code and a new key."""
    known = Device.objects.filter(code=code).first()
    if known is not None:
        return code, devices.rotate_key(device_id=known.pk, actor=ACTOR)
    merchant = _merchant()
    _device, key = devices.enroll(code=code, kind=kind, merchant_id=merchant.pk, actor=ACTOR)
    return code, key


def session_for(user: User) -> str:
    """The key of a new session of this person's."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[PROVED] = clock.real().timestamp()
    session.save()
    return str(session.session_key)


def show_anew(people: Iterable[Asker]) -> None:
    """They have just shown who they are, those whose log-in has not ended: what weighs is behind
    that (accounts.proving)."""
    for asker in people:
        key = asker.cookies.get(settings.SESSION_COOKIE_NAME)
        session = SessionStore(key)
        if key and SESSION_KEY in session:
            session[PROVED] = clock.real().timestamp()
            session.save()


def _merchant() -> Merchant:
    found = Merchant.objects.filter(code="yuyuan").first() or Merchant.objects.order_by("pk").last()
    assert found is not None
    return found


def _nothing(_method: str, _path: str, _body: bytes) -> dict[str, str]:
    return {}


def _person(name: str, session: str) -> Asker:
    return Asker(name, _nothing, {settings.SESSION_COOKIE_NAME: session})


def _signed(code: str, secret: str) -> Callable[[str, str, bytes], dict[str, str]]:
    def shows(method: str, path: str, body: bytes) -> dict[str, str]:
        now, nonce = str(time.time_ns() // 10**6), uuid4().hex
        signature = signing.sign_request(
            secret, method=method, path=path, time=now, nonce=nonce, body=body
        )
        return {
            signing.LOT: code,
            signing.TIME: now,
            signing.NONCE: nonce,
            signing.SIGNATURE: signature,
        }

    return shows
