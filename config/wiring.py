"""How the business flows: the one page where lower rows meet higher ones.

Tables and lists of dotted names, resolved once and checked at start-up: what devices say, what was
paid, what follows from what happened, what looks for due work, and what a person should see to.
Read top to bottom, REACTIONS is the story of a vehicle.
"""

from payments.rules import Payable

# What a device says → who listens.
MESSAGES: dict[str, str] = {
    "VehicleArrived": "parking.messages.vehicle_arrived",  # P2.1
    "VehicleLeft": "parking.messages.vehicle_left",  # P2.1
    "ImageTaken": "parking.messages.image_taken",  # P2.3, P0.1
    "NoticeOutcome": "arrears.messages.notice_outcome",  # P3.4
    "LockStatus": "recovery.messages.lock_status",  # P1.3, P1.4
    "LockPlaced": "recovery.messages.lock_placed",  # P1.3
    "ReleaseCodeUsed": "recovery.messages.release_code_used",  # P1.5
}

# What was paid → who says what is due, and who settles it, in order, in the payment's transaction.
PAYABLES: dict[str, Payable] = {
    "parking.stay": Payable(
        quote="parking.services.quote_stay",
        settle=[
            "parking.services.settle_stay",
            "arrears.services.clear_debts",
            "recovery.services.release_cleared",  # P1.4: paid anywhere, the lock goes down
        ],
    ),
    "parking.prepayment": Payable(
        quote="parking.services.quote_prepayment",
        settle=["parking.services.settle_prepayment"],
    ),
    "recovery.order": Payable(  # P1.4
        quote="recovery.services.quote_order", settle=["recovery.services.settle_order"]
    ),
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
    "devices.command_failed": [
        "parking.reactions.next_camera",  # P2.2
        "recovery.reactions.follow_command",
    ],
    "devices.command_expired": [
        "parking.reactions.next_camera",  # P2.2
        "recovery.reactions.follow_command",
    ],
    "devices.command_done": [
        "recovery.reactions.follow_command",  # P1.4
        "arrears.reactions.notice_shown",
    ],
    "parking.image_taken": ["parking.reactions.send_to_reader"],  # P2.3
    "parking.money_to_return": ["parking.reactions.return_money"],
    # arrears
    "parking.plate_settled": ["arrears.reactions.find_debts", "arrears.reactions.assess"],  # P3, P0
    "parking.left_unpaid": [
        "arrears.reactions.start_pay_window",
        "arrears.reactions.watch",  # P0.4
        "recovery.reactions.vehicle_left",
    ],
    "parking.stay_settled": ["arrears.reactions.settled", "recovery.reactions.vehicle_left"],
    "parking.stay_voided": ["arrears.reactions.voided", "recovery.reactions.vehicle_left"],
    "parking.stay_repriced": ["arrears.reactions.repriced"],
    "parking.plate_corrected": [
        "arrears.reactions.plate_corrected",
        "arrears.reactions.assess",
        "recovery.reactions.plate_corrected",  # never a lock before another's vehicle
    ],
    "parking.plate_doubted": ["arrears.reactions.plate_doubted"],
    "parking.doubt_over": ["arrears.reactions.doubt_over"],
    "arrears.pay_window_ended": ["arrears.reactions.open_debt"],  # P3.1, P3.2
    "arrears.debt_opened": ["arrears.reactions.demand"],
    "arrears.debt_resumed": ["arrears.reactions.demand"],
    "arrears.debt_raised": [
        "arrears.reactions.demand",  # P3.2: asked for anew
        "recovery.reactions.release_raised",  # no lock for what nobody was asked for
    ],
    "arrears.demand_taken_back": ["arrears.reactions.demand"],
    "arrears.watch_ran_out": ["arrears.reactions.assist"],  # P0.5, P0.6
    "accounts.holding_proven": ["arrears.reactions.ask_new_holder"],
    "accounts.sms_sent": ["arrears.reactions.text_sent"],
    "accounts.sms_failed": ["arrears.reactions.text_failed"],
    # recovery
    "arrears.debt_disputed": ["recovery.reactions.release_disputed"],  # objection: down at once
    "arrears.debt_dropped": ["recovery.reactions.release"],  # waived, objection upheld
    "arrears.debt_paid": ["recovery.reactions.release"],  # settled without a payment of ours
    # monthlycard
    "monthlycard.statement_agreed": ["monthlycard.reactions.deduct_agreed"],  # P4.12
    "monthlycard.ended": ["monthlycard.reactions.refund_rest"],  # P4.2
    # accounts
    "accounts.sms_queued": ["accounts.reactions.send_sms"],
}

# What looks for due rows, every second.
SWEEPS: list[str] = [
    "recovery.services.remind_of_moves",  # P1.6
    "devices.services.expire_commands",
    "devices.services.notice_silence",
    "devices.services.forget_old",
    "parking.services.chase_images",  # P2.2
    "parking.services.read_again",  # P2.3
    "parking.services.flag_long_stays",
    "parking.services.remind_of_end",
    "payments.tasks.close_outdated_orders",
    "payments.tasks.look_at_attempts",
    "payments.tasks.look_at_refunds",
    "payments.tasks.look_at_notifications",
    "payments.tasks.look_at_sandbox",
    "arrears.services.end_pay_windows",
    "arrears.services.end_watches",
    "arrears.services.end_graces",
    "arrears.services.send_demands",
    "arrears.services.carry_out_contacts",
    "arrears.services.expire_notices",
    "arrears.services.ask_again",
    "monthlycard.services.close_due",  # P4.9
    "monthlycard.services.take_silence",  # P4.12
    "monthlycard.services.notice_missed",  # P4.10
    "accounts.tasks.resend_forgotten",
]

# What is done once a night, from two in the morning, by the first dispatcher that comes to it.
NIGHTLY: list[str] = ["arrears.services.find_debts_of_city"]  # P3.1

# What a person of a merchant should look at, on the street's page: merchant_id → queue items, each
# with `since`.
NEEDS: list[str] = [
    "parking.selectors.needs",
    "arrears.selectors.needs",
    "recovery.selectors.needs",  # P1.6
    "monthlycard.selectors.needs",  # P4.10, P4.11
]

# What an owner must see first on pages about a stay or a payment: [(payable, id)] → notices, each
# with `text`, and `url`, `verb`, `topic` of the page that says more.
OWNER_NOTICES: list[str] = ["recovery.selectors.owner_notices"]  # P1.4: what lowers the lock
