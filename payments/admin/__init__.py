"""The operator's view of money: orders and the books, the bills of providers, and payouts."""

from payments.admin import bills, money, payouts

__all__ = ["bills", "money", "payouts"]
