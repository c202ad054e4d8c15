"""Changes: cards, what lots report, statements and deductions."""

from monthlycard.services.cards import (
    apply,
    change_plate,
    end_card,
    grant,
    quote_card,
    resume,
    settle_card,
    suspend,
    verify,
)
from monthlycard.services.lots import (
    add_lot_system,
    answer_question,
    draft_agreement,
    sign_by_lot,
    sign_by_platform,
    take_passes,
)
from monthlycard.services.statements import (
    answer_statement,
    close_due,
    close_period,
    deduct,
    quote_deduction,
    settle_deduction,
)

__all__ = [
    "add_lot_system",
    "answer_question",
    "answer_statement",
    "apply",
    "change_plate",
    "close_due",
    "close_period",
    "deduct",
    "draft_agreement",
    "end_card",
    "grant",
    "quote_card",
    "quote_deduction",
    "resume",
    "settle_card",
    "settle_deduction",
    "sign_by_lot",
    "sign_by_platform",
    "suspend",
    "take_passes",
    "verify",
]
