"""Questions about debts, listings, dues and decisions."""

from arrears.selectors.dues import (
    Decision,
    Due,
    decision_of,
    dues_of,
    dues_of_stays,
    object_path,
    stays_of_text,
    why_path,
)
from arrears.selectors.exempt import exempt_by_plate, is_exempt
from arrears.selectors.facts import (
    DebtFacts,
    Listing,
    any_live,
    debt_of_stay,
    debts,
    demand_delivered,
    graces_of,
    listed_by_plate,
    listing_of,
    live_debts_by_plate,
    objected_to,
    open_debts_of,
)
from arrears.selectors.looks import evidence, looks_to_take
from arrears.selectors.merchants import (
    ages,
    debts_of_merchant,
    disputes_of_merchant,
    disputes_to_answer,
    needs,
    notices_of_merchant,
    with_listing,
)
from arrears.selectors.uplift import Uplift, uplift

__all__ = [
    "DebtFacts",
    "Decision",
    "Due",
    "Listing",
    "Uplift",
    "ages",
    "any_live",
    "debt_of_stay",
    "debts",
    "debts_of_merchant",
    "decision_of",
    "demand_delivered",
    "disputes_of_merchant",
    "disputes_to_answer",
    "dues_of",
    "dues_of_stays",
    "evidence",
    "exempt_by_plate",
    "graces_of",
    "is_exempt",
    "listed_by_plate",
    "listing_of",
    "live_debts_by_plate",
    "looks_to_take",
    "needs",
    "notices_of_merchant",
    "object_path",
    "objected_to",
    "open_debts_of",
    "stays_of_text",
    "uplift",
    "why_path",
    "with_listing",
]
