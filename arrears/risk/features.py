"""What a portrait holds: few, explainable facts about how a vehicle's stays were paid (P0.2).

Only the platform's own record counts. Barred, and absent from the SQL that computes the portrait:
province and office of the plate, energy type, section, phone, name, device: whatever stands for a
person's origin, means or home. `more` is the way in which more of a thing may move the risk, held
by the model as a monotone constraint: a clean record can never make anybody look worse.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

VERSION = "p1"


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the portrait; `sentence` has one place, %(value)s."""

    name: str
    more: int  # +1 raises the risk, -1 lowers it, 0 is left to the data
    kind: str  # share | count | hours | days | yuan | flag
    sentence: Promise


FEATURES: tuple[Feature, ...] = (
    Feature("stays", 0, "count", gettext_lazy("%(value)s earlier stays are known.")),
    Feature(
        "late_share",
        1,
        "share",
        gettext_lazy("%(value)s of the earlier stays were paid late or are still unpaid."),
    ),
    Feature(
        "recent_late_share",
        1,
        "share",
        gettext_lazy("Of the last five stays %(value)s were paid late or are still unpaid."),
    ),
    Feature("overdue", 1, "count", gettext_lazy("%(value)s earlier stays are overdue.")),
    Feature(
        "mean_delay_h",
        1,
        "hours",
        gettext_lazy("On average %(value)s passed between leaving and paying."),
    ),
    Feature(
        "last_delay_h",
        1,
        "hours",
        gettext_lazy("After the last stay %(value)s passed without payment."),
    ),
    Feature(
        "prompt_streak", -1, "count", gettext_lazy("The last %(value)s stays were paid in time.")
    ),
    Feature("ahead_share", -1, "share", gettext_lazy("%(value)s of the stays were paid ahead.")),
    Feature(
        "days_since_last", 0, "days", gettext_lazy("The last stay ended %(value)s before this one.")
    ),
    Feature("mean_fee_yuan", 0, "yuan", gettext_lazy("Earlier stays cost %(value)s on average.")),
    Feature("holder_known", -1, "flag", gettext_lazy("The plate has a proven holder.")),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}


def vector(features: Mapping[str, Any]) -> list[float]:
    """The portrait as the model reads it; what is not known is NaN."""
    return [math.nan if features.get(name) is None else float(features[name]) for name in NAMES]


def sentence(name: str, value: float | None) -> str:
    """One feature in words, in the reader's language; says so where there is no history."""
    if name == "holder_known" and not value:
        return _("No proven holder of the plate is known.")
    if value is None or (name == "stays" and not value):
        return _("There is no history of this plate yet.")
    if name == "prompt_streak" and not value:
        return _("The last stay was not paid in time.")
    feature = BY_NAME[name]
    return str(feature.sentence) % {"value": _words(feature.kind, value)}


def _words(kind: str, value: float) -> str:
    if kind == "share":
        return f"{value:.0%}"
    if kind == "hours":
        if value < 1:
            return _("%(n)s minutes") % {"n": round(value * 60)}
        if value < 48:
            return _("%(n)s hours") % {"n": round(value)}
        return _("%(n)s days") % {"n": round(value / 24)}
    if kind == "days":
        return _("%(n)s days") % {"n": round(value)}
    if kind == "yuan":
        return f"¥{value:.2f}"
    return str(round(value))
