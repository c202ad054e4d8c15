"""What `core.transition` and `core.wake` take for given of Django's and channels' insides.

None of it is documented, so an upgrade may change it without a word. Each test names the place that
then has to be looked at again; `tests/core/test_transition.py` says what that place must do.
"""

import asyncio

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F
from django.db.models.sql import UpdateQuery
from django.test.utils import CaptureQueriesContext
from redis.asyncio import Redis

from accounts.models import PlateHolding, User
from core import clock, wake
from core.transition import transition


def joins(rows) -> int:
    return sum(count > 0 for count in rows.query.alias_refcount.values())


def updating(rows, **values):
    query = rows.order_by().query.chain(UpdateQuery)
    query.add_update_values(values)
    return query.get_compiler(using=rows.db).as_sql()


@pytest.fixture
def holding(db, owner) -> PlateHolding:
    return PlateHolding.objects.create(
        user=owner, plate_text="沪A12345", plate_colour="blue", claimed_at=clock.now()
    )


def test_alias_refcount_tells_a_join_from_a_trimmed_one():
    told = "core.transition._move: `query.alias_refcount` no longer counts the tables of a query"
    assert joins(PlateHolding.objects.filter(pk=1)) == 1, told
    assert joins(PlateHolding.objects.filter(user__pk=1)) == 1, told
    assert joins(PlateHolding.objects.filter(user__username="x")) == 2, told


def test_a_query_says_whether_it_is_cut_distinct_or_combined():
    told = "core.transition._move: a flag of `query` is not what it was"
    rows = PlateHolding.objects.all()
    assert (rows.query.is_sliced, rows.query.distinct, rows.query.combinator) == (
        False,
        False,
        None,
    ), told
    assert rows[:1].query.is_sliced, told
    assert rows.distinct().query.distinct, told
    assert rows.union(rows).query.combinator == "union", told


def test_a_query_chained_to_an_update_is_one_update_without_a_sub_select(db):
    told = "core.transition._update: `chain(UpdateQuery)` makes another statement than it did"
    sql, params = updating(PlateHolding.objects.filter(pk=7, state="claimed"), state="ended")
    assert sql == (
        'UPDATE "accounts_plateholding" SET "state" = %s WHERE'
        ' ("accounts_plateholding"."id" = %s AND "accounts_plateholding"."state" = %s)'
    ), told
    assert params == ("ended", 7, "claimed"), told


def test_an_update_takes_expressions(db):
    told = "core.transition._update: `add_update_values` no longer resolves an expression"
    sql, _params = updating(PlateHolding.objects.all(), method=F("state"))
    assert '"method" = "accounts_plateholding"."state"' in sql, told


def test_a_query_for_nothing_is_known_without_asking(db):
    with pytest.raises(EmptyResultSet):
        updating(PlateHolding.objects.filter(pk__in=[]), state="ended")


def test_a_compiler_converts_what_a_statement_gave_back(holding):
    told = "core.transition._renew: `get_converters` or `apply_converters` works otherwise"
    column = PlateHolding._meta.get_field("claimed_at")
    compiler = PlateHolding.objects.all().query.get_compiler(using="default")
    converters = compiler.get_converters([column.get_col(PlateHolding._meta.db_table)])
    (row,) = compiler.apply_converters([[holding.claimed_at]], converters)
    assert list(row) == [holding.claimed_at], told


def test_prefetched_rows_stand_where_a_moved_instance_forgets_them(holding):
    told = "core.transition._renew: `_prefetched_objects_cache` no longer holds prefetched rows"
    (owner,) = User.objects.filter(pk=holding.user_id).prefetch_related("holdings")
    assert list(owner._prefetched_objects_cache) == ["holdings"], told
    with CaptureQueriesContext(connection) as asked:
        list(owner.holdings.all())
    assert len(asked) == 0, told
    owner._prefetched_objects_cache = {}
    with CaptureQueriesContext(connection) as asked:
        list(owner.holdings.all())
    assert len(asked) == 1, told


def test_a_cached_relation_is_dropped_from_a_moved_instance(holding):
    told = "core.transition._renew: `is_cached` and `delete_cached_value` of a field work otherwise"
    field = PlateHolding._meta.get_field("user")
    assert str(holding.user) and field.is_cached(holding), told

    transition(holding, source=holding.state, target=PlateHolding.State.ENDED, actor="user:1")

    assert not field.is_cached(holding), told


async def test_a_message_to_a_group_is_what_the_channel_layer_itself_would_publish():
    told = "core.wake.group: the channel layer names or packs a group's message otherwise"
    layer = get_channel_layer()
    async with Redis.from_url(settings.REDIS_URL) as valkey, valkey.pubsub() as line:
        await line.subscribe(f"{layer.prefix}__group__berths")
        await anext(line.listen())

        await layer.group_send("berths", {"type": "hint", "berth_id": 7})
        await asyncio.to_thread(wake.group, "berths", type="hint", berth_id=7)

        heard = [(await asyncio.wait_for(anext(line.listen()), 5))["data"] for _ in range(2)]
    assert [layer.deserialize(message) for message in heard] == [
        {"type": "hint", "berth_id": 7},
        {"type": "hint", "berth_id": 7},
    ], told
