"""Typed errors of recovery orders and their locks."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import Refused


class NotEligible(Refused):
    """At least one rule does not hold; `rules` are all of them with their answers."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.rules = rules
        reasons = " ".join(str(rule["text"]) for rule in rules if not rule["ok"])
        super().__init__(
            "not_eligible",
            _("A lock may not be used here: %(reasons)s"),
            reasons=reasons,
            rules=[rule["code"] for rule in rules if not rule["ok"]],
        )


class WrongState(Refused):
    """Not in this state of the order."""

    def __init__(self, state: str) -> None:
        super().__init__(
            "wrong_state",
            _("The order has moved on meanwhile. Look at it again."),
            state=state,
        )


class CodeNotReady(Refused):
    """The release code is for a lock that does not answer, once the order has ended."""

    def __init__(self) -> None:
        super().__init__(
            "release_code_not_ready",
            _("There is no release code to show now. Load the page again in half a minute."),
        )


class NoPhotograph(Refused):
    """A lock goes up, and is fetched, with a photograph."""

    def __init__(self) -> None:
        super().__init__("no_photograph", _("A photograph is needed for this."))


class NotNew(Refused):
    """A photograph shows one step, and is taken for it."""

    def __init__(self) -> None:
        super().__init__(
            "photograph_not_new",
            _("This photograph is from before, or shows something else already. Take a new one."),
        )


class LockNotDown(Refused):
    """A lock that is up is not taken away."""

    def __init__(self) -> None:
        super().__init__(
            "lock_not_down",
            _("The lock has not said that it is down. Lower it first, by hand if need be."),
        )


class TooLongAgo(Refused):
    """What only somebody who stands there now may do has waited in a phone."""

    def __init__(self) -> None:
        super().__init__(
            "too_long_ago",
            _("This waited too long for network and was not done. Go there and look again."),
        )
