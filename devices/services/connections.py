"""Log-ins of devices: who it is, which epoch it has, when it ended (docs/rules.md 6)."""

import hmac
import logging
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from core import clock, outbox, personal
from core.transition import transition
from devices.errors import KeyRefused
from devices.events import DeviceBack
from devices.models import Connection, Credential, Device
from devices.rules.protocol import Sender
from devices.rules.release_code import key_hash
from devices.services import hints
from devices.states import DeviceState

log = logging.getLogger("bowei.devices")


@dataclass(slots=True)
class Link:
    """One logged-in connection, as its socket keeps it in memory."""

    device_id: int
    device_code: str
    kind: str
    merchant_id: int
    epoch: int
    connection_id: int
    credential_id: int
    attendant: str | None = None  # actor string
    refused_at: list[float] = field(default_factory=list)  # kept refusals of the last minute

    def sender(self, received_at: datetime, said_at_ms: int | None = None) -> Sender:
        return Sender(
            device_id=self.device_id,
            device_code=self.device_code,
            kind=self.kind,
            merchant_id=self.merchant_id,
            epoch=self.epoch,
            attendant=self.attendant,
            connection_id=self.connection_id,
            received_at=received_at,
            said_at_ms=said_at_ms,
        )


def who(key: str) -> Credential:
    """The live credential of this key, its device included. Raises KeyRefused.

    Found by the digest of 256 random bits, so how long it takes says nothing about any key.
    """
    digest = personal.digest(key_hash(key))
    found = Credential.objects.filter(key_digest=digest, revoked_at=None).select_related("device")
    credential = found.exclude(device__state=Device.State.REVOKED).first()
    if credential is None or not hmac.compare_digest(credential.key_digest, digest):
        raise KeyRefused()
    return credential


@transaction.atomic
def log_in(code: str, key: str) -> Link:
    """Log a device in: its epoch rises, and the newest socket is the one that counts.

    Two log-ins at once get two epochs: the row is raised and read under its own lock. A first use
    of a new key ends the older ones. Raises KeyRefused.
    """
    credential = who(key)
    if not hmac.compare_digest(credential.device.code.encode(), code.encode()):
        log.warning("devices.login_refused code=%r", code[:40])
        raise KeyRefused()
    device, now = credential.device, clock.real()
    rows = Device.objects.filter(pk=device.pk).exclude(state=Device.State.REVOKED)
    if not rows.update(epoch=F("epoch") + 1, online=True, last_heard_at=now):
        raise KeyRefused()
    device.refresh_from_db()
    if device.state == Device.State.ENROLLED:
        transition(
            device, source=DeviceState.ENROLLED, target=DeviceState.ACTIVE, actor=device.actor
        )
    if device.silent:
        Device.objects.filter(pk=device.pk).update(silent=False)
        outbox.add(DeviceBack(device.pk))
        hints.show(device.pk, device.merchant_id)
    older = device.credentials.filter(revoked_at=None, pk__lt=credential.pk)
    older.update(revoked_at=now)
    Credential.objects.filter(pk=credential.pk).update(last_used_at=now)
    open_ones = Connection.objects.filter(device=device, closed_at=None)
    open_ones.update(closed_at=now, why_closed="newer log-in")
    connection = Connection.objects.create(
        device=device, credential=credential, epoch=device.epoch, opened_at=now
    )
    hints.look(device.pk)  # sockets of older epochs find out and close
    return Link(
        device_id=device.pk,
        device_code=device.code,
        kind=device.kind,
        merchant_id=device.merchant_id,
        epoch=device.epoch,
        connection_id=connection.pk,
        credential_id=credential.pk,
    )


def heard(link: Link) -> bool:
    """Note that the device has spoken; False where this connection is no longer the device's.

    Locks the device's row until the transaction ends.
    """
    mine = Device.objects.filter(pk=link.device_id, epoch=link.epoch)
    alive = mine.exclude(state=Device.State.REVOKED)
    now = clock.real()
    if alive.filter(silent=False).update(last_heard_at=now, online=True):
        return True
    if not alive.filter(silent=True).update(last_heard_at=now, online=True, silent=False):
        return False
    outbox.add(DeviceBack(link.device_id))
    hints.show(link.device_id, link.merchant_id)
    return True


@transaction.atomic
def log_out(link: Link, why: str) -> None:
    """The socket has ended. An old one's end changes nothing for a newer one.

    Device before connection, as in `log_in`: the two would wait for each other otherwise.
    """
    if Device.objects.filter(pk=link.device_id, epoch=link.epoch).update(online=False):
        hints.show(link.device_id, link.merchant_id)
    Connection.objects.filter(pk=link.connection_id, closed_at=None).update(
        closed_at=clock.real(), why_closed=why[:20]
    )
