"""The only way into the books, and whose account a payment stands on."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import Refused
from payments import providers
from payments.errors import BooksDoNotBalance
from payments.models import Attempt, LedgerEntry, LedgerTransfer
from payments.rules import Entry, counter_account, provider_account, unbalanced_fen


def holding_account(attempt: Attempt) -> str:
    """Who has the money of this attempt in hand: the provider, or the merchant's own counter."""
    if not providers.known(attempt.provider).by_hand:
        return provider_account(attempt.provider)
    return counter_account(merchant_of_counter(attempt))


def merchant_of_counter(attempt: Attempt) -> int:
    """The merchant whose cashier took the cash: an order at a counter has one merchant's fees."""
    item = attempt.order.items.filter(moved_from=None).order_by("pk").first()
    assert item is not None
    return item.merchant_id


@transaction.atomic
def post(
    *,
    key: str,
    entries: Iterable[Entry | tuple[str, int]],
    note: str,
    posted_at: datetime | None = None,
) -> LedgerTransfer:
    """Post one balanced transfer, once under `key`: the second time gives the first one back.

    It stands at `posted_at`, when it happened, else now. Entries of 0 fen are left out. Raises
    BooksDoNotBalance, and Refused where the key already stands for other entries. A correction is
    another transfer; nothing is ever changed.
    """
    sides = [one if isinstance(one, Entry) else Entry(*one) for one in entries]
    sides = [one for one in sides if one.amount_fen]
    if unbalanced_fen(sides) or len(sides) < 2:
        raise BooksDoNotBalance(f"{key}: {sides}")
    now = clock.now()
    at = posted_at or now
    transfer, created = LedgerTransfer.objects.get_or_create(
        key=key, defaults={"note": note, "posted_at": at, "recorded_at": now}
    )
    if not created:
        if _kept(transfer) != _told(sides):
            raise Refused("ledger_key_taken", _("This key stands for another transfer."), key=key)
        return transfer
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            transfer=transfer,
            account=side.account,
            amount_fen=side.amount_fen,
            order_item_id=side.item_id,
            posted_at=at,
        )
        for side in sides
    )
    return transfer


def _kept(transfer: LedgerTransfer) -> list[tuple[str, int]]:
    return sorted(transfer.entries.values_list("account", "amount_fen"))


def _told(sides: Sequence[Entry]) -> list[tuple[str, int]]:
    return sorted((side.account, side.amount_fen) for side in sides)
