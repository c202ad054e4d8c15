"""What a card's quota covers of the visits of a statement, and what that takes off it."""

import pytest

from monthlycard.rules import Cover, cover, quota_needed
from monthlycard.rules.cover import Charge

VISITS = [Charge(500, 3600), Charge(900, 7200), Charge(300, 1800)]


@pytest.mark.parametrize(
    ("kind", "left", "covered"),
    [
        ("none", 0, Cover(1700, 0)),
        ("money", 1700, Cover(1700, 1700)),
        ("money", 1699, Cover(1699, 1699)),
        ("money", 1800, Cover(1700, 1700)),
        ("time", 12600, Cover(1700, 12600)),
        ("time", 12599, Cover(1400, 10800)),
        ("time", 5400, Cover(800, 5400)),  # the second does not fit, the third does
        ("time", 0, Cover(0, 0)),
        ("count", 3, Cover(1700, 3)),
        ("count", 2, Cover(1400, 2)),
        ("count", 0, Cover(0, 0)),
    ],
)
def test_whole_visits_are_covered_while_the_quota_lasts_and_money_to_the_fen(kind, left, covered):
    assert cover(kind, left, VISITS) == covered


@pytest.mark.parametrize(
    ("kind", "needed"), [("none", 0), ("money", 1700), ("time", 12600), ("count", 3)]
)
def test_what_all_visits_would_take(kind, needed):
    assert quota_needed(kind, VISITS) == needed
