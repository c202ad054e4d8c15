"""How the business flows: the one page where lower rows meet higher ones.

Three tables and a list of dotted names, resolved once and checked at start-up. Read top to bottom,
REACTIONS is the story of a vehicle.
"""

from payments.rules import Payable

# What a device says → who listens.
MESSAGES: dict[str, str] = {}

# What was paid → who says what is due, and who settles it, in order, in the payment's transaction.
PAYABLES: dict[str, Payable] = {}

# What happened → what follows, each once.
REACTIONS: dict[str, list[str]] = {
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
]
