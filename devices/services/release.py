"""The release code of an order: told to who has paid, while the lock may be out of reach (P1.5)."""

from django.db import transaction

from core import audit, clock
from devices.errors import NoReleaseCode
from devices.models import ReleaseCode
from devices.rules import release_code as rules


@transaction.atomic
def release_code(*, device_id: int, order_code: str, actor: str) -> str:
    """The eight digits that lower the lock for this order without network; each showing is audited.

    The caller has made sure that the order is settled. Raises NoReleaseCode where the lock was
    never sent up for it.
    """
    hold = (
        ReleaseCode.objects.filter(device_id=device_id, order_code=order_code)
        .exclude(credential=None)
        .select_related("credential", "device")
        .order_by("-pk")
        .first()
    )
    if hold is None or hold.credential is None:
        raise NoReleaseCode()
    ReleaseCode.objects.filter(pk=hold.pk, shown_at=None).update(shown_at=clock.real())
    audit.record(hold, "shown", actor=actor)
    secret = rules.release_secret(hold.credential.key_hash)
    return rules.release_code(secret, order_code=order_code, counter=hold.pk)


def code_used(device_id: int, order_code: str) -> None:
    """The lock has taken the code; it takes it no second time."""
    holds = ReleaseCode.objects.filter(device_id=device_id, order_code=order_code, used_at=None)
    holds.update(used_at=clock.real())
