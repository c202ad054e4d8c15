"""Orders and attempts, what providers said, refunds, and the books."""

from payments.models.books import LedgerEntry, LedgerTransfer
from payments.models.introductions import Introduction
from payments.models.notices import Notification
from payments.models.orders import Attempt, Order, OrderItem
from payments.models.refunds import Credit, Refund
from payments.models.sandbox import SandboxTrade

__all__ = [
    "Attempt",
    "Credit",
    "Introduction",
    "LedgerEntry",
    "LedgerTransfer",
    "Notification",
    "Order",
    "OrderItem",
    "Refund",
    "SandboxTrade",
]
