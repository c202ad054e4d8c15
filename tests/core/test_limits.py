"""One count for every door: so many in any stretch of time, and growing waits after wrong tries."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import limits, wake
from core.deeds import Deed, Rate, Wait
from core.errors import TooMany
from core.limits import Asker
from core.rates import Memory

LOOK = Deed(
    name="test look",
    network=(Rate(3, 60), Rate(5, 3600)),
    person=(Rate(4, 60),),
    thing=(Rate(2, 60),),
    everywhere=(Rate(6, 60),),
)
SECRET = Deed(
    name="test secret",
    network=(),
    wrong={
        "network": Wait(free=2, first_s=8, longest_s=20, forgets_s=600),
        "berth": Wait(free=4, first_s=8, longest_s=20, forgets_s=600),
    },
)


@pytest.fixture(params=["valkey", "memory"])
def counters(request: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same rules with Valkey and, while it is away, without."""
    if request.param == "memory":
        monkeypatch.setattr(limits, "_away_until_s", time.monotonic() + 3600)
        monkeypatch.setattr(limits, "_memory", Memory())
    return str(request.param)


def done(deed: Deed, who: Asker, *things: str) -> int | None:
    """Do it; how many seconds to wait where it is refused."""
    with limits.asked_by(who):
        try:
            limits.count(deed, *things)
        except TooMany as error:
            wait_s: int = error.facts["retry_after_s"]
            return wait_s
    return None


def tried(who: Asker, berth: str, *, right: bool = False) -> int | None:
    with limits.asked_by(who):
        try:
            with limits.attempt(SECRET, berth=berth) as was_right:
                if right:
                    was_right()
        except TooMany as error:
            wait_s: int = error.facts["retry_after_s"]
            return wait_s
    return None


def test_a_network_a_person_a_thing_and_everybody_have_their_limits(counters: str) -> None:
    anna, ben = Asker("192.0.2.1"), Asker("192.0.2.2")
    assert [done(LOOK, anna) for _each in range(3)] == [None] * 3
    assert 58 <= (done(LOOK, anna) or 0) <= 60
    assert [done(LOOK, ben, "A-001") for _each in range(2)] == [None] * 2
    assert done(LOOK, ben, "A-001")  # the third look at one thing
    assert done(LOOK, Asker("192.0.2.3"), "A-001")  # whoever asks
    assert done(LOOK, ben, "A-002") is None
    assert done(LOOK, Asker("192.0.2.4"))  # the seventh of everybody


def test_a_person_is_counted_wherever_they_ask_from(counters: str) -> None:
    askers = [Asker(f"198.51.100.{n}", person=lambda: 7) for n in range(5)]
    assert [done(LOOK, one) is None for one in askers] == [True] * 4 + [False]


def test_a_refusal_counts_nowhere(counters: str) -> None:
    anna = Asker("192.0.2.1")
    for _each in range(3):
        done(LOOK, anna)
    for _each in range(20):
        assert done(LOOK, anna, "A-009")
    assert done(LOOK, Asker("192.0.2.9"), "A-009") is None
    assert done(LOOK, Asker("192.0.2.9"), "A-009") is None


