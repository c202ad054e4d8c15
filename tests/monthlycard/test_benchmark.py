"""The benchmark of the question measures the real thing and leaves nothing behind (P4.6)."""

import json
from io import StringIO

from django.core.management import call_command

from monthlycard.models import Card, CardVehicle, Plan, Question


def test_the_benchmark_asks_through_the_interface_and_takes_its_cards_away(world, card):
    """P4.6: no timed assert; the figures are for people."""
    out = StringIO()
    call_command("benchmark_questions", questions=5, cards=20, json=True, stdout=out)
    found = json.loads(out.getvalue())
    assert (found["questions"], found["cards"]) == (5, 20)
    assert 0 < found["median_ms"] <= found["p99_ms"]
    assert (Card.objects.count(), Plan.objects.count(), Question.objects.count()) == (1, 1, 0)
    assert CardVehicle.objects.get().card == card
