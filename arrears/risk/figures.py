"""How good a model is: figures that mean something where most people pay (docs/risk.md)."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def roc_auc(chance: Floats, happened: Bools) -> float:
    """The chance that a random case ranks above a random other; ties count half."""
    order = np.argsort(chance, kind="stable")
    ranks = np.empty(len(chance))
    values = chance[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    ends = np.append(starts[1:], len(values))
    for start, end in zip(starts, ends, strict=True):
        ranks[order[start:end]] = (start + end + 1) / 2
    yes = int(happened.sum())
    no = len(happened) - yes
    if not yes or not no:
        return float("nan")
    return float((ranks[happened].sum() - yes * (yes + 1) / 2) / (yes * no))


def pr_auc(chance: Floats, happened: Bools) -> float:
    """Average precision: what share of those named really are, over all thresholds."""
    order = np.argsort(-chance, kind="stable")
    hits = happened[order]
    if not hits.any():
        return float("nan")
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def brier(chance: Floats, happened: Bools) -> float:
    return float(np.mean((chance - happened) ** 2))


def deciles(chance: Floats, happened: Bools) -> list[dict[str, float]]:
    """Predicted and true share in ten equal groups, from the least to the most likely."""
    groups = np.array_split(np.argsort(chance, kind="stable"), 10)
    return [
        {
            "n": len(group),
            "predicted": round(float(chance[group].mean()), 4),
            "happened": round(float(happened[group].mean()), 4),
        }
        for group in groups
        if len(group)
    ]


def summary(chance: Floats, happened: Bools, threshold: float) -> dict[str, Any]:
    """The figures of one set of stays at one threshold."""
    named = chance >= threshold
    hit = named & happened
    base = float(happened.mean())
    return {
        "n": len(chance),
        "base_rate": round(base, 4),
        "pr_auc": round(pr_auc(chance, happened), 4),
        "roc_auc": round(roc_auc(chance, happened), 4),
        "brier": round(brier(chance, happened), 5),
        "brier_of_base_rate": round(base * (1 - base), 5),
        "named": round(float(named.mean()), 4),
        "precision": round(float(hit.sum() / named.sum()), 4) if named.any() else None,
        "recall": round(float(hit.sum() / happened.sum()), 4) if happened.any() else None,
        "false_alarms": round(float((named & ~happened).sum() / max(1, (~happened).sum())), 4),
    }
