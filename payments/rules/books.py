"""The books: accounts, and entries that balance. Signed fen: + is ours to have, − ours to owe.

| account | grows (+) when | shrinks (−) when |
|---|---|---|
| `provider:<name>` | a provider holds money for us | it pays back |
| `counter:<merchant>` | a cashier took cash | a cashier gave it back |
| `differences:<merchant>` | a count came to less than it should | a count came to more |
| `merchant:<id>` | a refund takes from the merchant | the merchant earned it |
| `payers:credit` | a credit is refunded | money arrived for which nothing was due |
| `refunds:pending` | a refund was carried out | a refund was promised |
| `settled:<merchant>` | a payout settles what was earned | - |
| `share` | - | the operator's share is kept of a payout |
| `fees` | - | providers' fees are kept of a payout |
| `holdback:<merchant>` | what was held back goes into a later payout | it is held back |
| `payouts:pending` | a payout has arrived | a payout was approved, or came back |
| `bank` | a payout came back | a payout was made |
"""

from collections.abc import Iterable
from dataclasses import dataclass

CREDIT = "payers:credit"
REFUNDS = "refunds:pending"
SHARE = "share"
FEES = "fees"
PAYOUTS = "payouts:pending"
BANK = "bank"


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transfer; `item_id` leads to the bill that explains it."""

    account: str
    amount_fen: int
    item_id: int | None = None


def provider_account(name: str) -> str:
    return f"provider:{name}"


def counter_account(merchant_id: int) -> str:
    return f"counter:{merchant_id}"


def differences_account(merchant_id: int) -> str:
    return f"differences:{merchant_id}"


def merchant_account(merchant_id: int | str) -> str:
    return f"merchant:{merchant_id}"


def settled_account(merchant_id: int) -> str:
    return f"settled:{merchant_id}"


def holdback_account(merchant_id: int) -> str:
    return f"holdback:{merchant_id}"


def payout_accounts(merchant_id: int) -> list[str]:
    """The accounts whose entries a payout settles: what was earned, and the cash of it in hand."""
    return [
        merchant_account(merchant_id),
        counter_account(merchant_id),
        differences_account(merchant_id),
    ]


def unbalanced_fen(entries: Iterable[Entry]) -> int:
    """By how much these entries miss a balance; 0 for a transfer that may be posted."""
    return sum(entry.amount_fen for entry in entries)
