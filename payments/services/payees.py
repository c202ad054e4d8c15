"""What is agreed with merchants about payouts and where their money goes; always by two."""

import re
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import selectors as people
from accounts.services import Weight, by_two
from core import audit, clock, personal
from core.errors import Invalid, Missing
from payments.models import Payee, PayoutTerms


def _always(*, actor: str, merchant_id: int, **_said: Any) -> Weight:
    return Weight(merchant_id=None, fen=None, about=people.merchant(merchant_id).name)


@by_two(
    "payments.say_payout_terms",
    word=_("Agree about payouts"),
    right="payments.add_payoutterms",
    subject="merchant_id",
    weigh=_always,
    moments=("valid_from",),
)
@transaction.atomic
def say_payout_terms(
    *,
    merchant_id: int,
    valid_from: datetime,
    share_bp: int,
    fees_borne: bool,
    hold_bp: int,
    hold_fen: int,
    hold_days: int,
    least_fen: int,
    weekday: int | None,
    why: str,
    actor: str,
) -> PayoutTerms:
    """A new version of what is agreed with a merchant. What was drawn up already stays as it is.

    Raises Invalid where a version begins at that moment already.
    """
    try:
        with transaction.atomic():
            row = PayoutTerms.objects.create(
                merchant_id=merchant_id,
                valid_from=valid_from,
                share_bp=share_bp,
                fees_borne=fees_borne,
                hold_bp=hold_bp,
                hold_fen=hold_fen,
                hold_days=hold_days,
                least_fen=least_fen,
                weekday=weekday,
                why=why[:200],
                said_by=actor,
            )
    except IntegrityError:
        raise Invalid("version_taken", _("Another version begins at that moment.")) from None
    audit.record(row, "said", actor=actor, reason=why, share_bp=share_bp)
    return row


@by_two(
    "payments.say_payee",
    word=_("Change where a merchant's money goes"),
    right="payments.add_payee",
    subject="merchant_id",
    weigh=_always,
    secrets=("holder", "number"),
)
@transaction.atomic
def say_payee(
    *, merchant_id: int, holder: str, number: str, bank: str, bank_code: str, why: str, actor: str
) -> Payee:
    """From now on this merchant's money goes to this account. Raises Invalid for no account."""
    digits = re.sub(r"[\s-]", "", number)
    if not re.fullmatch(r"[0-9]{8,32}", digits):
        raise Invalid("bad_account", _("An account number has 8 to 32 digits."))
    if bank_code and not re.fullmatch(r"[0-9]{12}", bank_code):
        raise Invalid("bad_bank_code", _("The number of a branch has 12 digits."))
    row = Payee.objects.create(
        merchant_id=merchant_id,
        holder_sealed=personal.seal(holder.strip()),
        number_sealed=personal.seal(digits),
        tail=digits[-4:],
        bank=bank.strip()[:100],
        bank_code=bank_code,
        valid_from=clock.now(),
        why=why[:200],
        said_by=actor,
    )
    audit.record(row, "said", actor=actor, reason=why)
    return row


@transaction.atomic
def reveal_payee(*, payee_id: int, why: str, actor: str) -> tuple[str, str]:
    """Holder and number of where a merchant's money goes, for a reason that the trail keeps.

    Raises Missing, Invalid without a reason.
    """
    if not why.strip():
        raise Invalid("no_reason", _("Say why."))
    row = Payee.objects.filter(pk=payee_id).first()
    if row is None:
        raise Missing()
    audit.record(row, "read whole", actor=actor, reason=why.strip()[:200])
    return personal.unseal(row.holder_sealed), personal.unseal(row.number_sealed)
