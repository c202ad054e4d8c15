"""How the business flows: the one page where lower rows meet higher ones.

Three tables and a list of dotted names, resolved once and checked at start-up. Read top to bottom,
REACTIONS is the story of a vehicle.
"""

from payments.rules import Payable

# What a device says → who listens.
MESSAGES: dict[str, str] = {
    # parking: "VehicleArrived", "VehicleLeft", "ImageTaken"
    # arrears: "NoticeOutcome"
    # recovery: "LockStatus", "LockPlaced", "ReleaseCodeUsed"
}

# What was paid → who says what is due, and who settles it, in order, in the payment's transaction.
PAYABLES: dict[str, Payable] = {
    # parking: "parking.stay", "parking.prepayment"
    # recovery: "recovery.order"
    "monthlycard.card": Payable(
        quote="monthlycard.services.quote_card", settle=["monthlycard.services.settle_card"]
    ),
    "monthlycard.deduction": Payable(
        quote="monthlycard.services.quote_deduction",
        settle=["monthlycard.services.settle_deduction"],
    ),
}

# What happened → what follows, each once.
REACTIONS: dict[str, list[str]] = {
    # parking
    # arrears
    # recovery
    # monthlycard
    "monthlycard.statement_agreed": ["monthlycard.reactions.deduct_agreed"],  # P4.12
    # accounts
    "accounts.sms_queued": ["accounts.reactions.send_sms"],
}

# What looks for due rows, every second.
SWEEPS: list[str] = [
    "devices.services.expire_commands",
    "devices.services.notice_silence",
    "devices.services.forget_old",
    "payments.tasks.close_outdated_orders",
    "payments.tasks.look_at_attempts",
    "payments.tasks.look_at_refunds",
    "payments.tasks.look_at_notifications",
    "payments.tasks.look_at_sandbox",
    "monthlycard.services.close_due",
    "accounts.tasks.resend_forgotten",
]
