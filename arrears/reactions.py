"""Outbox event handlers: windows, debts, demands, watches and texts (see config/wiring.py)."""

from datetime import datetime
from functools import partial

from django.db import transaction

from accounts.events import HoldingEnded, HoldingProven, SmsDelivered, SmsFailed, SmsReplied
from arrears import selectors, services
from arrears.events import (
    DebtOpened,
    DebtRaised,
    DebtResumed,
    DemandTakenBack,
    EvidenceSeen,
    PayWindowEnded,
    WatchRanOut,
)
from arrears.services import assistance, demands, looks, notices
from arrears.tasks import ask_scorer
from core.events import OutageChanged
from core.plates import Plate
from core.wiring import concerned
from devices.events import CommandDone
from parking.events import (
    LeftUnpaid,
    PlateCorrected,
    PlateSettled,
    QuestionOver,
    StayQuestioned,
    StayRepriced,
    StayResumed,
    StaySettled,
    StayVoided,
)


def find_debts(event: PlateSettled) -> None:
    """parking.plate_settled: look through the vehicle's history, compare it with the list, and tell
    the terminal that has just seen it (P3.1, P3.3, P3.4)."""
    services.find_debts_of(event.plate_text)
    merchant_id = event.merchant_id or notices.merchant_of_sighting(
        event.section_id, event.device_id
    )
    if merchant_id is None:
        return
    services.issue_notices(
        sighting_id=event.sighting_id,
        device_id=event.device_id,
        section_id=event.section_id,
        merchant_id=merchant_id,
        plate=Plate.of(event.plate_text, event.plate_colour),
        confidence=event.confidence,
    )


@concerned(lambda event: event.stay_id is not None)
def assess(event: PlateSettled | PlateCorrected) -> None:
    """parking.plate_settled, parking.plate_corrected: have the stay scored (P0.2, P0.3)."""
    assert event.stay_id is not None
    assessment_id = services.assess(stay_id=event.stay_id)
    if assessment_id is not None:
        transaction.on_commit(partial(ask_scorer, assessment_id), robust=True)


def start_pay_window(event: LeftUnpaid) -> None:
    """parking.left_unpaid: everybody has time to pay."""
    services.start_pay_window(stay_id=event.stay_id)


def watch(event: LeftUnpaid) -> None:
    """parking.left_unpaid: watch it if it is at risk, and only then (P0.4)."""
    services.watch(stay_id=event.stay_id)


def open_debt(event: PayWindowEnded) -> None:
    """arrears.pay_window_ended: what is still unpaid is a debt (P3.1, P3.2)."""
    services.open_debt(stay_id=event.stay_id)


def demand(
    event: DebtOpened | EvidenceSeen | DebtResumed | DebtRaised | DemandTakenBack,
) -> None:
    """arrears.debt_opened, evidence_seen, debt_resumed, debt_raised, demand_taken_back: every
    debtor is asked, once somebody has seen what for."""
    services.make_demand(debt_id=event.debt_id)


def assist(event: WatchRanOut) -> None:
    """arrears.watch_ran_out: the scheme, the plan, the first contact (P0.5, P0.6)."""
    plan = services.assist(watch_id=event.watch_id)
    if plan is not None:
        first = plan.contacts.order_by("number").first()
        if first is not None:
            services.carry_out(first.pk)


def settled(event: StaySettled) -> None:
    """parking.stay_settled: also where no payment did it (written off, or cheaper than paid)."""
    services.clear_debts_of_stays([event.stay_id], actor="system:arrears.settled")


def voided(event: StayVoided) -> None:
    """parking.stay_voided: nothing is owed for a stay that never was, nothing left to object to."""
    services.forget_stay(stay_id=event.stay_id)
    services.end_voided(stay_id=event.stay_id)


def resumed(event: StayResumed) -> None:
    """parking.stay_resumed: it had not left, so nothing is owed yet."""
    services.forget_stay(stay_id=event.stay_id)


def repriced(event: StayRepriced) -> None:
    """parking.stay_repriced: the debt follows the fee; what was never named is asked for anew."""
    services.follow_stay(stay_id=event.stay_id, why=event.why, raised=event.due_fen > event.was_fen)


def plate_corrected(event: PlateCorrected) -> None:
    """parking.plate_corrected: the other one's course ends, the right one's begins."""
    services.plate_corrected(stay_id=event.stay_id, was=event.old_text)


def hold(event: StayQuestioned) -> None:
    """parking.stay_questioned: nothing is asked for the stay until a person has looked."""
    services.hold_questioned(stay_id=event.stay_id)


def resume(event: QuestionOver) -> None:
    """parking.question_over: what waited goes on, with its whole time from now."""
    services.question_over(stay_id=event.stay_id)


def leave_former_holder(event: HoldingEnded) -> None:
    """accounts.holding_ended: nobody is told of a vehicle that is no longer theirs."""
    demands.leave_former_holder(user_id=event.user_id)
    assistance.leave_former_holder(user_id=event.user_id)


def ask_new_holder(event: HoldingProven) -> None:
    """accounts.holding_proven: what waited for an inspector can be sent, and the owner has looked
    at the stays that this was about."""
    looks.confirm_proven(holding_id=event.holding_id)
    services.ask_new_holder(user_id=event.user_id)


def _is_about_a_debt(event: SmsDelivered | SmsFailed) -> bool:
    return event.key.partition(":")[0] in ("demand", "contact")


@concerned(_is_about_a_debt)
def text_delivered(event: SmsDelivered) -> None:
    """accounts.sms_delivered: the demand is delivered, the contact made."""
    kind, _colon, number = event.key.partition(":")
    if kind == "demand":
        demands.text_delivered(int(number))
    elif kind == "contact":
        assistance.text_delivered(int(number))


@concerned(_is_about_a_debt)
def text_failed(event: SmsFailed) -> None:
    """accounts.sms_failed: the demand goes on paper, the contact failed."""
    kind, _colon, number = event.key.partition(":")
    if kind == "demand":
        demands.text_failed(int(number))
    elif kind == "contact":
        assistance.text_failed(int(number))


def text_answered(event: SmsReplied) -> None:
    """accounts.sms_replied: who wants no reminders gets none; who says that it is not their vehicle
    objects, and is asked for nothing until a person has looked."""
    actor = f"user:{event.user_id}"
    if event.meaning == "stop":
        services.opt_out(subject=f"user:{event.user_id}", actor=actor)
    elif event.meaning == "not_mine":
        stay_ids = selectors.stays_of_text(event.key)
        if stay_ids:
            services.object(
                stay_ids=stay_ids, reason="not_mine", user_id=event.user_id, actor=actor
            )


def set_right(event: OutageChanged) -> None:
    """core.outage_changed: our time costs nobody theirs; what came too early is taken back."""
    services.set_right(datetime.fromisoformat(event.since))


@concerned(lambda event: event.action == "ShowNotice")
def notice_shown(event: CommandDone) -> None:
    """devices.command_done: the terminal shows the notice."""
    notices.notice_shown(event.command_id)
