"""How the business flows: the one page where lower rows meet higher ones.

Three tables and a list of dotted names, resolved once and checked at start-up. Read top to bottom,
REACTIONS is the story of a vehicle.
"""

from payments.rules import Payable

# What a device says → who listens.
MESSAGES: dict[str, str] = {
    "VehicleArrived": "parking.messages.vehicle_arrived",  # P2.1
    "VehicleLeft": "parking.messages.vehicle_left",  # P2.1
    "ImageTaken": "parking.messages.image_taken",  # P2.3, P0.1
    # arrears: "NoticeOutcome"
    # recovery: "LockStatus", "LockPlaced", "ReleaseCodeUsed"
}

# What was paid → who says what is due, and who settles it, in order, in the payment's transaction.
PAYABLES: dict[str, Payable] = {
    "parking.stay": Payable(
        quote="parking.services.quote_stay", settle=["parking.services.settle_stay"]
    ),
    "parking.prepayment": Payable(
        quote="parking.services.quote_prepayment",
        settle=["parking.services.settle_prepayment"],
    ),
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
    "parking.vehicle_arrived": ["parking.reactions.order_image"],  # P2.2
    "devices.command_failed": ["parking.reactions.next_camera"],  # P2.2
    "devices.command_expired": ["parking.reactions.next_camera"],  # P2.2
    "parking.image_taken": ["parking.reactions.send_to_reader"],  # P2.3
    "parking.money_to_return": ["parking.reactions.return_money"],
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
    "parking.services.chase_images",  # P2.2
    "parking.services.read_again",  # P2.3
    "parking.services.flag_long_stays",
    "payments.tasks.close_outdated_orders",
    "payments.tasks.look_at_attempts",
    "payments.tasks.look_at_refunds",
    "payments.tasks.look_at_notifications",
    "payments.tasks.look_at_sandbox",
    "monthlycard.services.close_due",
    "accounts.tasks.resend_forgotten",
]

# What a person of a merchant should look at, on the street's page: merchant_id → queue items, each
# with `since`.
NEEDS: list[str] = [
    "parking.selectors.needs",
]
