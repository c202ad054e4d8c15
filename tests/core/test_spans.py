"""When a time is over that counts only outside of outages."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spans import over_at

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def span(start: float, end: float) -> tuple[datetime, datetime]:
    return at(start), at(end)


@pytest.mark.parametrize(
    ("outages", "over"),
    [
        ([], 10),
        ([span(2, 5)], 13),
        ([span(-3, 2)], 12),  # it ran before the time began
        ([span(-3, 0)], 10),
        ([span(10, 20)], 10),  # the time was just over
        ([span(9, 20)], 21),
        ([span(2, 5), span(4, 6)], 14),  # together four hours
        ([span(2, 8), span(3, 4)], 16),  # one inside of the other
        ([span(2, 5), span(11, 12)], 14),  # the second begins in the time that the first has added
        ([span(2, 5), span(13, 14)], 13),
        ([span(11, 12), span(2, 5)], 14),  # in any order
        ([span(2, 2)], 10),  # one that was none
    ],
)
def test_only_the_time_outside_of_outages_counts(outages, over):
    assert over_at(at(0), timedelta(hours=10), outages) == at(over)


moments = st.integers(min_value=-50, max_value=100)
spans = st.lists(
    st.tuples(moments, st.integers(min_value=0, max_value=30)).map(
        lambda one: span(one[0], one[0] + one[1])
    ),
    max_size=8,
)


@given(spans, st.integers(min_value=0, max_value=60))
def test_exactly_the_length_lies_outside_of_outages(outages, hours):
    over = over_at(at(0), timedelta(hours=hours), outages)
    whole = range(round((over - at(0)) / timedelta(hours=1)))
    free = [hour for hour in whole if not any(a <= at(hour) < b for a, b in outages)]
    assert len(free) == hours


@given(spans, spans, st.integers(min_value=0, max_value=60))
def test_one_more_outage_never_makes_a_time_shorter(outages, more, hours):
    length = timedelta(hours=hours)
    assert over_at(at(0), length, outages) <= over_at(at(0), length, [*outages, *more])
