"""Debts and their demands, who is listed and who was told, portraits, plans and contacts."""

from arrears.models.assistance import Contact, OptOut, Plan, Scheme
from arrears.models.calls import CallNote
from arrears.models.debts import BlacklistEntry, Debt, Demand, Dispute, PayWindow
from arrears.models.exempt import ExemptVehicle
from arrears.models.looks import Look
from arrears.models.notices import RecoveryNotice
from arrears.models.risk import Assessment, Portrait, RiskModel, ShadowScore, Watch
from arrears.models.rules import ListingRule

__all__ = [
    "Assessment",
    "BlacklistEntry",
    "CallNote",
    "Contact",
    "Debt",
    "Demand",
    "Dispute",
    "ExemptVehicle",
    "ListingRule",
    "Look",
    "OptOut",
    "PayWindow",
    "Plan",
    "Portrait",
    "RecoveryNotice",
    "RiskModel",
    "Scheme",
    "ShadowScore",
    "Watch",
]
