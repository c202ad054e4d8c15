"""Monthly cards as arithmetic: who passes, what a visit costs, what a statement says."""

from monthlycard.rules import signing
from monthlycard.rules.admission import (
    AdmissionDecision,
    CardRecord,
    StayPart,
    admit,
    parts_of_stay,
)
from monthlycard.rules.cover import Charge, Cover, QuotaKind, cover, quota_needed
from monthlycard.rules.differences import Difference, compare
from monthlycard.rules.fees import FeeLine, PriceWindow, Terms, fee_lines
from monthlycard.rules.periods import Period, period_before, period_of
from monthlycard.rules.rest import PaidPeriod, Rest, rest_of_card, rest_of_periods
from monthlycard.rules.statement import StatementLine, as_csv, checksum, statement_lines
from monthlycard.rules.stays import card_visits, held_at, too_long
from monthlycard.rules.visits import Oddity, Pass, Visit, pair

__all__ = [
    "AdmissionDecision",
    "CardRecord",
    "Charge",
    "Cover",
    "Difference",
    "FeeLine",
    "Oddity",
    "PaidPeriod",
    "Pass",
    "Period",
    "PriceWindow",
    "QuotaKind",
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
    "cover",
    "fee_lines",
    "held_at",
    "pair",
    "parts_of_stay",
    "period_before",
    "period_of",
    "quota_needed",
    "rest_of_card",
    "rest_of_periods",
    "signing",
    "statement_lines",
    "too_long",
]
