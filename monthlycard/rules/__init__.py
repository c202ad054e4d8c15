"""Monthly cards as arithmetic: who passes, what a visit costs, what a statement says."""

from monthlycard.rules import signing
from monthlycard.rules.admission import CardRecord, Decision, Part, admit, parts_of_stay
from monthlycard.rules.differences import Difference, compare
from monthlycard.rules.fees import FeeLine, Terms, Window, fee_lines
from monthlycard.rules.periods import Period, period_before
from monthlycard.rules.statement import StatementLine, as_csv, checksum, statement_lines
from monthlycard.rules.visits import Oddity, Pass, Visit, pair

__all__ = [
    "CardRecord",
    "Decision",
    "Difference",
    "FeeLine",
    "Oddity",
    "Part",
    "Pass",
    "Period",
    "StatementLine",
    "Terms",
    "Visit",
    "Window",
    "admit",
    "as_csv",
    "checksum",
    "compare",
    "fee_lines",
    "pair",
    "parts_of_stay",
    "period_before",
    "signing",
    "statement_lines",
]
