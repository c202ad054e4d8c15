"""Typed errors of debts, objections and risk models."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import Refused


class DebtMoved(Refused):
    """Optimistic-lock conflict: the debt is no longer what the person saw."""

    def __init__(self, **facts: Any) -> None:
        super().__init__("debt_moved", _("This has changed meanwhile. Look at it again."), **facts)


class DemandIsOut(Refused):
    """Conflict: what a person agreed to has gone out already."""

    def __init__(self) -> None:
        super().__init__(
            "demand_is_out",
            _("The demand has gone out. Say that something is not right, and it is held at once."),
        )


class NotLookedAt(Refused):
    """No demand before a person has seen what it rests on (docs/rules.md L11)."""

    def __init__(self) -> None:
        super().__init__(
            "not_looked_at", _("Look at the picture and the times of this debt first.")
        )


class VehicleExempt(Refused):
    """Two persons have exempted this vehicle: nothing is demanded of it."""

    def __init__(self) -> None:
        super().__init__(
            "exempt",
            _("This vehicle is exempt: leave no notice at it."),
        )


class NothingToObject(Refused):
    """None of the stays named is open any more."""

    def __init__(self) -> None:
        super().__init__(
            "nothing_to_object", _("Nothing is asked of you here any more; all is settled.")
        )


class DisputeDecided(Refused):
    """Conflict: the objection was decided or withdrawn meanwhile."""

    def __init__(self) -> None:
        super().__init__("dispute_decided", _("This objection is already decided."))


class ModelNotBetter(Refused):
    """A model takes over only after it was better in shadow (P0.3)."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(
            "model_not_better",
            _(
                "This model may not take over: it needs %(needed)s judged stays in shadow and a "
                "lower error than the serving one."
            ),
            **facts,
        )
