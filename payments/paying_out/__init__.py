"""How payouts leave: a file that a bank takes in. Another way is another module of this folder."""

from payments.paying_out.bank_file import bank_file
from payments.paying_out.base import Transfer

__all__ = ["Transfer", "bank_file"]
