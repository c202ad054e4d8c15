"""A marked simulated population: what the first model learns from until there is real history.

Nothing here is a finding about people. Written assumptions, each a constant below:

1. Most people pay. Four habits of paying: prompt (within the hour), busy (within a day or two),
   forgetful (days, and now and then not without being reminded), avoiding (rarely by themselves).
2. Habits last: a vehicle changes its habit with 4 % probability a quarter.
3. Who forgot pays after all some weeks later with a probability of its habit (a reminder, a bill).
4. Payment delays are log-normal; one evening an hour, one weekend a day matters less than habit.
5. Stays a year follow a gamma distribution; a third of the vehicles is seen only a few times.
6. Paying ahead and having a proven holder go with prompt paying, by each habit's own share.
7. A non-local plate is seen less often and is less often bound to a person; its habits are the
   same. An energy type changes nothing. Both are kept beside the data for the fairness figures
   and are no features.
8. Every fee is between 2 and 60 yuan; the pay window is 72 hours for all.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

MARK = "simulated"
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 400
WINDOW_S = 72 * 3600
CHANGES_A_QUARTER = 0.04


@dataclass(frozen=True, slots=True)
class Habit:
    """How one kind of payer behaves; delays in hours."""

    name: str
    share: float
    median_delay_h: float
    spread: float
    forgets: float
    remembers_later: float
    ahead: float
    bound: float


HABITS: tuple[Habit, ...] = (
    Habit("prompt", 0.70, 0.3, 1.2, 0.012, 0.85, 0.25, 0.60),
    Habit("busy", 0.17, 14.0, 1.1, 0.05, 0.70, 0.08, 0.45),
    Habit("forgetful", 0.08, 50.0, 1.0, 0.28, 0.55, 0.03, 0.30),
    Habit("avoiding", 0.05, 90.0, 1.1, 0.80, 0.20, 0.01, 0.12),
)


@dataclass(frozen=True, slots=True)
class Population:
    """Stays as columns of equal length, in order of leaving; times in seconds since START."""

    subject: npt.NDArray[np.int64]
    arrived_s: npt.NDArray[np.float64]
    left_s: npt.NDArray[np.float64]
    settled_s: npt.NDArray[np.float64]  # NaN: never
    fee_fen: npt.NDArray[np.int64]
    holder_known: npt.NDArray[np.bool_]
    non_local: npt.NDArray[np.bool_]
    new_energy: npt.NDArray[np.bool_]
    seed: int

    def __len__(self) -> int:
        return len(self.subject)

    def at(self, seconds: float) -> datetime:
        return START + timedelta(seconds=float(seconds))


def simulate(*, vehicles: int, seed: int) -> Population:
    """The stays of `vehicles` vehicles over DAYS days; the same seed gives the same stays."""
    rng = np.random.default_rng(seed)
    habit_of = rng.choice(len(HABITS), size=vehicles, p=[habit.share for habit in HABITS])
    non_local = rng.random(vehicles) < 0.22
    new_energy = rng.random(vehicles) < 0.38
    seldom = rng.random(vehicles) < np.where(non_local, 0.6, 0.3)
    rate = np.where(seldom, rng.gamma(2.0, 1.5, vehicles), rng.gamma(2.5, 14.0, vehicles))
    stays = np.minimum(rng.poisson(rate), 200)
    subject = np.repeat(np.arange(vehicles), stays)
    n = len(subject)

    day = rng.integers(0, DAYS, n)
    hour = np.clip(rng.normal(13.0, 4.5, n), 0, 23.9)
    arrived = (day * 24 + hour) * 3600.0
    stay_s = np.clip(rng.lognormal(np.log(1.6 * 3600), 0.8, n), 300, 16 * 3600)
    left = arrived + stay_s
    habit = _habits_over_time(rng, habit_of, subject, day)

    median = np.array([h.median_delay_h for h in HABITS])[habit]
    spread = np.array([h.spread for h in HABITS])[habit]
    evening = (hour > 19.0) * 1.0
    delay_h = rng.lognormal(np.log(median), spread) + evening * rng.exponential(1.0, n)
    forgot = rng.random(n) < np.array([h.forgets for h in HABITS])[habit]
    later = rng.random(n) < np.array([h.remembers_later for h in HABITS])[habit]
    delay_h = np.where(forgot, 72.0 + rng.gamma(2.0, 140.0, n), delay_h)
    settled = np.where(forgot & ~later, np.nan, left + delay_h * 3600.0)

    bound = rng.random(vehicles) < (
        np.array([h.bound for h in HABITS])[habit_of] * np.where(non_local, 0.6, 1.0)
    )
    ahead = rng.random(n) < np.array([h.ahead for h in HABITS])[habit]
    settled = np.where(ahead, left, settled)
    order = np.lexsort((subject, left))
    fee = np.clip(np.round(stay_s / 1800) * 250, 200, 6000).astype(np.int64)
    return Population(
        subject=subject[order],
        arrived_s=arrived[order],
        left_s=left[order],
        settled_s=settled[order],
        fee_fen=fee[order],
        holder_known=bound[subject][order],
        non_local=non_local[subject][order],
        new_energy=new_energy[subject][order],
        seed=seed,
    )


def _habits_over_time(
    rng: np.random.Generator,
    habit_of: npt.NDArray[np.int64],
    subject: npt.NDArray[np.int64],
    day: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The habit of each stay: the vehicle's own, redrawn now and then at a quarter's end."""
    shares = [habit.share for habit in HABITS]
    quarters = DAYS // 91 + 1
    by_quarter = [habit_of]
    for _quarter in range(1, quarters):
        fresh = rng.choice(len(HABITS), size=len(habit_of), p=shares)
        changes = rng.random(len(habit_of)) < CHANGES_A_QUARTER
        by_quarter.append(np.where(changes, fresh, by_quarter[-1]))
    return np.stack(by_quarter)[np.minimum(day // 91, quarters - 1), subject]
