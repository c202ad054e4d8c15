"""The laws are asked of a simulated city, and they notice when a mend is missing.

A failure says the seed. `./bowei manage simulate_city --seed N --faults all` shows more of it.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from django.db import transaction

from accounts.models import Merchant
from config.city.chance import FAULTS
from config.city.laws import CODES
from config.city.mends import MENDS
from config.city.run import City, Run, Violation
from config.city.steps import Step
from config.city.sweeping import Sweep, Sweeping
from core.wiring import name_of

SEEDS = (20260302, 7)
STEPS = 150  # a seed
FOLDER = Path(__file__).parent

# Laws that the house does not keep yet, with the steps that break them. When the steps break
# nothing any more the law is kept: take it out here.
NOT_KEPT_YET: dict[str, list[Step]] = {
    name: [(step, values) for step, values in steps]
    for name, steps in json.loads((FOLDER / "not_kept_yet.json").read_text()).items()
}
# Steps without which a mend is not missed.
MISSED_BY: dict[str, list[Step]] = {
    name: [(step, values) for step, values in steps]
    for name, steps in json.loads((FOLDER / "missed_by.json").read_text()).items()
}


def law_of(name: str) -> Violation:
    """`L3 one` as the simulation names it."""
    code, _blank, part = name.partition(" ")
    return Violation(code, part, "", 0)


def unknown(run: Run) -> list[str]:
    """What a run broke beyond what is known to be broken."""
    found = [f"{one.law} {one.name}" for one in run.violations]
    told = [f"seed {run.seed}: {one.law} {one.name}: {one.why}" for one in run.violations]
    return [said for name, said in zip(found, told, strict=True) if name not in NOT_KEPT_YET]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_law_that_is_kept_holds_after_every_step(here: City, seed: int) -> None:
    run = here.live(seed, faults=list(FAULTS), steps=STEPS)
    print(f"seed {seed}: {run.steps} steps, {run.laws_asked} times a law was asked")
    assert run.steps >= STEPS and run.laws_asked > 20 * run.steps
    assert unknown(run) == []


def test_a_street_without_faults_breaks_no_law_that_is_kept(here: City) -> None:
    assert unknown(here.live(3, faults=[], steps=60)) == []


@pytest.mark.parametrize("name", NOT_KEPT_YET)
def test_a_law_that_is_called_broken_is_broken(here: City, name: str) -> None:
    assert here.breaks(NOT_KEPT_YET[name], law_of(name)), f"{name} is kept now: take it out"


@pytest.mark.parametrize("mend", MENDS)
def test_without_a_mend_its_law_breaks_and_with_it_it_holds(here: City, mend: str) -> None:
    name, steps = next(
        (name.partition(": ")[2], steps)
        for name, steps in MISSED_BY.items()
        if name.startswith(f"{mend}: ")
    )
    assert name.startswith(MENDS[mend].law)
    assert here.breaks(steps, law_of(name), [mend]), f"{name} did not notice that {mend} is missing"
    assert not here.breaks(steps, law_of(name)), f"{name} breaks with {mend} too"


def test_chance_misses_a_mend_or_the_law_is_said_to_hold(here: City) -> None:
    """On seed 1 money that a stay did not need is missed after 60 steps."""
    broken = here.missed("give_back", 1, faults=list(FAULTS), within=100)
    assert broken is not None
    assert (broken.law, broken.name, broken.at) == ("L4", "kept", 60)
    assert here.missed("give_back", 1, faults=list(FAULTS), within=59) is None


def test_the_same_seed_is_the_same_street(here: City) -> None:
    once, again = (here.live(5, faults=list(FAULTS), steps=40) for _time in range(2))
    assert once.played == again.played
    assert [one.why for one in once.violations] == [one.why for one in again.violations]


def test_a_sweep_is_left_out_only_where_it_would_find_nothing(
    here: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, left_out, wrong = Sweeping._idle, [], []

    def compared(
        self: Sweeping, sweeps: Sequence[Sweep], now: datetime, by_day: bool
    ) -> set[Sweep]:
        found = idle(self, sweeps, now, by_day)
        for sweep in found:
            left_out.append(sweep)
            if sweep():
                wrong.append(name_of(sweep))
        return found

    monkeypatch.setattr(Sweeping, "_idle", compared)
    run = here.live(11, faults=list(FAULTS), steps=40)
    assert len(left_out) > run.steps
    assert wrong == []


def test_what_an_abandoned_savepoint_changed_is_undone_and_the_rest_is_kept(here: City) -> None:
    with here.world():
        with transaction.atomic():
            Merchant.objects.filter(code="city").update(name="kept")
            for deed in (_changes_and_fails, _asks_and_fails):
                with suppress(RuntimeError), transaction.atomic():
                    deed()
            with transaction.atomic():
                assert Merchant.objects.get(code="city").name == "kept"
        with suppress(RuntimeError), transaction.atomic():
            _changes_and_fails()
        assert Merchant.objects.get(code="city").name == "kept"


def _changes_and_fails() -> None:
    Merchant.objects.filter(code="city").update(name="lost")
    raise RuntimeError


def _asks_and_fails() -> None:
    Merchant.objects.get(code="city")
    raise RuntimeError


def test_every_law_that_rows_can_tell_is_asked() -> None:
    assert CODES == ("L1", "L2", "L3", "L4", "L5", "L6", "L7", "L9", "L10", "L11")
