"""Devices come into service, get new keys, and leave."""

import secrets

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock, personal
from core.errors import Invalid
from core.transition import transition
from devices.errors import CodeTaken, DeviceRevoked
from devices.models import Credential, Device
from devices.rules.release_code import key_hash
from devices.services import hints
from devices.services.commands import supersede_all
from devices.states import DeviceState


@transaction.atomic
def enroll(
    *, code: str, kind: str, merchant_id: int, name: str = "", actor: str
) -> tuple[Device, str]:
    """A new device and its key, which is shown this once and kept only as a hash.

    Raises Invalid, CodeTaken.
    """
    device = Device(code=code, kind=kind, merchant_id=merchant_id, name=name)
    try:
        device.clean_fields(
            exclude={f.name for f in Device._meta.fields} - {"code", "kind", "name"}
        )
    except ValidationError as error:
        fields = {field: " ".join(texts) for field, texts in error.message_dict.items()}
        raise Invalid("bad_device", _("Some fields are not right."), fields=fields) from error
    try:
        with transaction.atomic():
            device.save()
    except IntegrityError as error:
        raise CodeTaken(code) from error
    audit.record(device, "enrolled", actor=actor, kind=kind)
    return device, _new_key(device)


@transaction.atomic
def rotate_key(*, device_id: int, actor: str, revoke_others: bool = False) -> str:
    """A further key for the device; the others stay good until it has logged in with this one.

    `revoke_others` ends them at once: for a key that was lost.
    """
    device = Device.objects.select_for_update(no_key=True).get(pk=device_id)
    if device.state == Device.State.REVOKED:
        raise DeviceRevoked()
    if revoke_others:
        device.credentials.filter(revoked_at=None).update(revoked_at=clock.real())
        Device.objects.filter(pk=device_id).update(epoch=device.epoch + 1, online=False)
        hints.look(device_id)
    audit.record(device, "key_rotated", actor=actor, others_revoked=revoke_others)
    return _new_key(device)


@transaction.atomic
def revoke(*, device_id: int, actor: str, reason: str = "") -> bool:
    """Take the device out of service: keys, connection and open commands end. False: it was."""
    device = Device.objects.get(pk=device_id)
    moved = transition(
        device,
        source=[DeviceState.ENROLLED, DeviceState.ACTIVE],
        target=DeviceState.REVOKED,
        actor=actor,
        reason=reason,
        online=False,
        silent=True,
    )
    if not moved:
        return False
    device.credentials.filter(revoked_at=None).update(revoked_at=clock.real())
    supersede_all(device_id, actor=actor, reason="device revoked")
    hints.look(device_id)
    return True


def _new_key(device: Device) -> str:
    key = secrets.token_urlsafe(32)
    hashed = key_hash(key)
    Credential.objects.create(
        device=device, key_sealed=personal.seal(hashed), key_digest=personal.digest(hashed)
    )
    return key
