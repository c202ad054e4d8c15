"""Two makers' lots against the platform on real sockets (P4.1 to P4.13)."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from monthlycard import services
from monthlycard.client import LotClient, PlatformRefused, PlatformSilent
from monthlycard.models import Agreement, Deduction, PassRecord, Question, Statement
from tests.core.test_transition import in_threads
from tests.monthlycard.conftest import PLATE, agreed, grant_card


@pytest.fixture
def held(live, clock, world, owner, live_world):
    """A live platform, a card that opens both lots, the clock held."""
    return grant_card(owner, world.plan)


def visit(lot, clock, hours, plate=PLATE):
    entry = lot.enter(*plate)
    clock.advance(timedelta(hours=hours))
    return entry, lot.leave(*plate)


def test_a_granted_card_reaches_both_makers_lots_and_opens_them(held, list_lot, ask_lot, clock):
    """P4.3, P4.4, P4.5, P4.6, P4.13."""
    assert list_lot.sync() == 1

    by_list, by_answer = list_lot.enter(*PLATE), ask_lot.enter(*PLATE)

    assert (by_list.flow, by_list.barrier_opened, by_list.card) == ("card", True, held.number)
    assert (by_answer.flow, by_answer.barrier_opened, by_answer.card) == ("card", True, held.number)
    question = Question.objects.get()
    assert (question.lot.code, question.admitted, question.reason) == ("west", True, "valid")


def test_a_lot_that_was_away_catches_up_revocations_included(held, list_lot, clock):
    """P4.4."""
    list_lot.sync()
    services.suspend(card_id=held.pk, actor="user:1", reason="lost")

    assert list_lot.enter(*PLATE).flow == "card"  # its list is old, and it says so honestly
    assert list_lot.sync() == 1
    suspended = list_lot.enter(*PLATE)

    assert (suspended.flow, suspended.reason) == ("temporary", "suspended")


def test_list_and_answer_are_compared_and_a_disagreement_is_recorded(held, ask_lot, clock):
    """P4.6."""
    ask_lot.sync()
    services.suspend(card_id=held.pk, actor="user:1", reason="lost")

    assert ask_lot.enter(*PLATE).flow == "temporary"

    assert ask_lot.disagreements == [(PLATE[0], True, False)]
    assert Question.objects.get().disagreed


def test_without_an_answer_a_lot_goes_by_its_own_list(held, ask_lot, clock):
    """P4.6."""
    ask_lot.sync()
    now = ask_lot.now()
    ask_lot.client.base = "http://127.0.0.1:9"  # nobody listens there

    assert ask_lot.enter(*PLATE, at=now).flow == "card"
    with pytest.raises(PlatformSilent):
        ask_lot.report()
    assert len(ask_lot.unreported) == 1


def test_a_vehicle_without_card_passes_as_temporary(held, list_lot, ask_lot):
    """P4.8."""
    list_lot.sync()
    for lot in (list_lot, ask_lot):
        movement = lot.enter("沪B00001", "blue")
        assert (movement.flow, movement.reason, movement.barrier_opened) == (
            "temporary",
            "no_card",
            True,
        )


def test_the_etc_tag_and_the_read_plate_are_compared_and_neither_overwrites(held, list_lot):
    """P4.1."""
    list_lot.sync()
    list_lot.enter(*PLATE, etc="沪A12346")
    list_lot.report()
    row = PassRecord.objects.get()
    assert (row.plate_text, row.etc_plate_text, row.oddity) == (
        PLATE[0],
        "沪A12346",
        "etc_differs",
    )


def test_records_count_once_however_often_they_are_sent(held, list_lot, clock):
    """P4.7."""
    list_lot.sync()
    visit(list_lot, clock, 2)
    again = list(list_lot.unreported)
    list_lot.report()
    list_lot.unreported = again

    assert {row["outcome"] for row in list_lot.report()} == {"again"}

    assert PassRecord.objects.count() == 2
    assert list(PassRecord.objects.order_by("passed_at").values_list("count_today", flat=True)) == [
        1,
        1,
    ]


def test_a_record_that_comes_again_with_another_content_is_typed_and_changes_nothing(
    held, list_lot, clock
):
    """P4.7."""
    list_lot.sync()
    movement = list_lot.enter(*PLATE)
    list_lot.report()
    list_lot.unreported = [replace(movement, at=movement.at + timedelta(minutes=5))]

    assert list_lot.report()[0]["outcome"] == "record_differs"
    assert PassRecord.objects.get().passed_at == movement.at


def test_the_same_batch_from_four_connections_at_once_is_stored_once(held, live, world, list_lot):
    """P4.7."""
    list_lot.sync()
    list_lot.enter(*PLATE)
    body = {"records": [list_lot._as_report(m) for m in list_lot.unreported]}
    secret = world.secrets["east"]

    def send(_n: int) -> None:
        LotClient(live.http, "east", secret).post("passes/", body)

    assert in_threads(4, send) == []
    assert PassRecord.objects.count() == 1


def test_an_exit_after_the_cards_end_is_refused_and_reported_with_that_reason(
    held, list_lot, clock
):
    """P4.7."""
    list_lot.sync()
    list_lot.at_expiry = "refused"
    list_lot.enter(*PLATE)
    clock.advance(timedelta(days=31))

    refused = list_lot.leave(*PLATE)
    list_lot.report()

    assert (refused.flow, refused.reason, refused.barrier_opened) == ("refused", "expired", False)
    assert PassRecord.objects.get(direction="exit").reason == "expired"


def test_a_statement_is_made_sent_checked_and_only_then_deducted(
    held, list_lot, ask_lot, clock, run_reactions
):
    """P4.9, P4.10, P4.11, P4.12, to the fen, by two makers."""
    list_lot.sync()
    for lot, hours in ((list_lot, 3), (ask_lot, 2)):
        visit(lot, clock, hours)
        lot.report()
    clock.advance(timedelta(days=7))

    assert services.close_due() == 2
    assert services.close_due() == 0
    assert Deduction.objects.count() == 0

    for lot in (list_lot, ask_lot):
        assert lot.check(lot.open_statements()[0]) == {"agreed": True, "differences": []}
    run_reactions()

    held.refresh_from_db()
    fees = dict(Deduction.objects.values_list("statement__lot__code", "fee_fen"))
    assert fees == {"east": 3000, "west": 2000}
    assert held.quota_left == 30000 - 5000
    assert set(Statement.objects.values_list("state", flat=True)) == {"deducted"}


def test_a_lot_that_counted_otherwise_gets_typed_differences_and_nothing_is_deducted(
    held, list_lot, clock, run_reactions
):
    """P4.11, P4.12."""
    list_lot.sync()
    visit(list_lot, clock, 2)
    list_lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    first = list_lot.movements[0]
    list_lot.movements[0] = replace(first, at=first.at + timedelta(hours=1))

    answer = list_lot.check(list_lot.open_statements()[0])
    run_reactions()

    assert [found["kind"] for found in answer["differences"]] == ["time"]
    assert answer["differences"][0]["proposal"]
    assert Statement.objects.get().state == "disputed"
    assert Deduction.objects.count() == 0


def test_late_records_go_into_the_next_statement_as_corrections(held, list_lot, clock):
    """P4.9."""
    list_lot.sync()
    visit(list_lot, clock, 1)
    late = list(list_lot.unreported)
    list_lot.unreported.clear()
    visit(list_lot, clock, 1)
    list_lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    list_lot.unreported = late

    assert {row["oddity"] for row in list_lot.report()} == {"late"}
    clock.advance(timedelta(days=7))
    services.close_due()

    first, second = Statement.objects.order_by("pk")
    assert (first.total_fen, second.total_fen) == (1000, 1000)
    assert second.items.get().correction


def test_four_that_close_at_once_make_one_statement(held, list_lot, clock):
    """P4.9."""
    list_lot.sync()
    visit(list_lot, clock, 2)
    list_lot.report()
    clock.advance(timedelta(days=7))

    assert in_threads(4, lambda _n: services.close_due()) == []
    assert Statement.objects.count() == 1


def test_an_agreed_statement_is_deducted_once_by_however_many(held, list_lot, clock):
    """P4.12."""
    list_lot.sync()
    visit(list_lot, clock, 2)
    list_lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    list_lot.check(list_lot.open_statements()[0])
    statement = Statement.objects.get()

    done = in_threads(4, lambda _n: services.deduct(statement_id=statement.pk, actor="user:1"))

    held.refresh_from_db()
    assert done == []
    assert (Deduction.objects.count(), held.quota_left) == (1, 28000)


def test_silence_agrees_only_where_the_signed_agreement_says_so(
    held, list_lot, ask_lot, world, clock
):
    """P4.12."""
    agreed(world.east, silence_agrees_after_h=72)
    list_lot.agree()
    list_lot.sync()
    for lot in (list_lot, ask_lot):
        visit(lot, clock, 1)
        lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    for lot in (list_lot, ask_lot):
        lot.client.get(f"statements/{lot.open_statements()[0]}/")
    clock.advance(timedelta(hours=73))
    services.take_silence()

    states = dict(Statement.objects.values_list("lot__code", "state"))
    assert states == {"east": "agreed", "west": "sent"}


def test_what_the_card_does_not_cover_stays_due(held, list_lot, world, clock, run_reactions):
    """P4.12."""
    held.quota_left = 1500
    held.save(update_fields=["quota_left"])
    list_lot.sync()
    visit(list_lot, clock, 2)
    list_lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    list_lot.check(list_lot.open_statements()[0])
    run_reactions()

    row = Deduction.objects.get()
    assert (row.covered_fen, row.due_fen) == (1500, 500)
    assert services.quote_deduction(row.pk).amount_fen == 500


def test_the_statements_files_fit_its_checksum_and_hold_only_this_lots_lines(
    held, list_lot, ask_lot, clock
):
    """P4.10."""
    list_lot.sync()
    visit(list_lot, clock, 2)
    list_lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    number = list_lot.open_statements()[0]

    assert list_lot.client.get_file(f"statements/{number}/", file="xlsx")[:2] == b"PK"
    with pytest.raises(PlatformRefused) as refused:
        ask_lot.client.get(f"statements/{number}/")
    assert refused.value.status == 404


@pytest.mark.parametrize("fault", ["secret", "replay", "clock", "body"])
def test_a_request_that_is_not_signed_right_is_refused(live, live_world, fault, monkeypatch, clock):
    """P4.6: signed both ways."""
    client = LotClient(live.http, "east", live_world.secrets["east"])
    if fault == "secret":
        client.secret = "guessed"
    if fault == "replay":
        monkeypatch.setattr(
            "monthlycard.client.connection.secrets.token_urlsafe", lambda n: "n" * 16
        )
        client.get("time/")
    if fault == "clock":
        slow = SimpleNamespace(time=lambda: 1_700_000_000)  # the lot's clock alone
        monkeypatch.setattr("monthlycard.client.connection.time", slow)
    if fault == "body":
        send = client.session.request
        monkeypatch.setattr(
            client.session,
            "request",
            lambda method, url, data, **rest: send(method, url, data=b'{"records": []}', **rest),
        )
    with pytest.raises(PlatformRefused) as refused:
        client.post("passes/", {"records": [{}]}) if fault == "body" else client.get("time/")
    assert (refused.value.status, refused.value.problem["code"]) == (401, "bad_signature")


def test_an_agreement_binds_only_when_both_have_signed_these_very_terms(live, live_world, clock):
    """P4.9."""
    agreement = Agreement.objects.get(lot=live_world.east)
    client = LotClient(live.http, "east", live_world.secrets["east"])
    with pytest.raises(PlatformRefused):
        client.post("agreement/", {"version": 1, "signature": client.sign("other terms")})
    agreement.refresh_from_db()
    assert agreement.state == "draft"

    client.post("agreement/", {"version": 1, "signature": client.sign(agreement.terms_hash)})
    agreement.refresh_from_db()
    assert agreement.state == "signed"


def test_a_lots_own_count_of_millions_is_kept_as_a_difference_and_beyond_reason_refused(
    held, list_lot, clock
):
    """P4.11."""
    list_lot.sync()
    visit(list_lot, clock, 2)
    list_lot.report()
    clock.advance(timedelta(days=7))
    services.close_due()
    statement = list_lot.client.get(f"statements/{list_lot.open_statements()[0]}/")
    line = {name: value for name, value in statement["lines"][0].items() if name != "correction"}

    def check(fee_fen):
        body = {"checksum": statement["checksum"], "lines": [{**line, "fee_fen": fee_fen}]}
        return list_lot.client.post(f"statements/{statement['number']}/check/", body)

    with pytest.raises(PlatformRefused) as refused:
        check(10**10 + 1)
    assert refused.value.status == 400
    assert Statement.objects.get().state == "sent"

    assert check(3_000_000_000)["differences"][0]["lot_fen"] == 3_000_000_000
    assert Statement.objects.get().differences.get().lot_fen == 3_000_000_000
