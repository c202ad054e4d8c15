"""What money does by arithmetic alone: bills, allocation, books and numbers (docs/rules.md 5)."""

from payments.rules.allocation import ItemSettling, ItemShare, allocate, settle_in_order
from payments.rules.bill import BillLine, Payable, Quote, Receipt, Standing
from payments.rules.books import (
    BANK,
    CREDIT,
    FEES,
    PAYOUTS,
    REFUNDS,
    SHARE,
    Entry,
    counter_account,
    differences_account,
    holdback_account,
    merchant_account,
    payout_accounts,
    provider_account,
    settled_account,
    unbalanced_fen,
)
from payments.rules.numbers import (
    attempt_number,
    is_number,
    order_number,
    payout_number,
    refund_number,
)
from payments.rules.waiting import next_look_s

__all__ = [
    "BANK",
    "CREDIT",
    "FEES",
    "PAYOUTS",
    "REFUNDS",
    "SHARE",
    "BillLine",
    "Entry",
    "ItemSettling",
    "ItemShare",
    "Payable",
    "Quote",
    "Receipt",
    "Standing",
    "allocate",
    "attempt_number",
    "counter_account",
    "differences_account",
    "holdback_account",
    "is_number",
    "merchant_account",
    "next_look_s",
    "order_number",
    "payout_accounts",
    "payout_number",
    "provider_account",
    "refund_number",
    "settle_in_order",
    "settled_account",
    "unbalanced_fen",
]
