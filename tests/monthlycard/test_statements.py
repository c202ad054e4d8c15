"""Periods, what goes into a statement, quotas, alarms, and what a lot is told (P4.6 to P4.12)."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from core import audit
from monthlycard import selectors, services
from monthlycard.api.statements import as_xlsx
from monthlycard.errors import BadTerms, OtherBody
from monthlycard.models import Agreement, Card, LotSystem, PassRecord, Plan, Question, Statement
from monthlycard.rules import signing
from monthlycard.services.lots import Report, agreement_body
from tests.core.test_transition import in_threads
from tests.monthlycard import desk
from tests.monthlycard.conftest import PLATE, agreed, grant_card
from tests.monthlycard.rules.test_fees import HOURLY, PER_ENTRY
from tests.people import TEST

CITY = ZoneInfo("Asia/Shanghai")


def ask(lot, request_id="q1", plate=PLATE, **more):
    from core import clock

    facts = {"direction": "entry", "at": clock.now(), "lots_own": None, **more}
    return services.answer_question(
        lot=lot, request_id=request_id, plate_text=plate[0], plate_colour=plate[1], **facts
    )


# ── Periods ─────────────────────────────────────────────────────────────────────────────────────
def test_periods_that_nobody_closed_in_time_are_each_closed_afterwards(world, card, clock):
    """P4.9: a sweep that was away makes three statements, not one."""
    desk.signed(world.east)
    for week in range(3):
        desk.report(world.east, card, week, clock.now() + timedelta(weeks=week), hours=1)
    clock.advance(timedelta(weeks=3))

    for _ in range(4):
        services.close_due()

    rows = Statement.objects.order_by("pk")
    assert [row.total_fen for row in rows] == [1000, 1000, 1000]
    assert [row.ends_at.astimezone(CITY).date().isoformat() for row in rows] == [
        "2026-03-09",
        "2026-03-16",
        "2026-03-23",
    ]
    assert [row.number for row in rows] == [
        "east-20260308-1",
        "east-20260315-2",
        "east-20260322-3",
    ]
    assert not any(row.items.filter(correction=True).exists() for row in rows)


def test_a_period_goes_by_the_agreement_that_held_when_it_ended(world, card, clock):
    """P4.9: a dearer one from the next Monday on changes nothing about last week."""
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=3)
    monday = clock.now().astimezone(CITY).replace(hour=0) + timedelta(days=7)
    desk.signed(world.east, terms=PER_ENTRY.to_json(), valid_from=monday)
    clock.advance(timedelta(days=8))
    desk.report(world.east, card, 2, clock.now(), hours=3)
    services.close_due()
    clock.advance(timedelta(days=7))
    services.close_due()
    rows = Statement.objects.order_by("pk")
    assert [(row.agreement.version, row.total_fen) for row in rows] == [(1, 3000), (2, 1000)]


def test_where_each_exit_is_a_period_its_statement_comes_with_the_exit(world, card, clock):
    """P4.9: no sweep before it, and a number that an address can carry."""
    desk.signed(world.east, period="exit")
    services.close_due()
    desk.report(world.east, card, 1, clock.now(), hours=1)
    desk.report(world.east, card, 2, clock.now() + timedelta(hours=2), hours=2)
    clock.advance(timedelta(hours=5))

    assert services.close_due() == 2
    assert services.close_due() == 0
    assert [(row.number, row.total_fen) for row in Statement.objects.order_by("pk")] == [
        ("east-20260302-1", 1000),
        ("east-20260302-2", 2000),
    ]
    assert set(PassRecord.objects.values_list("oddity", flat=True)) == {""}


@pytest.mark.parametrize(("period", "day"), [("week", 8), ("week", 0), ("month", 29)])
def test_an_agreement_on_a_day_that_is_none_is_refused(world, period, day):
    """P4.9."""
    with pytest.raises(BadTerms):
        agreed(world.east, period=period, period_day=day)


def test_the_hash_that_is_signed_can_be_computed_from_what_the_lot_reads(world):
    """P4.9."""
    drafted = agreed(world.east, valid_from=desk.datetime(2026, 3, 2, tzinfo=CITY))
    read = Agreement.objects.get(pk=drafted.pk)
    assert signing.agreement_hash(agreement_body(read)) == drafted.terms_hash


# ── Quotas ──────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("kind", "quota", "covered_fen", "left"),
    [
        ("none", 0, 2000, 0),
        ("money", 1500, 1500, 0),
        ("money", 5000, 2000, 3000),
        ("time", 3600, 1000, 0),
        ("time", 3599, 0, 3599),
        ("time", 7200, 2000, 0),
        ("count", 1, 1000, 0),
        ("count", 5, 2000, 3),
    ],
)
def test_a_card_covers_by_money_by_time_or_by_count(
    world, owner, clock, kind, quota, covered_fen, left
):
    """P4.12: two visits of an hour, ¥10.00 each; the rest is due."""
    Plan.objects.update(quota_kind=kind)
    card = grant_card(owner, world.plan)
    Card.objects.filter(pk=card.pk).update(quota_left=quota)
    desk.signed(world.east)
    for n in range(2):
        desk.report(world.east, card, n, clock.now() + timedelta(hours=2 * n), hours=1)
    clock.advance(timedelta(days=7))
    services.close_due()

    row = desk.deducted(desk.statement_agreed())

    card.refresh_from_db()
    assert (row.covered_fen, row.due_fen, card.quota_left) == (
        covered_fen,
        2000 - covered_fen,
        left,
    )


# ── Records ─────────────────────────────────────────────────────────────────────────────────────
def test_a_pass_with_another_vehicles_card_is_kept_shown_and_never_deducted(
    world, card, clock, merchant_client, other_merchant_client
):
    """P4.7."""
    desk.signed(world.east)
    card.plate_text = "沪C99999"
    clock.advance(timedelta(hours=2))
    outcomes = desk.report(world.east, card, 1, clock.now() - timedelta(hours=1), hours=1)
    clock.advance(timedelta(days=7))

    assert {row["oddity"] for row in outcomes} == {"other_vehicle"}
    assert services.close_due() == 0
    page = merchant_client.get("/merchant/cards/", headers={"Accept-Language": "en"})
    assert "the card is another vehicle&#x27;s" in page.content.decode()
    assert "entry-1" not in other_merchant_client.get("/merchant/cards/").content.decode()


def test_what_happened_after_a_card_ended_is_not_the_cards(world, card, clock):
    """P4.7, P4.8: a lot with an old list let it in; its end divides the stay."""
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=4)
    clock.advance(timedelta(hours=2))
    services.end_card(card_id=card.pk, actor=TEST, reason="sold")
    desk.report(world.east, card, 2, clock.now() + timedelta(hours=5), hours=4)
    clock.advance(timedelta(days=7))
    services.close_due()
    item = Statement.objects.get().items.get()
    assert (item.visit, item.fee_fen) == ("entry-1/exit-1", 2000)


def test_a_lot_that_was_taken_off_the_card_draws_nothing_on_it(world, card, clock):
    """P4.7: what it reports is kept and shown, and stands in no statement."""
    desk.signed(world.west)
    world.plan.lots.set([world.east])
    services.reissue(plan_id=world.plan.pk)
    clock.advance(timedelta(hours=2))

    outcomes = desk.report(world.west, card, 1, clock.now(), hours=5)

    assert {row["oddity"] for row in outcomes} == {"not_valid_then"}
    clock.advance(timedelta(days=7))
    assert services.close_due() == 0
    assert not Statement.objects.exists()


def test_a_visit_that_ended_before_its_lot_was_taken_off_is_still_the_cards(world, card, clock):
    """P4.7: the version that held then counts, also where the report comes after it."""
    desk.signed(world.west)
    began = clock.now()
    clock.advance(timedelta(hours=3))
    world.plan.lots.set([world.east])
    services.reissue(plan_id=world.plan.pk)
    clock.advance(timedelta(hours=3))
    outcomes = desk.report(world.west, card, 1, began, hours=2)
    assert {row["oddity"] for row in outcomes} == {""}
    clock.advance(timedelta(days=7))
    services.close_due()
    assert Statement.objects.get().total_fen == 2000


def test_passes_ahead_of_time_and_of_another_tag_are_billed_to_nobody(world, card, clock):
    """P4.1, P4.7."""
    desk.signed(world.east)
    at = clock.now()
    odd = {"1": {"passed_at": at + timedelta(minutes=11)}, "2": {"etc_plate_text": "沪A12346"}}
    for number, change in odd.items():
        desk.report(world.east, card, number, at + timedelta(hours=int(number)), hours=0.5)
        row = PassRecord.objects.get(record_id=f"exit-{number}")
        PassRecord.objects.filter(pk=row.pk).delete()
        again = desk.pass_of(card, "exit", number, row.passed_at)
        services.take_passes(lot=world.east, reports=[replace(again, **change)])
    assert dict(PassRecord.objects.exclude(oddity="").values_list("record_id", "oddity")) == {
        "exit-1": "future",
        "exit-2": "etc_differs",
    }
    clock.advance(timedelta(days=7))
    assert services.close_due() == 0


def test_a_card_named_for_the_plate_of_another_one_is_that_ones(world, card, clock, stranger):
    """P4.7: the vehicle has a card of its own, but not this one."""
    other = grant_card(stranger, world.plan, ("沪B77777", "blue"))
    desk.signed(world.east)
    other.number = card.number
    outcomes = desk.report(world.east, other, 1, clock.now(), hours=1)
    assert {row["oddity"] for row in outcomes} == {"other_vehicle"}


def test_more_visits_on_a_day_than_there_can_be_are_typed_and_not_billed(world, card, clock):
    """P4.7: 24 of a card at a lot; the next day begins anew, another lot counts for itself."""
    desk.signed(world.east, terms=PER_ENTRY.to_json())
    for number in range(25):
        last = desk.report(
            world.east, card, number, clock.now() + timedelta(minutes=number), hours=0.01
        )
    assert {row["oddity"] for row in last} == {"too_many"}
    elsewhere = desk.report(world.west, card, 1, clock.now() + timedelta(hours=1), hours=1)
    tomorrow = desk.report(world.east, card, 26, clock.now() + timedelta(days=1), hours=1)
    assert {row["oddity"] for row in [*elsewhere, *tomorrow]} == {""}
    clock.advance(timedelta(days=7))
    services.close_due()
    assert Statement.objects.get().total_fen == 25 * PER_ENTRY.entry_fen


def test_a_visit_of_months_is_shown_and_not_billed(world, card, clock, merchant_client):
    """P4.7: an exit and an entry between were lost."""
    Card.objects.update(valid_until=clock.now() + timedelta(days=365))
    card.refresh_from_db()
    services.suspend(card_id=card.pk, actor=TEST, reason="lost")
    services.resume(card_id=card.pk, actor=TEST, reason="found")
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=61 * 24)
    clock.advance(timedelta(days=70))
    for _week in range(10):
        services.close_due()
    assert not Statement.objects.exists()
    assert PassRecord.objects.get(direction="exit").oddity == "too_long"
    page = merchant_client.get("/merchant/cards/", headers={"Accept-Language": "en"})
    assert "a longer visit than there can be" in page.content.decode()


# ── Questions ───────────────────────────────────────────────────────────────────────────────────
def test_one_question_has_one_answer_whatever_happens_in_between(world, card):
    """P4.6."""
    first = ask(world.east)
    services.suspend(card_id=card.pk, actor=TEST, reason="lost")
    assert ask(world.east) == first
    assert ask(world.east, "q2")["reason"] == "suspended"
    with pytest.raises(OtherBody):
        ask(world.east, plate=("沪B00001", "blue"))


def test_a_question_that_comes_twice_at_once_is_answered_twice_alike(transactional_db, world, card):
    """P4.6."""
    answers = []
    assert in_threads(4, lambda _n: answers.append(ask(world.east))) == []
    assert [answer == answers[0] for answer in answers] == [True] * 4
    assert Question.objects.count() == 1


def test_a_lot_that_takes_no_cards_hears_so(world, card):
    """P4.8."""
    services.set_takes_cards(lot=world.east, takes=False, actor=TEST)
    answer = ask(LotSystem.objects.get(pk=world.east.pk))
    assert (answer["admit"], answer["reason"]) == ("temporary", "lot_takes_no_cards")


# ── Alarms and strangers ────────────────────────────────────────────────────────────────────────
def test_a_statement_that_its_lot_does_not_fetch_is_an_alarm_once(
    world, card, clock, merchant_client, operator_client
):
    """P4.10: for the merchant, the operator, and the lot with its next list."""
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=1)
    clock.advance(timedelta(days=7))
    services.close_due()
    assert services.notice_missed() == 0
    clock.advance(timedelta(hours=24))

    assert (services.notice_missed(), services.notice_missed()) == (1, 0)

    row = Statement.objects.get()
    assert [entry.action for entry in audit.trail(row)] == ["not_fetched"]
    page = merchant_client.get("/merchant/cards/", headers={"Accept-Language": "en"})
    assert "The lot has not fetched it" in page.content.decode()
    listed = operator_client.get("/admin/monthlycard/statement/?missed_at__isempty=0")
    assert row.number in listed.content.decode()
    assert selectors.waiting_for(world.east) == [row.number]
    street = merchant_client.get("/merchant/", headers={"Accept-Language": "en"})
    assert "The lot has not fetched its statement." in street.content.decode()


def test_a_statement_that_was_fetched_is_none(world, card, clock):
    """P4.10."""
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=1)
    clock.advance(timedelta(days=7))
    services.close_due()
    Statement.objects.update(fetched_at=clock.now())
    clock.advance(timedelta(days=2))
    assert services.notice_missed() == 0


def test_a_merchant_opens_only_the_statements_of_their_own_lots(
    world, card, clock, merchant_client, other_merchant_client, cashier, anonymous
):
    """P4.10."""
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=1)
    clock.advance(timedelta(days=7))
    services.close_due()
    row = Statement.objects.get()
    address = f"/merchant/cards/statements/{row.number}"
    mine = merchant_client.get(f"{address}/csv/")
    assert mine.content.decode() == row.csv
    assert merchant_client.get(f"{address}/xlsx/").content[:2] == b"PK"
    assert merchant_client.get(f"{address}/exe/").status_code == 404
    assert other_merchant_client.get(f"{address}/csv/").status_code == 404
    assert anonymous.get(f"{address}/csv/").status_code == 302


def test_what_a_lot_writes_into_its_records_is_no_formula_in_the_statement(
    world, card, clock, merchant_client
):
    """P4.9, P4.10."""
    desk.signed(world.east)
    at, plate = clock.now(), card.plate_text
    for direction, hours in (("entry", 0), ("exit", 1)):
        report = Report(
            record_id=f"-{direction}",
            direction=direction,
            flow="card",
            reason="valid",
            plate_text=plate,
            plate_colour=card.plate_colour,
            etc_plate_text="",
            card_number=card.number,
            passed_at=at + timedelta(hours=hours),
            count_today=1,
        )
        clock.move_to(report.passed_at)
        services.take_passes(lot=world.east, reports=[report])
    PassRecord.objects.update(plate_colour="=1+1\n\x01")  # as a record could once say
    clock.advance(timedelta(days=7))
    services.close_due()
    row = Statement.objects.get()

    (line,) = csv.DictReader(io.StringIO(row.csv, newline=""))
    assert (line["visit"], line["colour"]) == ("'-entry/-exit", "'=1+1\n\ufffd")
    assert (line["plate"], line["fee_fen"]) == (plate, str(row.total_fen))
    # what was sealed before stays as it was sealed; its workbook is safe all the same
    Statement.objects.update(csv=row.csv.replace("'", "").replace("\ufffd", "\x01"))
    for kept in (row, Statement.objects.get()):
        cells = list(load_workbook(io.BytesIO(as_xlsx(kept))).active.iter_rows())[1]
        assert [cell.data_type for cell in cells] == ["s"] * 7 + ["n"] * 3
        assert [cell.value for cell in cells][:4] == [
            "'-entry/-exit",
            card.number,
            plate,
            "'=1+1\n\ufffd",
        ]
    mine = merchant_client.get(f"/merchant/cards/statements/{row.number}/csv/")
    assert mine.content.decode() == Statement.objects.get().csv


def test_the_operator_drafts_an_agreement_and_a_bad_one_is_not_kept(world, operator_client):
    """P4.9: a real installation's steps are pages."""
    facts = {
        "lot": world.east.pk,
        "terms": '{"basis": "count", "entry_fen": 1000}',
        "when_expired": "split",
        "period": "week",
        "period_day": 1,
        "silence_agrees_after_h": "",
        "valid_from_0": "2026-03-02",
        "valid_from_1": "00:00",
    }
    operator_client.post("/admin/monthlycard/agreement/add/", {**facts, "terms": '{"basis": "x"}'})
    assert Agreement.objects.count() == 0
    operator_client.post("/admin/monthlycard/agreement/add/", facts)
    assert Agreement.objects.get().version == 1