def test_it_is_so_many_in_any_stretch_of_time(
    counters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not twice as many around the turn of a minute."""
    short = Deed(name="test short", network=(Rate(2, 1),))
    anna = Asker("192.0.2.1")
    assert done(short, anna) is None
    time.sleep(0.7)
    assert done(short, anna) is None
    time.sleep(0.4)  # the first is a second ago, the second is not
    assert done(short, anna) is None
    assert done(short, anna) == 1


def test_thirty_at_a_time_are_let_through_as_one_after_the_other(counters: str) -> None:
    with ThreadPoolExecutor(30) as pool:
        said = list(pool.map(lambda _n: done(LOOK, Asker("192.0.2.1")), range(30)))
    assert said.count(None) == 3


def test_wrong_tries_wait_longer_each_time(counters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = in_time(counters, monkeypatch)
    anna = Asker("192.0.2.1")
    waits = []
    for n in range(6):
        assert tried(anna, f"A-{n}") is None
        waits.append(tried(anna, f"A-{n}") if n >= 2 else None)
        moved(waits[-1] or 0)
    assert waits == [None, None, 8, 16, 20, 20]
    assert tried(Asker("192.0.2.2"), "A-1") is None  # nobody else waits


def test_many_networks_at_one_berth_wait_too(counters: str) -> None:
    askers = [Asker(f"198.51.100.{n}") for n in range(7)]
    assert [tried(one, "A-001") is None for one in askers] == [True] * 5 + [False] * 2
    assert tried(Asker("192.0.2.1"), "A-002") is None


def test_a_right_try_costs_nothing_and_forgives_no_wrong_one(counters: str) -> None:
    anna = Asker("192.0.2.1")
    for _each in range(50):
        assert tried(anna, "A-001", right=True) is None
    for _each in range(2):
        tried(anna, "A-001")
        assert tried(anna, "A-001", right=True) is None
    assert tried(anna, "A-001") is None
    assert tried(anna, "A-001") == 8


def test_tries_beside_each_other_are_worth_no_more(counters: str) -> None:
    with ThreadPoolExecutor(30) as pool:
        said = list(pool.map(lambda _n: tried(Asker("192.0.2.1"), "A-001"), range(30)))
    assert said.count(None) == 3


def test_wrong_tries_are_forgotten_one_by_one(
    counters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = in_time(counters, monkeypatch)
    anna = Asker("192.0.2.1")
    for _each in range(3):
        tried(anna, "A-001")
    assert tried(anna, "A-001") == 8
    moved(620)
    assert tried(anna, "A-001") is None  # the third again
    assert tried(anna, "A-001") == 8
    moved(3 * 600)
    assert [tried(anna, "A-001") is None for _each in range(4)] == [True, True, True, False]


def in_time(counters: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass: for the memory by its clock, in Valkey by making what it keeps older."""
    passed = 0.0
    real = time.monotonic

    def in_memory(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        monkeypatch.setattr("core.rates.time.monotonic", lambda: real() + passed)
        monkeypatch.setattr(limits, "_away_until_s", real() + passed + 3600)

    def in_valkey(seconds: float) -> None:
        for key in wake.client().scan_iter("bowei.limit.test secret.*"):
            row: Any = wake.client().hgetall(key)
            older = {name: int(row[name]) - round(seconds * 1000) for name in (b"at", b"until")}
            wake.client().hset(key, mapping=older)  # type: ignore[arg-type]

    return in_memory if counters == "memory" else in_valkey


def test_nobody_is_counted_where_nobody_asks(db: None) -> None:
    for _each in range(20):
        limits.count(LOOK, "A-001")
        with limits.attempt(SECRET, berth="A-001"):
            pass
    assert not list(wake.client().scan_iter("bowei.limit.*"))


def test_no_address_and_no_plate_lies_in_valkey_in_clear(db: None) -> None:
    done(LOOK, Asker("192.0.2.1"), "沪A12345")
    tried(Asker("192.0.2.1"), "沪A12345")
    kept = b" ".join(wake.client().scan_iter("bowei.limit.*"))
    assert kept
    assert b"192.0.2.1" not in kept
    assert b"12345" not in kept


def test_while_valkey_is_away_each_process_counts_and_then_valkey_does_again(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis import Redis

    monkeypatch.setattr(limits, "_memory", Memory())
    away = Redis.from_url("unix:///nonexistent/valkey.sock")
    limits._prepared.cache_clear()
    monkeypatch.setattr(wake, "client", lambda: away)
    anna = Asker("192.0.2.1")
    assert [done(LOOK, anna) is None for _each in range(4)] == [True, True, True, False]
    monkeypatch.undo()
    limits._prepared.cache_clear()
    limits.forget()
    assert done(LOOK, anna) is None
    assert list(wake.client().scan_iter("bowei.limit.*"))


def test_a_full_memory_lets_nobody_new_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.rates.MOST_KEYS", 2)
    memory = Memory()
    assert [memory.take([(name, Rate(9, 60))]) for name in ("a", "b", "a")] == [0, 0, 0]
    assert memory.take([("c", Rate(9, 60))]) == 60
