"""What a bank is asked for, in our words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One transfer to a merchant's account; the same `out_no` asks for the same one."""

    out_no: str
    holder: str
    number: str
    bank: str
    bank_code: str
    amount_fen: int
    purpose: str
