"""Monthly cards as arithmetic: who passes, what a visit costs, what a statement says."""

from monthlycard.rules import signing
from monthlycard.rules.admission import (
    AdmissionDecision,
    CardRecord,
    StayPart,
    admit,
    parts_of_stay,
)
from monthlycard.rules.differences import Difference, compare
from monthlycard.rules.fees import FeeLine, PriceWindow, Terms, fee_lines
from monthlycard.rules.periods import Period, period_before, period_of
from monthlycard.rules.rest import Rest, rest_of_card
from monthlycard.rules.statement import StatementLine, as_csv, checksum, statement_lines
from monthlycard.rules.stays import card_visits, held_at, too_long
from monthlycard.rules.visits import Oddity, Pass, Visit, pair

__all__ = [
    "AdmissionDecision",
    "CardRecord",
    "Difference",
    "FeeLine",
    "Oddity",
    "Pass",
    "Period",
    "PriceWindow",
    "Rest",
    "StatementLine",
    "StayPart",
    "Terms",
    "Visit",
    "admit",
    "as_csv",
    "card_visits",
    "checksum",
    "compare",
    "fee_lines",
    "held_at",
    "pair",
    "parts_of_stay",
    "period_before",
    "period_of",
    "rest_of_card",
    "signing",
    "statement_lines",
    "too_long",
]
