"""The operator's view of money: orders and the books, and the bills of providers."""

from payments.admin import bills, money

__all__ = ["bills", "money"]
