"""Asking a model about one portrait: chance, payment time, and what moved the score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from arrears.risk import features, survival
from arrears.risk.registry import TrainedModel

TOLD = 4  # more reasons than a person reads explain nothing


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """One fact that moved the score; `push` in log-odds, positive raises the risk."""

    feature: str
    value: float | None
    push: float


@dataclass(frozen=True, slots=True)
class Score:
    probability: float  # of not paying within the pay window, calibrated
    reasons: tuple[ScoreReason, ...]
    payment_time: survival.PaymentTime


def score(model: TrainedModel, portrait: Mapping[str, Any]) -> Score:
    """The model's answer to one portrait; the same portrait always gets the same answer."""
    import xgboost as xgb

    row = features.vector(portrait)
    names = list(features.NAMES)
    matrix = xgb.DMatrix(np.array([row], dtype=np.float32), feature_names=names, nthread=1)
    raw = model.risk.predict(matrix)
    pushes = model.risk.predict(matrix, pred_contribs=True)[0][:-1]
    periods = xgb.DMatrix(survival.periods_of(row), feature_names=[*names, "piece"], nthread=1)
    hazards = model.payment_time.predict(periods).astype(np.float64)
    return Score(
        probability=float(model.calibration(raw)[0]),
        reasons=_told(portrait, pushes),
        payment_time=survival.from_hazards(hazards),
    )


def _told(portrait: Mapping[str, Any], pushes: Any) -> tuple[ScoreReason, ...]:
    """The strongest reasons, each said once: without history there is one reason, that one."""
    if not portrait.get("stays"):
        return (ScoreReason("stays", 0.0, round(float(sum(pushes)), 4)),)
    strongest = np.argsort(-np.abs(pushes))
    told = []
    for at in strongest[:TOLD]:
        name = features.NAMES[int(at)]
        value = portrait.get(name)
        if value is not None and abs(pushes[at]) >= 0.05:
            told.append(ScoreReason(name, round(float(value), 4), round(float(pushes[at]), 4)))
    return tuple(told)
