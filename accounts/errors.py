"""What refuses, or puts off, an act of people here."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import BoweiError, Refused
from core.money import format_fen


class AwaitsSecondPerson(BoweiError):
    """Nothing has been done yet: above the limit of one person another must agree.

    Raised after the proposal has been written, so whoever catches it keeps that.
    """

    status = 202
    keeps = True

    def __init__(self, proposal: Any) -> None:
        message: Any = _(
            "Nothing is done yet: another person must agree to this. It waits as proposal"
            " %(proposal)s, and you will be told."
        )
        facts: dict[str, Any] = {"proposal": proposal.pk}
        if proposal.amount_fen is not None:
            message = _(
                "Nothing is done yet: %(amount)s is more than one person may decide, another must"
                " agree. It waits as proposal %(proposal)s, and you will be told."
            )
            facts |= {"amount": format_fen(proposal.amount_fen)}
        super().__init__("awaits_second_person", message, **facts)


class OtherProposal(Refused):
    """The same thing waits already, proposed otherwise."""

    def __init__(self, proposal: Any) -> None:
        super().__init__(
            "other_proposal",
            _(
                "Another proposal about this waits as number %(proposal)s: answer or take back"
                " that one first."
            ),
            proposal=proposal.pk,
        )


class ProposalAnswered(Refused):
    """Somebody, or time, was first."""

    def __init__(self) -> None:
        super().__init__("proposal_answered", _("This proposal has been answered meanwhile."))


class ProposalGrown(Refused):
    """What would be decided is more than was proposed."""

    def __init__(self, was_fen: int, now_fen: int) -> None:
        super().__init__(
            "proposal_grown",
            _("%(was)s was proposed, and it has become %(now)s: it must be proposed anew."),
            was=format_fen(was_fen),
            now=format_fen(now_fen),
        )


class OwnProposal(Refused):
    def __init__(self) -> None:
        super().__init__("own_proposal", _("Another person must answer what you have proposed."))
