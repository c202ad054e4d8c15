"""The wiring of these tests: one thing to pay for, and nothing that follows."""

from payments.rules import Payable

MESSAGES: dict[str, str] = {}
PAYABLES = {
    "kiosk.bill": Payable(
        quote="tests.payments.kiosk.quote",
        settle=["tests.payments.kiosk.settle", "tests.payments.kiosk.clear"],
    ),
    "kiosk.broken": Payable(
        quote="tests.payments.kiosk.quote",
        settle=["tests.payments.kiosk.settle", "tests.payments.kiosk.burst"],
    ),
}
REACTIONS: dict[str, list[str]] = {}
SWEEPS: list[str] = []
NIGHTLY: list[str] = []
NEEDS: list[str] = []
OWNER_NOTICES: list[str] = []
