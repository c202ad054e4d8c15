"""How the business flows: the one page where lower rows meet higher ones.

Functions by reference and events by type: what devices say, what was paid, what follows from what
happened, what looks for due work, and what a person should see to. The type checker holds each
function to what it will be given, and a check at start-up does so again. Read top to bottom,
REACTIONS is the story of a vehicle.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import accounts.factors
import accounts.reactions
import accounts.services
import accounts.tasks
import accounts.visits
import arrears.messages
import arrears.reactions
import arrears.selectors
import arrears.services
import arrears.tasks
import devices.messages
import devices.services
import monthlycard.reactions
import monthlycard.selectors
import monthlycard.services
import parking.messages
import parking.reactions
import parking.selectors
import parking.services
import parking.tasks
import payments.selectors
import payments.services
import payments.tasks
import recovery.messages
import recovery.reactions
import recovery.selectors
import recovery.services
from accounts.events import (
    HoldingEnded,
    HoldingProven,
    SmsDelivered,
    SmsFailed,
    SmsQueued,
    SmsReplied,
)
from arrears.events import (
    DebtDisputed,
    DebtDropped,
    DebtOpened,
    DebtPaid,
    DebtRaised,
    DebtResumed,
    DemandTakenBack,
    EvidenceSeen,
    PayWindowEnded,
    StayDisputed,
    WatchRanOut,
)
from config import own_data
from config.kept import KINDS
from core import outages, outbox, retention, tasks
from core.events import OutageChanged
from core.plates import Plate
from core.trail import anchors, sealing
from core.wiring import Reactions, on, reactions
from devices.events import CommandDone, CommandExpired, CommandFailed, DeviceBack, DeviceSilent
from devices.rules import protocol
from devices.rules.listening import Listener, heard
from monthlycard.events import CardEnded, RestFreed, StatementAgreed
from parking.events import (
    ArrivedAgain,
    CopyOver,
    CopySuspected,
    ImageTaken,
    LeftUnpaid,
    MoneyToReturn,
    PlateCorrected,
    PlateSettled,
    QuestionOver,
    SeenOtherwise,
    StayQuestioned,
    StayRepriced,
    StayResumed,
    StaySettled,
    StayVoided,
    StopKnown,
    VehicleArrived,
    VehicleLeft,
)
from payments.rules import Payable
from recovery.events import LockAlarm, LockLate, LockReleased, MoveOverdue

# What a device says → who listens, in order: all of devices/rules/protocol.py.
MESSAGES: dict[str, tuple[Listener, ...]] = dict(
    [
        heard(protocol.Heartbeat, devices.messages.heartbeat),
        heard(protocol.DeviceState, devices.messages.device_state),
        heard(protocol.CommandResult, devices.messages.command_result),
        heard(protocol.AttendantLogin, devices.messages.attendant_login),
        heard(protocol.AttendantLogout, devices.messages.attendant_logout),
        heard(protocol.VehicleArrived, parking.messages.vehicle_arrived),  # P2.1
        heard(protocol.VehicleLeft, parking.messages.vehicle_left),  # P2.1
        heard(protocol.ImageTaken, parking.messages.image_taken),  # P2.3, P0.1
        heard(protocol.NoticeOutcome, arrears.messages.notice_outcome),  # P3.4
        heard(  # P1.3, P1.4
            protocol.LockStatus, devices.messages.lock_status, recovery.messages.lock_status
        ),
        heard(protocol.LockPlaced, recovery.messages.lock_placed),  # P1.3
        heard(protocol.LockFetched, recovery.messages.lock_fetched),  # P1.6
        heard(  # P1.5
            protocol.ReleaseCodeUsed,
            devices.messages.release_code_used,
            recovery.messages.release_code_used,
        ),
    ]
)

# What was paid → who says what is due, and who settles it, in order, in the payment's transaction.
PAYABLES: dict[str, Payable] = {
    "parking.stay": Payable(
        quote=parking.services.quote_stay,
        settle=[
            parking.services.settle_stay,
            arrears.services.clear_debts,
            recovery.services.release_cleared,  # P1.4: paid anywhere, the lock goes down
        ],
        standing=parking.services.standing_of_stay,
        correct="parking.correct_paid",
        more="parking.more_paid",
        in_parts=True,
        contest=arrears.selectors.contest_path_of_stay,
        explain=parking.selectors.portal_path_of_stay,
        forgo=parking.services.forgo,
    ),
    "parking.prepayment": Payable(
        quote=parking.services.quote_prepayment,
        settle=[parking.services.settle_prepayment],
        standing=parking.services.standing_of_prepayment,
        correct="parking.correct_paid",
        more="parking.more_paid",
        contest=arrears.selectors.contest_path_of_prepayment,
        explain=parking.selectors.portal_path_of_prepayment,
        forgo=parking.services.forgo,
    ),
    "recovery.order": Payable(  # P1.4
        quote=recovery.services.quote_order,
        settle=[recovery.services.settle_order],
        explain=recovery.selectors.portal_path_of_order,
        forgo=parking.services.forgo,
    ),
    "monthlycard.card": Payable(
        quote=monthlycard.services.quote_card, settle=[monthlycard.services.settle_card]
    ),
    "monthlycard.deduction": Payable(
        quote=monthlycard.services.quote_deduction, settle=[monthlycard.services.settle_deduction]
    ),
}

# What happened → what follows, each once.
REACTIONS: Reactions = reactions(
    # parking
    on(VehicleArrived, parking.reactions.order_image),  # P2.2
    on(ArrivedAgain, parking.reactions.look_again),
    on(VehicleLeft, parking.reactions.order_leaving_image),
    on(DeviceSilent, parking.reactions.sensor_silent),
    on(DeviceBack, parking.reactions.device_back),
    on(SeenOtherwise, parking.reactions.tell_anew),
    on(CommandFailed, parking.reactions.next_camera, recovery.reactions.follow_command),  # P2.2
    on(CommandExpired, parking.reactions.next_camera, recovery.reactions.follow_command),  # P2.2
    on(CommandDone, recovery.reactions.follow_command, arrears.reactions.notice_shown),  # P1.4
    on(ImageTaken, parking.reactions.send_to_reader),  # P2.3
    on(MoneyToReturn, parking.reactions.return_money),
    on(StopKnown, parking.reactions.price_next),
    # arrears
    on(PlateSettled, arrears.reactions.find_debts, arrears.reactions.assess),  # P3, P0
    on(
        LeftUnpaid,
        arrears.reactions.start_pay_window,
        arrears.reactions.watch,  # P0.4
        recovery.reactions.stay_changed,
    ),
    on(StaySettled, arrears.reactions.settled, recovery.reactions.stay_changed),
    on(
        StayVoided,
        parking.reactions.price_after_void,
        arrears.reactions.voided,
        recovery.reactions.stay_changed,
        monthlycard.reactions.look_at_vehicle,
    ),
    on(StayResumed, arrears.reactions.resumed),
    on(StayRepriced, arrears.reactions.repriced),
    on(
        PlateCorrected,
        parking.reactions.tell_corrected_anew,
        parking.reactions.price_after_former,
        arrears.reactions.plate_corrected,
        arrears.reactions.assess,
        recovery.reactions.stay_changed,  # never a lock before another's vehicle
        monthlycard.reactions.look_at_former_vehicle,
    ),
    on(
        StayQuestioned,
        arrears.reactions.hold,
        recovery.reactions.stay_changed,  # a question: down at once
        monthlycard.reactions.look_at_vehicle,  # nor is a card asked
    ),
    on(QuestionOver, arrears.reactions.resume, monthlycard.reactions.look_at_vehicle),
    on(CopySuspected, monthlycard.reactions.look_at_copied),
    on(CopyOver, monthlycard.reactions.look_at_copied),
    on(PayWindowEnded, arrears.reactions.open_debt),  # P3.1, P3.2
    on(DebtOpened, arrears.reactions.demand),  # where its owner has confirmed the stay
    on(EvidenceSeen, arrears.reactions.demand),  # P3.2: nobody is asked unseen
    on(DebtResumed, arrears.reactions.demand),
    on(
        DebtRaised,
        arrears.reactions.demand,  # P3.2: asked for anew
        recovery.reactions.debt_changed,  # no lock for what nobody was asked for
    ),
    on(DemandTakenBack, arrears.reactions.demand),
    on(WatchRanOut, arrears.reactions.assist),  # P0.5, P0.6
    on(
        HoldingEnded,
        arrears.reactions.leave_former_holder,
        monthlycard.reactions.end_cards_of_former_holder,
    ),
    on(HoldingProven, arrears.reactions.ask_new_holder),
    on(SmsDelivered, arrears.reactions.text_delivered),
    on(SmsFailed, arrears.reactions.text_failed),
    on(SmsReplied, arrears.reactions.text_answered),
    on(OutageChanged, arrears.reactions.set_right),
    # recovery
    on(StayDisputed, recovery.reactions.stay_changed),  # objection on any page: down at once
    on(DebtDisputed, recovery.reactions.debt_changed),
    on(DebtDropped, recovery.reactions.debt_changed),  # waived, objection upheld
    on(DebtPaid, recovery.reactions.debt_changed),  # the rest may be too little for a lock
    on(LockReleased, recovery.reactions.tell_released),  # P1.6
    on(LockAlarm, recovery.reactions.tell_trouble),
    on(LockLate, recovery.reactions.give_fee_back),
    on(MoveOverdue, recovery.reactions.tell_overdue),  # P1.6
    # monthlycard
    on(StatementAgreed, monthlycard.reactions.deduct_agreed),  # P4.12
    on(CardEnded, monthlycard.reactions.refund_rest),  # P4.2
    on(RestFreed, monthlycard.reactions.refund_freed),  # P4.12
    # accounts
    on(SmsQueued, accounts.reactions.send_sms),
)

# What one person may do up to a limit, and another must agree to above it (accounts/acting.py).
BY_TWO: list[Callable[..., Any]] = [
    parking.services.void_stay,
    parking.services.close_by_hand,
    parking.services.correct_plate,
    parking.services.settle_review,
    parking.services.move_payment,
    payments.services.hand_back,
    payments.services.refund_by_hand,
    payments.services.accept_reported,
    payments.services.approve_payout,
    payments.services.send_payout_again,
    payments.services.say_payout_terms,
    payments.services.say_payee,
    arrears.services.waive_debt,
    arrears.services.settle_dispute,
    arrears.services.say_rule,
    recovery.services.set_terms,
    monthlycard.services.end_card,
    monthlycard.services.settle_statement,
    monthlycard.services.correct_statement,
    monthlycard.services.answer_objection,
    accounts.services.set_limit,
    accounts.services.change_rights,
    accounts.services.set_password,
    accounts.services.appoint,
    accounts.factors.reset_factors,
]

# What looks for due rows, every second; each says how many it moved.
SWEEPS: list[Callable[[], int]] = [
    outages.pulse,  # first: whether we were away is known before anything acts on the time
    tasks.ask_for_our_pages,
    recovery.services.ask_all,  # a lock whose ground is gone goes down
    recovery.services.chase_lowerings,  # P1.4: in time, or an alarm
    recovery.services.remind_of_moves,  # P1.6
    devices.services.expire_commands,
    devices.services.notice_silence,
    devices.services.forget_old,
    parking.services.note_silent_sections,
    parking.services.chase_images,  # P2.2
    parking.tasks.read_again,  # P2.3
    parking.tasks.hide_again,
    parking.services.flag_long_stays,
    parking.services.finish_departures,
    parking.services.remind_of_end,
    payments.tasks.close_outdated_orders,
    payments.tasks.look_at_attempts,
    payments.tasks.look_at_refunds,
    payments.tasks.look_at_invoices,
    payments.tasks.look_at_notifications,
    payments.tasks.look_at_bills,
    payments.tasks.look_at_sandbox,
    payments.tasks.forget_old_notifications,
    payments.tasks.forget_introductions,
    parking.services.end_permits,
    parking.services.forget_doubts,
    arrears.services.end_pay_windows,
    arrears.services.end_watches,
    arrears.services.end_exemptions,
    arrears.services.end_graces,
    arrears.services.send_demands,
    arrears.services.tell_answers,
    arrears.services.carry_out_contacts,
    arrears.services.expire_notices,
    arrears.tasks.ask_again,
    monthlycard.services.expire_due,  # P4.2
    monthlycard.services.close_due,  # P4.9
    monthlycard.services.take_silence,  # P4.12
    monthlycard.services.notice_missed,  # P4.10
    monthlycard.services.tell_of_dues,  # P4.12
    accounts.tasks.let_held_go,
    accounts.tasks.resend_forgotten,
    accounts.tasks.ask_for_receipts,
    accounts.tasks.make_asked_files,
    accounts.services.expire_proposals,
    accounts.services.forget_old,
    outbox.forget_old,
    retention.work,
    sealing.seal_ready,  # the trail shows what is changed from now on
]

# What is done once a night, from two in the morning, by the first dispatcher that comes to it.
NIGHTLY: list[Callable[[], int]] = [
    arrears.services.find_debts_of_city,  # P3.1
    parking.services.draw_samples,  # P2.3: how well cameras read
    payments.services.expect_bills,
    payments.tasks.match_again,
    payments.services.draw_due,
    retention.open_runs,
    anchors.keep_daily,  # how far the trail went, to be kept elsewhere
    accounts.visits.forget_over,
]

# What people may ask about their own data, of all rows.
OWN_DATA = own_data.OWN_DATA

# What is kept for a time, kind by kind, and what holds it longer.
KEPT = KINDS

# What can be away beside our own parts, for the register of outages: its name there and its word.
BREAKABLE: list[Callable[[], list[tuple[str, Any]]]] = [
    payments.selectors.breakable_providers,
    parking.selectors.breakable_sections,
]

# What a person of a merchant should look at, on the street's page: merchant_id → queue items, each
# with `since`.
NEEDS: list[Callable[[int], list[dict[str, Any]]]] = [
    payments.selectors.needs,
    parking.selectors.needs,
    arrears.selectors.needs,
    recovery.selectors.needs,  # P1.6
    monthlycard.selectors.needs,  # P4.10, P4.11
]

# Where else vehicles are seen: (plate, since, until, section_id) → whether that one was seen
# outside of this section in this time.
SEEN_ELSEWHERE: list[Callable[[Plate, datetime, datetime, int], bool]] = [
    monthlycard.selectors.passed_a_gate
]

# What an owner must see first on pages about a stay or a payment: [(payable, id)] → notices, each
# with `text`, and `url`, `verb`, `topic` of the page that says more.
OWNER_NOTICES: list[Callable[[Collection[tuple[str, int]]], list[dict[str, Any]]]] = [
    recovery.selectors.owner_notices,  # P1.4: what lowers the lock
    monthlycard.selectors.owner_notices,  # P4.12: what a card did not cover
]

# What was taken down about a stay or an order, for who works on it: [(payable, id)] → notes, each
# with `at`, `text`, `by`.
STAFF_NOTES: list[Callable[[Collection[tuple[str, int]]], list[dict[str, Any]]]] = [
    arrears.selectors.staff_notes
]
