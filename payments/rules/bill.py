"""What a row that wants to be paid says to the cashier, and what the cashier says back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill: `quantity` × `unit_price_fen` explains `amount_fen`, where it does."""

    text: str
    quantity: int | None = None
    unit: str = ""
    unit_price_fen: int | None = None
    amount_fen: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """What is due at the moment of asking.

    `subject_state` is what the payer's page may show; `leave_by` is until when a vehicle that
    still stands may leave if this is paid now. `asked_of` is whose the bill is, where somebody else
    may turn out to owe it: a bill of another is another bill.
    """

    amount_fen: int
    lines: tuple[BillLine, ...]
    title: str
    merchant_id: int
    subject_state: str = ""
    asked_of: str = ""
    leave_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that has arrived for one item; handed to every function that settles it.

    `paid_at` is business time; `actor` says who told us (`provider:wechat`, `user:12`); `is_part`
    that the payer asked to pay less than was due; `asked_of` is the quote's.
    """

    order_number: str
    item_id: int
    payable: str
    subject_id: int
    paid_at: datetime
    actor: str
    provider: str
    is_part: bool = False
    asked_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A vehicle still stands that was paid for: up to when, and until when it may leave."""

    paid_until: datetime | None
    leave_by: datetime


@dataclass(frozen=True, slots=True)
class Payable:
    """Who says what is due (`quote`) and who settles it, in this order (`settle`).

    `quote(subject_id) -> Quote` raises Refused where nothing is due. Each settling function takes
    `(receipt, left_fen)`, returns the fen it took and never raises for money that has arrived.
    `standing(subject_id)` says until when a vehicle that still stands is paid, or None; while it
    does its payer corrects the payment on the page named `correct`, and pays for longer on the one
    named `more`, both by the order's token.
    `forgo(item_id=, amount_fen=)` notes that so much of an item goes back though what it paid for
    stays paid, and says how much could be noted; without it only the subject itself gives back.
    `in_parts`: whether a part of what is due may be paid. `contest(subject_id)` is the page where
    whoever has paid may object, "" for none; `explain(subject_id)` the portal's page
    that shows what was paid for, with its photographs, "" for none.
    """

    quote: Callable[[int], Quote]
    settle: Sequence[Callable[[Receipt, int], int]]
    standing: Callable[[int], Standing | None] | None = None
    correct: str = ""
    more: str = ""
    in_parts: bool = False
    contest: Callable[[int], str] | None = None
    explain: Callable[[int], str] | None = None
    forgo: Callable[..., int] | None = None
