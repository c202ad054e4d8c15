"""The wiring of these tests: things to pay for, and nothing that follows."""

from typing import Any

from core.wiring import Reactions, reactions
from payments import services
from payments.rules import Payable
from tests.payments import kiosk

MESSAGES: dict[str, Any] = {}
PAYABLES = {
    "kiosk.bill": Payable(
        quote=kiosk.quote,
        settle=[kiosk.settle, kiosk.clear],
        forgo=kiosk.forgo,
    ),
    "kiosk.tab": Payable(quote=kiosk.quote, settle=[kiosk.pay_off], in_parts=True),
    "kiosk.stumbling": Payable(quote=kiosk.quote, settle=[kiosk.stumble, kiosk.settle]),
    "kiosk.broken": Payable(
        quote=kiosk.quote,
        settle=[kiosk.settle, kiosk.burst],
    ),
}
REACTIONS: Reactions = reactions()
SWEEPS: list[Any] = []
NIGHTLY: list[Any] = []
BREAKABLE: list[Any] = []
BY_TWO: list[Any] = [services.accept_reported]
NEEDS: list[Any] = []
OWNER_NOTICES: list[Any] = []
STAFF_NOTES: list[Any] = []
