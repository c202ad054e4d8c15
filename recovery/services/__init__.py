"""Changes to recovery orders: bind, place, raise, end, fetch."""

from recovery.services.binding import bind, check_eligibility
from recovery.services.ending import (
    cancel,
    emergency_lower,
    end_disputed,
    end_misread,
    end_questioned,
    end_raised,
    give_up_for_stay,
    object_and_lower,
    quote_order,
    release_cleared,
    release_dropped,
    settle_order,
)
from recovery.services.facts import RuleResult
from recovery.services.lock import command_ended, take_lock_report, take_release_code_used
from recovery.services.moving import confirm_move, note_seen, remind_of_moves
from recovery.services.raising import place, raise_lock, rules_for
from recovery.services.release import show_release_code

__all__ = [
    "RuleResult",
    "bind",
    "cancel",
    "check_eligibility",
    "command_ended",
    "confirm_move",
    "emergency_lower",
    "end_disputed",
    "end_misread",
    "end_questioned",
    "end_raised",
    "give_up_for_stay",
    "note_seen",
    "object_and_lower",
    "place",
    "quote_order",
    "raise_lock",
    "release_cleared",
    "release_dropped",
    "remind_of_moves",
    "rules_for",
    "settle_order",
    "show_release_code",
    "take_lock_report",
    "take_release_code_used",
]
