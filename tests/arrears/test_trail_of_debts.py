"""What a question holds and lets go, what a person has seen, which time is over: all is told."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from arrears import services
from arrears.models import Debt, Look, Watch
from arrears.services import looks, watches
from tests.arrears.test_assistance import at_risk  # noqa: F401
from tests.arrears.test_looks import unseen  # noqa: F401
from tests.street import TEST
from tests.trail import events, moves


def test_a_debt_that_is_contested_and_asked_for_again_is_told(debt: Debt) -> None:
    told = [{"debt_id": debt.pk}]
    [dispute] = services.object(stay_ids=[debt.stay_id], reason="other", actor="owner")
    assert events("arrears.debt_disputed") == told
    assert events("arrears.debt_resumed") == []
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="It stood there.", actor="user:1"
    )
    assert events("arrears.debt_resumed") == told
    assert moves(debt)[-1] == ("disputed", "open", "user:1", "objection over")


def test_evidence_that_a_person_saw_is_told_once(unseen: Debt) -> None:  # noqa: F811
    assert events("arrears.evidence_seen") == []
    for _twice in range(2):
        services.agree([unseen.look.pk], actor="user:7")
    assert events("arrears.evidence_seen") == [{"debt_id": unseen.pk}]
    assert moves(unseen.look)[-1] == ("waiting", "agreed", "user:7", "")


def test_evidence_that_the_owner_confirmed_is_told_once(unseen: Debt) -> None:  # noqa: F811
    look = Look.objects.get(debt=unseen)
    with transaction.atomic():
        found = [looks.confirm([unseen.pk], how="paid", actor=TEST) for _twice in range(2)]
    assert found == [[look.pk], []]
    assert events("arrears.evidence_seen") == [{"debt_id": unseen.pk}]
    assert moves(look)[-1] == ("waiting", "confirmed", TEST, "paid")


def test_a_predicted_time_that_is_over_is_told_once_and_not_a_second_before(
    at_risk: Any,  # noqa: F811
    clock: Any,
) -> None:
    stay = at_risk()
    watch = Watch.objects.get()
    clock.move_to(watch.due_at - timedelta(seconds=1))
    assert services.end_watches() == 0
    clock.move_to(watch.due_at)
    assert [services.end_watches() for _twice in range(2)] == [1, 0]
    assert events("arrears.watch_ran_out") == [{"watch_id": watch.pk, "stay_id": stay.pk}]
    assert moves(watch)[-1] == ("watching", "ran_out", watches.SYSTEM, "")
