"""Who issues tax invoices (数电票) for merchants: the port, and the one that is set up here."""

from typing import Any

from django.conf import settings

from core.environment import Account
from payments.invoices.base import Issuer

NUONUO: Account = Account(
    variable="BOWEI_NUONUO",
    needed={
        "app_key": "our app at the Nuonuo open platform (诺税通)",
        "app_secret": "its secret, which signs what we ask",
        "sellers": "by merchant code, whom it issues for: `taxnum`, `name`, `token`, `clerk`, "
        "`goods_name`, `goods_code` and `tax_rate` of each, and `extension` where it has one",
    },
    optional={"gateway": "another address than Nuonuo's own, for trials"},
)


def issuer_for(merchant: Any) -> Issuer | None:
    """Who issues this merchant's invoices; None where nobody does, so that none is offered."""
    said: dict[str, Any] = settings.BOWEI_INVOICES
    if said.get("sellers", {}).get(merchant.code):
        from payments.invoices.nuonuo import Nuonuo

        return Nuonuo(said, merchant.code)
    if not said and not settings.PRODUCTION:
        from payments.invoices.sandbox import Sandbox

        return Sandbox()
    return None
