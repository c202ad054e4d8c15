"""Cards, the lots they open, what the lots report, and the statements that both sides check."""

from monthlycard.models.cards import Card, CardPeriod, CardVehicle, Plan, PlanVersion, RecordCursor
from monthlycard.models.lots import Agreement, LotSystem
from monthlycard.models.reports import PassRecord, Question
from monthlycard.models.statements import (
    CardObjection,
    Deduction,
    Statement,
    StatementCorrection,
    StatementDifference,
    StatementItem,
)

__all__ = [
    "Agreement",
    "Card",
    "CardObjection",
    "CardPeriod",
    "CardVehicle",
    "Deduction",
    "LotSystem",
    "PassRecord",
    "Plan",
    "PlanVersion",
    "Question",
    "RecordCursor",
    "Statement",
    "StatementCorrection",
    "StatementDifference",
    "StatementItem",
]
