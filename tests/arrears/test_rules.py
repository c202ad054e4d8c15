"""The pure rules by properties: contact hours, schemes, the list, the cost of a contact."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.rules import contacts
from arrears.risk import survival
from arrears.risk.calibration import isotonic
from arrears.rules import listing, schemes
from arrears.rules.cost import Costs, threshold
from arrears.states import ListingState
from core.calendar import CITY

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


# ── Contact hours (P0.6) ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("clock", "quiet"),
    [
        ("21:59", False),
        ("22:00", True),
        ("23:59", True),
        ("00:00", True),
        ("07:59", True),
        ("08:00", False),
        ("12:00", False),
    ],
)
def test_nobody_is_contacted_from_ten_at_night_to_eight_city_time(clock: str, quiet: bool) -> None:
    at = datetime.fromisoformat(f"2026-03-02T{clock}").replace(tzinfo=CITY)
    assert contacts.is_quiet(at.astimezone(UTC)) is quiet


@given(MOMENTS, st.lists(MOMENTS, max_size=12))
def test_the_next_contact_keeps_every_limit_and_is_never_earlier(
    at: datetime, earlier: list[datetime]
) -> None:
    moment = contacts.next_allowed(at, earlier)
    assert moment >= at
    assert not contacts.is_quiet(moment)
    for span, most in ((contacts.DAY, contacts.A_DAY), (contacts.WEEK, contacts.A_WEEK)):
        assert sum(moment - span < one <= moment for one in earlier) < most


@given(MOMENTS)
def test_without_earlier_contacts_only_the_night_puts_one_off(at: datetime) -> None:
    moment = contacts.next_allowed(at, [])
    assert moment - at <= timedelta(hours=10)
    assert contacts.is_quiet(at) or moment == at


# ── Schemes (P0.5) ───────────────────────────────────────────────────────────────────────────
OFFERS = st.lists(
    st.builds(
        schemes.Offer,
        code=st.text("abcdefgh", min_size=3, max_size=6),
        channel=st.sampled_from(["sms", "page", "call"]),
        contacts=st.integers(1, 5),
        instalments=st.integers(1, 4),
        cost_fen=st.integers(0, 500),
        annoyance_fen=st.integers(0, 100),
        lift=st.floats(0, 1),
        is_plain=st.booleans(),
    ),
    max_size=8,
)
CASES = st.builds(
    schemes.Case,
    amount_fen=st.integers(1, 100_000),
    probability=st.floats(0, 1),
    late_share=st.floats(0, 1),
    overdue=st.integers(0, 10),
)
PLAIN = schemes.Offer(
    code="plain",
    channel="page",
    contacts=1,
    instalments=1,
    cost_fen=5,
    annoyance_fen=5,
    lift=0.1,
    is_plain=True,
)


@given(OFFERS, CASES)
def test_the_chosen_scheme_is_the_best_that_reaches_or_the_plain_one(
    offers: list[schemes.Offer], case: schemes.Case
) -> None:
    best, weighed = schemes.choose([*offers, PLAIN], case, reachable={"page", "sms"}, holdout=False)
    assert best.channel in ("page", "sms")
    assert best.is_plain or schemes.expected_fen(best, case) == max(
        one.expected_fen for one in weighed
    )


@given(OFFERS, CASES)
def test_the_holdout_gets_the_plain_reminder_and_nobody_gets_nothing(
    offers: list[schemes.Offer], case: schemes.Case
) -> None:
    best, _weighed = schemes.choose([*offers, PLAIN], case, reachable={"page"}, holdout=True)
    assert best.is_plain


@given(st.text(min_size=1, max_size=30))
def test_a_person_stays_in_or_out_of_the_holdout(subject: str) -> None:
    assert schemes.in_holdout(subject, salt="a") is schemes.in_holdout(subject, salt="a")
    assert not schemes.in_holdout(subject, salt="a", share=0.0)
    assert schemes.in_holdout(subject, salt="a", share=1.0)


def test_the_holdout_has_the_share_that_it_should() -> None:
    inside = sum(schemes.in_holdout(f"user:{n}", salt="x", share=0.1) for n in range(20_000))
    assert 1_850 < inside < 2_150


def test_small_fees_are_not_cut_into_parts() -> None:
    parts = schemes.Offer(
        code="parts",
        channel="page",
        contacts=1,
        instalments=3,
        cost_fen=0,
        annoyance_fen=0,
        lift=0.9,
    )
    small = schemes.Case(amount_fen=1200, probability=0.9)
    large = schemes.Case(amount_fen=9000, probability=0.9)
    assert schemes.choose([parts, PLAIN], small, reachable={"page"}, holdout=False)[0] is PLAIN
    assert schemes.choose([parts, PLAIN], large, reachable={"page"}, holdout=False)[0] is parts


# ── The list (P3.2) ──────────────────────────────────────────────────────────────────────────
OWED = st.lists(
    st.builds(
        listing.Owed,
        amount_fen=st.integers(1, 10_000),
        demanded_at=st.none() | MOMENTS,
        held=st.booleans(),
        rule=st.just(listing.Rule(amount_fen=1, count=1)),
    ),
    max_size=6,
)
GRACE = timedelta(hours=72)


@given(OWED, MOMENTS)
def test_nobody_is_active_without_a_delivered_demand_and_its_grace(
    owed: list[listing.Owed], now: datetime
) -> None:
    place = listing.place(owed, now=now, grace=GRACE)
    free = [one for one in owed if not one.held]
    over = [one for one in free if one.demanded_at and one.demanded_at + GRACE <= now]
    assert (place.state == ListingState.ACTIVE) is bool(over)
    assert (place.state == ListingState.GONE) is (not owed)
    assert place.amount_fen == sum(one.amount_fen for one in free)
    if place.due_at is not None:
        assert listing.place(owed, now=place.due_at, grace=GRACE).state == ListingState.ACTIVE
        just_before = place.due_at - timedelta(microseconds=1)
        if just_before >= now:
            assert listing.place(owed, now=just_before, grace=GRACE).state == ListingState.PENDING


DAY = timedelta(days=1)
LONG_AGO = NOW - 30 * DAY


@pytest.mark.parametrize(
    ("sums", "listed"),
    [
        ([1999], False),
        ([2000], True),
        ([1000, 999], False),
        ([1000, 1000], True),
        ([1, 1], False),
        ([1, 1, 1], True),
    ],
)
def test_twenty_yuan_or_three_stays_list_a_vehicle(sums: list[int], listed: bool) -> None:
    owed = [listing.Owed(fen, LONG_AGO) for fen in sums]
    place = listing.place(owed, now=NOW, grace=GRACE)
    assert place.state == (ListingState.ACTIVE if listed else ListingState.PENDING)
    assert place.rule == listing.Rule()


def test_only_debts_whose_grace_is_over_count_and_the_last_that_is_missing_says_when() -> None:
    owed = [listing.Owed(1500, LONG_AGO), listing.Owed(1500, NOW - DAY)]
    place = listing.place(owed, now=NOW, grace=GRACE)
    assert (place.state, place.due_at) == (ListingState.PENDING, NOW - DAY + GRACE)


def test_a_debt_counts_from_the_age_that_its_rule_asks_for() -> None:
    rule = listing.Rule(age=40 * DAY)
    owed = [listing.Owed(9000, LONG_AGO, opened_at=LONG_AGO, rule=rule)]
    place = listing.place(owed, now=NOW, grace=GRACE)
    assert (place.state, place.due_at) == (ListingState.PENDING, LONG_AGO + 40 * DAY)


def test_debts_under_different_rules_do_not_add_up() -> None:
    own = listing.Rule(amount_fen=5000, count=9, version=7)
    owed = [listing.Owed(1900, LONG_AGO), listing.Owed(4900, LONG_AGO, rule=own)]
    assert listing.place(owed, now=NOW, grace=GRACE).state == ListingState.PENDING
    owed.append(listing.Owed(100, LONG_AGO, rule=own))
    place = listing.place(owed, now=NOW, grace=GRACE)
    assert (place.state, place.rule) == (ListingState.ACTIVE, own)


# ── The cost of a contact (P0.3), calibration, payment time (P0.4) ───────────────────────────
@given(
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 10_000),
    st.floats(0, 1),
    st.integers(0, 500),
)
def test_a_dearer_contact_raises_the_threshold(
    contact: int, annoyance: int, due: int, lift: float, more: int
) -> None:
    one = Costs(contact_fen=contact, annoyance_fen=annoyance, due_fen=due, lift=lift)
    dearer = Costs(contact_fen=contact + more, annoyance_fen=annoyance, due_fen=due, lift=lift)
    assert 0.05 <= threshold(one) <= threshold(dearer) <= 0.95


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=300))
def test_calibration_rises_and_is_never_certain(cases: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _late in cases])
    line = isotonic(scores, np.array([late for _score, late in cases]))
    chances = line(np.linspace(0, 1, 50))
    assert (np.diff(chances) >= -1e-9).all()
    assert 0 < chances.min() <= chances.max() < 1


@given(
    st.lists(st.floats(0, 1), min_size=survival.PIECES, max_size=survival.PIECES),
    st.floats(0.01, 0.99),
    st.floats(1, 300),
)
def test_the_predicted_payment_time_lies_in_the_window(
    hazards: list[float], q: float, within_h: float
) -> None:
    times = survival.from_hazards(np.array(hazards))
    hours = times.hours_until(q, within_h=within_h)
    assert 0 <= hours <= within_h
    assert list(times.paid_by) == sorted(times.paid_by)
