"""Which help fits: what is expected to bring most, less its cost and annoyance (P0.5)."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

HOLDOUT_SHARE = 0.10
SMALLEST_PART_FEN = 2_000  # nobody is helped by paying 3 yuan in two parts
FORGETFUL_FROM = 0.15  # share of late stays from which somebody is taken to forget
OVERDUE_FROM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A scheme as the operator keeps it; the lifts add up and never exceed 1."""

    code: str
    channel: str
    contacts: int
    instalments: int
    cost_fen: int
    annoyance_fen: int
    lift: float
    lift_forgetful: float = 0.0
    lift_overdue: float = 0.0
    is_plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The unpaid stay and what its portrait says that matters here."""

    amount_fen: int
    probability: float
    late_share: float = 0.0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Weighed:
    code: str
    expected_fen: int


def expected_fen(offer: Offer, case: Case) -> int:
    """What the scheme brings on average beyond doing nothing, less cost and annoyance."""
    lift = offer.lift
    if case.late_share >= FORGETFUL_FROM:
        lift += offer.lift_forgetful
    if case.overdue >= OVERDUE_FROM:
        lift += offer.lift_overdue
    gain = case.amount_fen * case.probability * min(1.0, lift)
    return round(gain) - offer.contacts * (offer.cost_fen + offer.annoyance_fen)


def choose(
    offers: Iterable[Offer], case: Case, *, reachable: Collection[str], holdout: bool
) -> tuple[Offer, list[Weighed]]:
    """The best offer over a channel that reaches the person, and all that were weighed.

    A person in the holdout gets the plain one. So does a person for whom nothing is worth its cost:
    nobody at risk is left without help. Where no channel of any offer reaches, the page does.
    """
    usable = [one for one in offers if one.channel in reachable and _parts_fit(one, case)]
    plain = [one for one in usable if one.is_plain]
    candidates = plain if holdout and plain else usable
    if not candidates:
        raise ValueError("no scheme in use can reach anybody")
    weighed = [Weighed(one.code, expected_fen(one, case)) for one in candidates]
    best = max(zip(weighed, candidates, strict=True), key=lambda pair: pair[0].expected_fen)
    if best[0].expected_fen <= 0 and plain:
        return plain[0], weighed
    return best[1], weighed


def _parts_fit(offer: Offer, case: Case) -> bool:
    return offer.instalments == 1 or case.amount_fen // offer.instalments >= SMALLEST_PART_FEN


def in_holdout(subject: str, *, salt: str, share: float = HOLDOUT_SHARE) -> bool:
    """Whether this person belongs to the group that measures what assistance adds.

    The same person stays in or out for one `salt` (an experiment's name), however often asked.
    """
    digest = hashlib.sha256(f"{salt}\x00{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64
