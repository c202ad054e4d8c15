"""Changes to recovery orders: bind, place, raise, end, fetch."""

from recovery.services.binding import bind, check_eligibility
from recovery.services.ending import (
    cancel,
    emergency_lower,
    quote_order,
    release_cleared,
    settle_order,
)
from recovery.services.facts import RuleResult
from recovery.services.lock import command_ended, take_lock_report, take_release_code_used
from recovery.services.moving import confirm_move, lowered_by_hand, note_seen, remind_of_moves
from recovery.services.raising import look_again, place, raise_lock, rules_for
from recovery.services.release import show_release_code
from recovery.services.signs import print_lock_signs, readdress_locks
from recovery.services.standing import ask_all, debt_changed, object_and_lower, stay_changed
from recovery.services.telling import tell_overdue, tell_released, tell_trouble
from recovery.services.terms import set_terms
from recovery.services.timing import chase_lowerings, give_fee_back

__all__ = [
    "RuleResult",
    "ask_all",
    "bind",
    "cancel",
    "chase_lowerings",
    "check_eligibility",
    "command_ended",
    "confirm_move",
    "debt_changed",
    "emergency_lower",
    "give_fee_back",
    "look_again",
    "lowered_by_hand",
    "note_seen",
    "object_and_lower",
    "place",
    "print_lock_signs",
    "quote_order",
    "raise_lock",
    "readdress_locks",
    "release_cleared",
    "remind_of_moves",
    "rules_for",
    "set_terms",
    "settle_order",
    "show_release_code",
    "stay_changed",
    "take_lock_report",
    "take_release_code_used",
    "tell_overdue",
    "tell_released",
    "tell_trouble",
]
