"""What a merchant asks of itself before it uses a lock: said by two (docs/rules.md L6)."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import selectors as accounts
from accounts.services import Weight, by_two
from core import audit
from recovery.models import LockTerms


def _weight_of_terms(*, actor: str, merchant_id: int, **_said: Any) -> Weight:
    """From which debt on locks go up is never one person's word."""
    return Weight(merchant_id=None, fen=None, about=accounts.merchant(merchant_id).name)


@by_two(
    "recovery.set_terms",
    word=_("Change from which debt on a lock may go up"),
    right="recovery.change_lockterms",
    subject="merchant_id",
    weigh=_weight_of_terms,
)
@transaction.atomic
def set_terms(*, merchant_id: int, floor_fen: int, actor: str) -> LockTerms:
    """No lock of this merchant goes up below `floor_fen` from now on."""
    usual = {"floor_fen": LockTerms.FLOOR_FEN}
    terms, _made = LockTerms.objects.get_or_create(merchant_id=merchant_id, defaults=usual)
    LockTerms.objects.filter(pk=terms.pk).update(floor_fen=floor_fen)
    audit.record(terms, "said", actor=actor, before_fen=terms.floor_fen, after_fen=floor_fen)
    terms.floor_fen = floor_fen
    return terms
