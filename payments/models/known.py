"""What the models of money know: the ways to pay, and their states."""

from django.db import models
from django.utils.translation import gettext_lazy as _

WAYS = {
    "wechat": _("WeChat Pay"),
    "alipay": _("Alipay"),
    "sandbox": _("Sandbox (no real money)"),
    "counter": _("Cash at the counter"),
}


def known_states(name: str, *states: str) -> models.CheckConstraint:
    """A constraint that allows these states only."""
    return models.CheckConstraint(condition=models.Q(state__in=states), name=name)
