"""Something to pay for: a kiosk's bill, kept in the database and settled by compare-and-set."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core import outbox
from core.errors import Refused
from core.events import Event
from core.models import IdempotencyKey
from payments.rules import BillLine, Quote, Receipt

NAME = "kiosk.bill"
TAB = "kiosk.tab"  # one that may be paid in parts


@dataclass(frozen=True)
class Paid(Event):
    subject_id: int
    order: str


@dataclass(frozen=True)
class Cleared(Event):
    subject_id: int
    left_fen: int


@dataclass(frozen=True)
class PaidOff(Event):
    subject_id: int
    amount_fen: int
    is_part: bool


def owe(
    subject_id: int, amount_fen: int, merchant_id: int, *, name: str = NAME, title: str = ""
) -> tuple[str, int]:
    """A bill over this amount; asked for again, the amount changes."""
    title = title or f"Kiosk {subject_id}"
    IdempotencyKey.objects.update_or_create(
        scope="kiosk",
        key=str(subject_id),
        defaults={
            "request_hash": str(merchant_id),
            "answer": {
                "due_fen": amount_fen,
                "merchant_id": merchant_id,
                "paid_by": None,
                "title": title,
            },
        },
    )
    return name, subject_id


def paid_by(subject_id: int) -> str | None:
    """The number of the order that paid the bill."""
    row = _rows(subject_id).get()
    number: str | None = row.answer["paid_by"]
    return number


def quote(subject_id: int) -> Quote:
    row = _rows(subject_id).first()
    if row is None or row.answer["paid_by"]:
        raise Refused("paid", _("There is nothing to pay here any more."))
    due_fen = row.answer["due_fen"]
    line = BillLine("Tea", 2, "cup", due_fen // 2, due_fen)
    return Quote(due_fen, (line,), row.answer["title"], row.answer["merchant_id"], "due")


def settle(receipt: Receipt, left_fen: int) -> int:
    """Take the whole bill once, nothing when it is no longer due or the money does not reach."""
    row = _rows(receipt.subject_id).first()
    if row is None or left_fen < row.answer["due_fen"]:
        return 0
    unpaid = _rows(receipt.subject_id).filter(answer__paid_by=None)
    if not unpaid.update(answer={**row.answer, "paid_by": receipt.order_number}):
        return 0
    outbox.add(Paid(receipt.subject_id, receipt.order_number))
    return int(row.answer["due_fen"])


def pay_off(receipt: Receipt, left_fen: int) -> int:
    """Take as much of a tab as the money reaches."""
    row = _rows(receipt.subject_id).get()
    taken_fen = min(left_fen, row.answer["due_fen"])
    row.answer["due_fen"] -= taken_fen
    row.save()
    outbox.add(PaidOff(receipt.subject_id, taken_fen, receipt.is_part))
    return int(taken_fen)


def clear(receipt: Receipt, left_fen: int) -> int:
    """A second function in the chain: acts on the settling, takes nothing."""
    outbox.add(Cleared(receipt.subject_id, left_fen))
    return 0


def burst(receipt: Receipt, left_fen: int) -> int:
    """A settling function with an error in it."""
    raise RuntimeError("a bug in a settling function")


STUMBLES: list[Exception] = []  # what settling runs into, one try after the other


def stumble(receipt: Receipt, left_fen: int) -> int:
    """A settling function that works once nothing is in its way any more."""
    if STUMBLES:
        raise STUMBLES.pop(0)
    return 0


def _rows(subject_id: int) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(scope="kiosk", key=str(subject_id))


forgone: list[tuple[int, int]] = []
keeps_fen = 10_000


def forgo(*, item_id: int, amount_fen: int) -> int:
    """So much goes back though the bill stays paid; as far as the kiosk has kept it."""
    forgone.append((item_id, amount_fen))
    return min(amount_fen, keeps_fen)
