"""What a lock's report means for its order (P1.3 to P1.5). Pure."""

from dataclasses import dataclass

from recovery.states import RecoveryState

BY_ITSELF = ("lease", "power_loss", "low_battery", "tamper", "timeout")
SHOULD_BE_DOWN = (
    RecoveryState.PAID,
    RecoveryState.LOWERING,
    RecoveryState.LOWERED,
    RecoveryState.MOVED,
    RecoveryState.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """`target`: the state to move to, if any; `ended_by`: why it ended, where this ends it.

    `problem`: what a person must look at ("" clears it); `lower`: order it down (again).
    """

    target: RecoveryState | None = None
    ended_by: str = ""
    problem: str | None = None
    lower: bool = False


def effect_of(state: str, position: str, cause: str) -> Effect:
    """How an order in `state` takes the report that its lock is at `position` because of `cause`.

    A lock that went down by itself ends the order: it never rises for it again (docs/rules.md 8).
    An obstruction only ends the try to raise it.
    """
    if position == "jammed":
        return Effect(problem="jammed", lower=False)
    if position in ("raising", "raised"):
        if state in SHOULD_BE_DOWN:
            return Effect(problem="up_again" if position == "raised" else None, lower=True)
        if position == "raised" and state == RecoveryState.RAISING:
            return Effect(target=RecoveryState.RAISED, problem="")
        return (
            Effect(problem="up_unasked", lower=True)
            if state in (RecoveryState.BOUND, RecoveryState.PLACED)
            else Effect()
        )
    if state == RecoveryState.RAISING and cause == "obstruction":
        return Effect(
            target=RecoveryState.PLACED if position == "lowered" else None, problem="obstruction"
        )
    if position == "lowering":
        return _down(state, RecoveryState.LOWERING, cause)
    if position == "lowered":
        return _down(state, RecoveryState.LOWERED, cause)
    return Effect()


def _down(state: str, target: RecoveryState, cause: str) -> Effect:
    if state in (RecoveryState.PAID, RecoveryState.LOWERING):
        return Effect(target=target if target != state else None, problem="")
    if state not in (RecoveryState.RAISING, RecoveryState.RAISED):
        return Effect(problem="" if target == RecoveryState.LOWERED else None)
    if state == RecoveryState.RAISING and cause in ("report", "command"):
        return Effect()  # said before it began to rise
    ended_by = "release_code" if cause == "release_code" else "lease"
    return Effect(target=target, ended_by=ended_by, problem=cause if cause in BY_ITSELF else "")
