"""The codes on locks: printed, and made worthless where one was copied."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from core import audit, paper
from core.errors import Invalid
from devices import selectors as devices
from recovery.links import lock_url
from recovery.models import LockSign


@transaction.atomic
def print_lock_signs(*, merchant_id: int, actor: str) -> bytes:
    """The sheets of the codes of all of a merchant's locks; who printed them stands in the trail.

    Raises Invalid where there is none, NoFont.
    """
    locks = list(
        devices.devices_able(merchant_id, lambda kind: kind.is_lock).select_related("merchant")
    )[: paper.MOST]
    if not locks:
        raise Invalid("no_locks", _("You have no lock yet."))
    LockSign.objects.bulk_create([LockSign(device=lock) for lock in locks], ignore_conflicts=True)
    known = dict(LockSign.objects.filter(device__in=locks).values_list("device_id", "version"))
    printed = paper.sheets(
        [
            paper.Sign(
                address=lock_url(lock.code, known[lock.pk]),
                title=lock.merchant.name,
                large=lock.code,
                code="",
                chinese="扫码查看原因、付款、异议",
                english="Scan: why, pay, object",
                phone=lock.merchant.help_phone,
            )
            for lock in locks
        ]
    )
    for lock in locks:
        audit.record(lock, "sign_printed", actor=actor)
    return printed


@transaction.atomic
def readdress_locks(*, device_ids: Collection[int], actor: str) -> int:
    """The codes on these locks lead nowhere from now on; new ones have to be printed. How many."""
    rows = LockSign.objects.filter(device__in=list(device_ids)).select_for_update(no_key=True)
    signs = list(rows.order_by("device_id"))
    LockSign.objects.filter(pk__in=[sign.pk for sign in signs]).update(version=F("version") + 1)
    for sign in signs:
        audit.record(sign, "readdressed", actor=actor, version=sign.version + 1)
    return len(signs)
