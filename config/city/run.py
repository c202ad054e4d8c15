"""Runs of the city: drawn from a seed, played again, and shortened to what breaks a law."""

import copy
import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings

from config.city import laws
from config.city.built import BEGIN, GRACE_S, PLATES, Built, build
from config.city.cards import build_lots
from config.city.chance import Chance
from config.city.database import Databases, databases
from config.city.edges import edges, held
from config.city.laws import Breach
from config.city.mends import MENDS, without
from config.city.steps import Step, play
from config.city.witness import Witness
from config.city.world import PROVIDER, World

WHOLE_EVERY = 250  # steps, after which everything there ever was is asked
BROKEN = "house"  # what breaks without any law: an error of ours that nobody asked for
SHRINK_S = 90.0  # for one violation


@dataclass
class Violation:
    """A law that was broken, and the shortest list of steps found that breaks it."""

    law: str
    name: str
    why: str
    at: int
    berth: str = ""  # where it is known at which one it is
    steps: list[Step] = field(default_factory=list)

    def is_of(self, breach: Breach) -> bool:
        return (self.law, self.name) == (breach.law, breach.name)


@dataclass
class Run:
    """What came of one run."""

    seed: int
    steps: int = 0
    vehicle_days: int = 0
    laws_asked: int = 0
    took_s: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    played: list[Step] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