# ── Great amounts ───────────────────────────────────────────────────────────────────────────────
def test_a_statement_of_millions_is_summed_and_deducted_to_the_fen(world, card, clock):
    """P4.9, P4.12: two visits of two days at the dearest price that can be agreed on."""
    dearest = {**HOURLY.to_json(), "unit_s": 60}
    dearest["windows"] = [{**dearest["windows"][0], "unit_fen": 1_000_000}]
    desk.signed(world.east, terms=dearest)
    for n in range(2):
        desk.report(world.east, card, n, clock.now() + timedelta(days=2 * n), hours=47)
    clock.advance(timedelta(days=7))
    services.close_due()

    row = desk.deducted(desk.statement_agreed())

    each_fen = 47 * 60 * 1_000_000
    assert [item.fee_fen for item in row.statement.items.all()] == [each_fen, each_fen]
    assert row.statement.total_fen == row.fee_fen == 2 * each_fen
    assert (row.covered_fen, row.due_fen) == (30_000, 2 * each_fen - 30_000)


def test_an_agreement_on_a_price_beyond_all_reason_is_refused(world):
    """P4.9."""
    terms = HOURLY.to_json()
    terms["windows"] = [{**terms["windows"][0], "unit_fen": 1_000_001}]
    with pytest.raises(BadTerms):
        agreed(world.east, terms=terms)
    with pytest.raises(BadTerms):
        agreed(world.east, terms={**PER_ENTRY.to_json(), "entry_fen": 1_000_001})
    assert not Agreement.objects.exists()


