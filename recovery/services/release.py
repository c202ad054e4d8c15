"""The code that lowers a lock which does not answer, shown to who has paid (P1.5)."""

from devices import services as devices
from recovery import selectors
from recovery.errors import CodeNotReady
from recovery.models import RecoveryOrder


def show_release_code(order: RecoveryOrder, *, actor: str) -> str:
    """The eight digits, for whoever holds the order's link; each showing is audited once.

    Raises CodeNotReady, and NoReleaseCode where the lock was never sent up for this order.
    """
    if not selectors.release_code_ready(order):
        raise CodeNotReady()
    return devices.release_code(device_id=order.device_id, order_code=order.code, actor=actor)