class City:
    """The city as it begins, in a database of its own, and every run of it in a copy."""

    def __init__(self, store: Databases, built: Built) -> None:
        self._store, self._built = store, built

    @contextmanager
    def world(self, lacking: Sequence[str] = ()) -> Iterator[World]:
        with self._store.run():
            world = World(copy.deepcopy(self._built), Witness())
            with edges(world), without(lacking):
                yield world

    def live(
        self,
        seed: int,
        *,
        faults: Sequence[str],
        days: float = 0,
        steps: int = 0,
        lacking: Sequence[str] = (),
        stop_at: Callable[[Breach], bool] = lambda breach: False,
        told: Callable[[Run], None] = lambda run: None,
        rest: bool = True,
    ) -> Run:
        """So many days, or steps, drawn from the seed; at the end all is brought to rest, but for
        who only asks how long a law holds."""
        run, chance, began = Run(seed), Chance(seed, faults), time.monotonic()
        with self.world(lacking) as world:
            end = world.now + timedelta(days=days) if days else None
            judge = Judge(world, run)
            while (end is None or world.now < end) and (not steps or run.steps < steps):
                one = chance.next(world)
                run.played.append(one)
                found = judge.after(one)
                if any(stop_at(breach) for breach in found):
                    break
                if run.steps % 1000 == 0:
                    told(run)
            for one in _to_rest(world) if rest else ():
                run.played.append(one)
                judge.after(one)
            judge.ask(ever=True)
            run.vehicle_days = int(len(PLATES) * (world.now - BEGIN).total_seconds() / 86400)
            run.refused = dict(world.refused)
        run.took_s = time.monotonic() - began
        return run

    def missed(
        self, mend: str, seed: int, *, faults: Sequence[str], within: int
    ) -> Violation | None:
        """How the law of a mend breaks without it in so many drawn steps; None where it holds."""
        law = MENDS[mend].law
        run = self.live(
            seed,
            faults=faults,
            steps=within,
            lacking=[mend],
            stop_at=lambda breach: breach.law == law,
            rest=False,
        )
        return next((one for one in run.violations if one.law == law), None)

    def breaks(self, steps: Sequence[Step], wanted: Violation, lacking: Sequence[str] = ()) -> int:
        """After how many of these steps this law is broken; 0 where it is not."""
        run = Run(0)
        with self.world(lacking) as world:
            judge = Judge(world, run)
            for number, one in enumerate(steps, start=1):
                if any(wanted.is_of(breach) for breach in judge.after(one)):
                    return number
            if any(wanted.is_of(breach) for breach in judge.ask(ever=True)):
                return len(steps)
        return 0

    def shortest(
        self,
        run: Run,
        violation: Violation,
        lacking: Sequence[str] = (),
        within_s: float = SHRINK_S,
    ) -> list[Step]:
        """The shortest list of steps found that still breaks the law (delta debugging)."""
        end = time.monotonic() + within_s
        steps = run.played[: violation.at]
        if violation.berth:
            fewer = list(_about(steps, violation.berth))
            steps = fewer[: self.breaks(fewer, violation, lacking)] or steps
        for kind_of, kind in _kinds(steps):
            if time.monotonic() > end:
                break
            fewer = [one for one in steps if kind_of(one) != kind]
            steps = fewer[: self.breaks(fewer, violation, lacking)] or steps
        parts = 2
        while len(steps) > 1 and time.monotonic() < end:
            size = max(1, len(steps) // parts)
            for start in range(0, len(steps), size):
                fewer = steps[:start] + steps[start + size :]
                if time.monotonic() > end:
                    break
                broken = self.breaks(fewer, violation, lacking) if fewer else 0
                if broken:
                    steps, parts = fewer[:broken], max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(parts * 2, len(steps))
        return steps


def _kinds(steps: Sequence[Step]) -> Iterator[tuple[Callable[[Step], Any], Any]]:
    """What may be left out at once: all steps of one name, the most frequent first, then all of one
    vehicle."""
    for kind, _count in Counter(map(_name, steps)).most_common():
        yield _name, kind
    for v in sorted({values["v"] for _kind, values in steps if "v" in values}):
        yield _vehicle, v


def _name(one: Step) -> str:
    return one[0]


def _vehicle(one: Step) -> int | None:
    return one[1].get("v")


def _about(steps: Sequence[Step], berth: str) -> Iterator[Step]:
    """What concerns this berth, the vehicles that came to it, or no place."""
    came = {
        values["v"] for _name, values in steps if values.get("berth") == berth and "v" in values
    }
    for name, values in steps:
        if values.get("berth", berth) == berth and (values.get("v") in {None, *came}):
            yield name, values


class Judge:
    """Asks every law after every step, and keeps what each broke first."""

    def __init__(self, world: World, run: Run) -> None:
        self._world, self._run = world, run
        self._up_since = world.now

    def after(self, one: Step) -> list[Breach]:
        play(self._world, one)
        self._run.steps += 1
        return self.ask(ever=self._run.steps % WHOLE_EVERY == 0)

    def ask(self, *, ever: bool = False) -> list[Breach]:
        world = self._world
        if world.out:
            self._up_since = world.now
        found = laws.breaches(
            now=world.now,
            rest=world.at_rest(),
            served=world.at_rest(but=PROVIDER),
            up_since=self._up_since,
            looked_at=world.looked_at,
            unheard=self._unheard(),
            ever=ever,
        )
        self._run.laws_asked += len(laws.LAWS)
        found += [Breach(BROKEN, what.partition(":")[0], what, what) for what in world.broken]
        world.broken.clear()
        for breach in found:
            if not any(known.is_of(breach) for known in self._run.violations):
                self._run.violations.append(
                    Violation(
                        breach.law,
                        breach.name,
                        f"{breach.what}: {breach.why}",
                        self._run.steps,
                        laws.berth_of(breach),
                    )
                )
        return found

    def _unheard(self) -> list[str]:
        """Berths of whose sensor something is on its way or lost, and locks out of reach."""
        world = self._world
        return [
            *(mail.payload["berth_code"] for mail in world.mail),
            *world.dark,
            *(code for code, lock in world.locks.items() if lock.away),
        ]


def _to_rest(world: World) -> Iterator[Step]:
    """Everything is mended and everything on its way arrives, then some hours pass."""
    for part in sorted(world.out):
        yield "mend", {"part": part}
    for berth in sorted(world.dark):
        yield "wake_up", {"berth": berth}
    yield "deliver_all", {}
    for _report in world.reports:
        yield "send_report", {"turn": 0}
    for code in sorted(world.locks):
        yield "find_lock", {"code": code}
    for _hour in range(14):
        yield "wait", {"s": 3600}


@contextmanager
def city() -> Iterator[City]:
    """The city, built once; quiet, for it is asked thousands of questions a second."""
    before = settings.BOWEI_GRACE_H, settings.PASSWORD_HASHERS, settings.BOWEI_MOVABLE_CLOCK
    logging.disable(logging.CRITICAL)
    gc.freeze()  # what is there stays there: looking through it took a tenth of the time
    settings.BOWEI_GRACE_H = GRACE_S // 3600
    settings.BOWEI_MOVABLE_CLOCK = False  # both clocks are the world's: nobody asks the database
    try:
        with databases() as store:
            witness = Witness()
            with held(lambda: BEGIN):
                witness.make()
                built = build(witness)
                build_lots(built, witness)
            yield City(store, built)
    finally:
        gc.unfreeze()
        logging.disable(logging.NOTSET)
        settings.BOWEI_GRACE_H, settings.PASSWORD_HASHERS, settings.BOWEI_MOVABLE_CLOCK = before


def as_json(run: Run) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "steps": run.steps,
        "vehicle_days": run.vehicle_days,
        "laws_asked": run.laws_asked,
        "violations": [
            {"law": one.law, "why": f"{one.name}: {one.why}", "steps": [list(s) for s in one.steps]}
            for one in run.violations
        ],
    }
