"""What a lock's report means for its order (P1.3 to P1.5). Pure."""

from dataclasses import dataclass

BY_ITSELF = ("lease", "power_loss", "low_battery", "tamper", "timeout")
SHOULD_BE_DOWN = ("paid", "lowering", "lowered", "moved", "cancelled")


@dataclass(frozen=True, slots=True)
class Effect:
    """`target`: the state to move to, if any; `ended_by`: why it ended, where this ends it.

    `problem`: what a person must look at ("" clears it); `lower`: order it down (again).
    """

    target: str | None = None
    ended_by: str = ""
    problem: str | None = None
    lower: bool = False


def effect_of(state: str, position: str, cause: str) -> Effect:
    """How an order in `state` takes the report that its lock is at `position` because of `cause`.

    A lock that went down by itself ends the order: it never rises for it again (DESIGN 4.8). An
    obstruction only ends the try to raise it.
    """
    if position == "jammed":
        return Effect(problem="jammed", lower=False)
    if position in ("raising", "raised"):
        if state in SHOULD_BE_DOWN:
            return Effect(problem="up_again" if position == "raised" else None, lower=True)
        if position == "raised" and state == "raising":
            return Effect(target="raised", problem="")
        return (
            Effect(problem="up_unasked", lower=True) if state in ("bound", "placed") else Effect()
        )
    if state == "raising" and cause == "obstruction":
        return Effect(target="placed" if position == "lowered" else None, problem="obstruction")
    if position == "lowering":
        return _down(state, "lowering", cause)
    if position == "lowered":
        return _down(state, "lowered", cause)
    return Effect()


def _down(state: str, target: str, cause: str) -> Effect:
    if state in ("paid", "lowering"):
        return Effect(target=target if target != state else None, problem="")
    if state not in ("raising", "raised"):
        return Effect(problem="" if target == "lowered" else None)
    if state == "raising" and cause in ("report", "command"):
        return Effect()  # said before it began to rise
    ended_by = "release_code" if cause == "release_code" else "lease"
    return Effect(target=target, ended_by=ended_by, problem=cause if cause in BY_ITSELF else "")
