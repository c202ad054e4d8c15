"""Orders and attempts, invoices, what providers said, refunds, shifts at drawers, payouts,
and the books."""

from payments.models.bills import BillDay, BillDifference, BillEntry
from payments.models.books import LedgerEntry, LedgerTransfer
from payments.models.introductions import Introduction
from payments.models.invoices import Invoice
from payments.models.notices import Notification
from payments.models.orders import Attempt, Order, OrderItem
from payments.models.payouts import Payee, Payout, PayoutLine, PayoutTerms
from payments.models.refunds import Credit, Refund
from payments.models.sandbox import SandboxTrade
from payments.models.shifts import CashShift

__all__ = [
    "Attempt",
    "BillDay",
    "BillDifference",
    "BillEntry",
    "CashShift",
    "Credit",
    "Introduction",
    "Invoice",
    "LedgerEntry",
    "LedgerTransfer",
    "Notification",
    "Order",
    "OrderItem",
    "Payee",
    "Payout",
    "PayoutLine",
    "PayoutTerms",
    "Refund",
    "SandboxTrade",
]
