"""Making a model: stays and portraits in, registered files and figures out.

The split is by time, never by chance: the model learns from the oldest stays, is calibrated on
later ones and judged on the newest, as it will be used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from arrears.risk import calibration, features, figures, population, portrait, registry, survival
from arrears.rules.cost import Costs, threshold

LEARN, CALIBRATE = 0.60, 0.20  # the rest judges
RISK = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.08,
    "min_child_weight": 30,
    "lambda": 3.0,
    "subsample": 0.8,
    "tree_method": "hist",
    "nthread": 1,
}
RISK_ROUNDS = 100
TIME_ROUNDS = 130


@dataclass(frozen=True, slots=True)
class Stays:
    """What a model is made from, in order of leaving."""

    features: npt.NDArray[np.float32]
    late: npt.NDArray[np.bool_]
    delay_h: npt.NDArray[np.float64]  # NaN: not paid
    left_at: list[datetime]
    groups: dict[str, npt.NDArray[np.bool_]]  # for the fairness figures; never features
    source: str
    note: dict[str, Any]

    def __len__(self) -> int:
        return len(self.late)


def simulated_stays(*, vehicles: int, seed: int) -> Stays:
    """Stays of the marked simulated population, each with its portrait at arrival."""
    people = population.simulate(vehicles=vehicles, seed=seed)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS history, targets")
        cursor.execute(
            "CREATE TEMP TABLE history (stay_id int, subject text, arrived_at timestamptz,"
            " left_at timestamptz, settled_at timestamptz, fee_fen bigint, window_s int)"
        )
        with cursor.copy("COPY history FROM STDIN") as copy:
            for row in _history_rows(people):
                copy.write_row(row)
        cursor.execute("CREATE INDEX ON history (subject, left_at)")
        cursor.execute("ANALYZE history")
        cursor.execute(
            "CREATE TEMP TABLE targets (target_id int, subject text, as_of timestamptz,"
            " holder_known boolean)"
        )
        with cursor.copy("COPY targets FROM STDIN") as copy:
            for at in range(len(people)):
                copy.write_row(
                    (
                        at,
                        str(people.subject[at]),
                        people.at(people.arrived_s[at]),
                        bool(people.holder_known[at]),
                    )
                )
        cursor.execute(portrait.FEATURES_SQL)
        rows = sorted(cursor.fetchall())
        cursor.execute("DROP TABLE history, targets")
    table = np.array([[np.nan if v is None else v for v in row[1:]] for row in rows], np.float32)
    delay_h = (people.settled_s - people.left_s) / 3600.0
    late = np.isnan(delay_h) | (delay_h * 3600 > population.WINDOW_S)
    return Stays(
        features=table,
        late=late,
        delay_h=delay_h,
        left_at=[people.at(s) for s in people.left_s],
        groups={
            "non-local plate": people.non_local,
            "local plate": ~people.non_local,
            "new energy": people.new_energy,
            "fuel": ~people.new_energy,
            "first visit": table[:, 0] == 0,
        },
        source=population.MARK,
        note={"vehicles": vehicles, "seed": seed, "window_s": population.WINDOW_S},
    )


def _history_rows(people: population.Population) -> Iterator[tuple[Any, ...]]:
    for at in range(len(people)):
        settled_s = people.settled_s[at]
        yield (
            at,
            str(people.subject[at]),
            people.at(people.arrived_s[at]),
            people.at(people.left_s[at]),
            None if np.isnan(settled_s) else people.at(settled_s),
            int(people.fee_fen[at]),
            population.WINDOW_S,
        )


def train(stays: Stays, *, version: str, costs: Costs, folder: Path = registry.FOLDER) -> Path:
    """Train, calibrate, judge and save one model; the folder it stands in."""
    import xgboost as xgb

    n = len(stays)
    learn = slice(0, int(n * LEARN))
    calibrate = slice(learn.stop, int(n * (LEARN + CALIBRATE)))
    judge = slice(calibrate.stop, n)
    names = list(features.NAMES)
    signs = tuple(feature.more for feature in features.FEATURES)

    matrix = xgb.DMatrix(stays.features[learn], stays.late[learn], feature_names=names, nthread=1)
    risk = xgb.train(RISK | {"monotone_constraints": str(signs), "seed": 7}, matrix, RISK_ROUNDS)
    raw = _predict(risk, stays.features[calibrate], names)
    line = calibration.isotonic(raw, stays.late[calibrate])

    rows, happened = survival.person_periods(stays.features[learn], stays.delay_h[learn])
    periods = xgb.DMatrix(rows, happened, feature_names=[*names, "piece"], nthread=1)
    opposite = (*(-sign for sign in signs), 0)  # what raises the risk makes a payment less likely
    payment_time = xgb.train(
        RISK | {"monotone_constraints": str(opposite), "seed": 7}, periods, TIME_ROUNDS
    )

    register = {
        "version": version,
        "portrait": features.VERSION,
        "features": names,
        "monotone": list(signs),
        "target": "not paid by the end of the pay window",
        "source": stays.source,
        "note": stays.note,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            part: {
                "n": len(stays.late[span]),
                "from": stays.left_at[span.start].date().isoformat(),
                "to": stays.left_at[span.stop - 1].date().isoformat(),
            }
            for part, span in {"learn": learn, "calibrate": calibrate, "judge": judge}.items()
        },
        "calibration": {"scores": list(line.scores), "chances": list(line.chances)},
        "costs": costs.as_dict(),
        "threshold": round(threshold(costs), 4),
        "parameters": {"rounds": [RISK_ROUNDS, TIME_ROUNDS], **RISK},
    }
    chance = line(_predict(risk, stays.features[judge], names))
    register["figures"] = judged(
        chance, stays.late[judge], threshold(costs), {k: v[judge] for k, v in stays.groups.items()}
    ) | {"payment_time": time_figures(payment_time, stays.features[judge], stays.delay_h[judge])}
    boosters = {"risk.ubj": risk, "payment_time.ubj": payment_time}
    return registry.save(version=version, register=register, boosters=boosters, folder=folder)


def judged(
    chance: npt.NDArray[np.float64],
    late: npt.NDArray[np.bool_],
    at: float,
    groups: dict[str, npt.NDArray[np.bool_]],
) -> dict[str, Any]:
    """All figures of a judged set, groups included."""
    return figures.summary(chance, late, at) | {
        "deciles": figures.deciles(chance, late),
        "groups": {
            name: figures.summary(chance[member], late[member], at)
            for name, member in groups.items()
            if member.any()
        },
    }


def evaluate(model: registry.TrainedModel, stays: Stays) -> dict[str, Any]:
    """All figures of a model on these stays, at the threshold of its register."""
    names = list(features.NAMES)
    chance = model.calibration(_predict(model.risk, stays.features, names))
    return judged(chance, stays.late, model.register["threshold"], stays.groups) | {
        "payment_time": time_figures(model.payment_time, stays.features, stays.delay_h)
    }


def time_figures(
    booster: Any, rows: npt.NDArray[np.float32], delay_h: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """How well the payment time is known: of those who paid in time, who did by the quantile."""
    import xgboost as xgb

    sample = np.linspace(0, len(rows) - 1, min(4000, len(rows))).astype(int)
    names = [*features.NAMES, "piece"]
    periods = np.vstack([survival.periods_of(list(rows[at])) for at in sample])
    hazards = booster.predict(xgb.DMatrix(periods, feature_names=names, nthread=1))
    times = [
        survival.from_hazards(h.astype(np.float64)) for h in hazards.reshape(-1, survival.PIECES)
    ]
    within_h = population.WINDOW_S / 3600
    delays = delay_h[sample]
    in_time = delays <= within_h
    told = {}
    for q in (0.5, 0.8, 0.9):
        until = np.array([t.hours_until(q, within_h=within_h) for t in times])
        told[str(q)] = {
            "paid_by_then": round(float((delays[in_time] <= until[in_time]).mean()), 4),
            "median_h": round(float(np.median(until)), 2),
        }
    return {"n": len(sample), "quantiles_of_those_who_pay_in_time": told}


def _predict(
    booster: Any, rows: npt.NDArray[np.float32], names: list[str]
) -> npt.NDArray[np.float64]:
    import xgboost as xgb

    answer = booster.predict(xgb.DMatrix(rows, feature_names=names, nthread=1))
    return np.asarray(answer, dtype=np.float64)
