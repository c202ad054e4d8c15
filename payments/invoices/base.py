"""What is asked of whoever issues tax invoices, and what they say, in our words."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAsked:
    """An invoice that we ask for; the same `number` asks for the same one however often.

    `buyer_tax_no` is "" for a person. `fapiao_no` is the issued invoice's where it is taken back.
    """

    number: str
    amount_fen: int
    buyer_name: str
    buyer_tax_no: str = ""
    fapiao_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSays:
    """How an invoice, or its red letter, stands. `absent`: the number was never heard of.

    `fapiao_no` is the number of the tax office, `url` where the file is.
    """

    stands: Literal["done", "pending", "refused", "absent"]
    fapiao_no: str = ""
    url: str = ""
    problem: str = ""


class IssuerUnclear(Exception):
    """No answer, or one that proves nothing: it may have been issued or not."""


class Issuer(Protocol):
    """Asks an issuer. All calls go over the network; none is made inside a transaction. Each raises
    IssuerUnclear."""

    name: str

    def issue(self, asked: InvoiceAsked) -> InvoiceSays: ...
    def query(self, asked: InvoiceAsked) -> InvoiceSays: ...
    def reverse(self, asked: InvoiceAsked) -> InvoiceSays: ...
    def query_reversal(self, asked: InvoiceAsked) -> InvoiceSays: ...