def test_a_plan_beyond_one_payment_is_refused_where_the_operator_types_it(world, operator_client):
    typed = {
        "merchant": world.plan.merchant_id,
        "code": "gold",
        "name": "金卡",
        "days": 30,
        "quota_kind": "none",
        "quota": 0,
        "lots": [world.east.pk],
    }
    page = operator_client.post(
        "/admin/monthlycard/plan/add/",
        {**typed, "price_fen": "100,000,000.01"},
        headers={"accept-language": "en"},
    )
    assert "One amount is at most ¥100,000,000.00" in page.content.decode()

    operator_client.post("/admin/monthlycard/plan/add/", {**typed, "price_fen": "¥100,000,000.00"})
    assert Plan.objects.get(code="gold").price_fen == 10**10


def test_the_operator_types_a_plan_in_yuan(world, operator_client):
    add = "/admin/monthlycard/plan/add/"
    typed = {
        "merchant": world.plan.merchant_id,
        "code": "silver",
        "name": "银卡",
        "days": 30,
        "quota_kind": "money",
        "quota": "1,000.50",
        "lots": [world.east.pk],
    }
    english = {"accept-language": "en"}
    page = operator_client.post(add, {**typed, "price_fen": "1.234"}, headers=english)
    assert "Write an amount in yuan with at most two decimals" in page.content.decode()
    assert 'value="1.234"' in page.content.decode()
    assert 'value="1,000.50"' in page.content.decode()
    below = operator_client.post(add, {**typed, "price_fen": "-1"}, headers=english)
    assert "An amount is never below ¥0.00." in below.content.decode()

    operator_client.post(add, {**typed, "price_fen": "4,318.50"})
    plan = Plan.objects.get(code="silver")
    assert (plan.price_fen, plan.quota) == (431_850, 100_050)
    form = operator_client.get(f"/admin/monthlycard/plan/{plan.pk}/change/").content.decode()
    assert 'value="4,318.50"' in form
    assert 'value="1,000.50"' in form

    operator_client.post(
        f"/admin/monthlycard/plan/{plan.pk}/change/",
        {**typed, "price_fen": "300元", "quota_kind": "count", "quota": "12"},
    )
    plan.refresh_from_db()
    assert (plan.price_fen, plan.quota_kind, plan.quota) == (30_000, "count", 12)
