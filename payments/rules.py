"""What can be paid: the values that payments and the rows that are paid for agree on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One line of a bill; `amount_fen` is what counts, quantity and unit price explain it."""

    text: str
    amount_fen: int
    quantity: int = 1
    unit: str = ""
    unit_price_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What is due at the moment of asking; the lines sum to the amount."""

    amount_fen: int
    lines: tuple[BillLine, ...]
    title: str
    merchant_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that has arrived for one item of an order."""

    order_number: str
    item_id: int
    payable: str
    subject_id: int
    paid_at: datetime
    actor: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """Dotted names: `quote(subject_id) -> Quote`, `settle(receipt, left_fen) -> taken fen`.

    `quote` raises Refused where nothing is due. The functions of `settle` run in order in the
    payment's transaction and never raise for money that has arrived; each is given what the ones
    before it left. What none of them took is the payer's credit or refund.
    """

    quote: str
    settle: tuple[str, ...]
