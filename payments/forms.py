"""What payers, and those who take cash, type about money."""

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from core.fields import YuanField
from core.money import MOST_PAYMENT_FEN
from core.typed import GiveBackForm

COUNTABLE = [MinValueValidator(0), MaxValueValidator(MOST_PAYMENT_FEN)]


class RefundForm(GiveBackForm):
    """The same, of one of an order's lines: `ways` of (number, words)."""

    field_order = ("item",)

    def __init__(self, *args: Any, ways: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["item"] = forms.TypedChoiceField(
            label=_("Of which line"), coerce=int, choices=ways
        )
        self.order_fields(self.field_order)


class PartForm(forms.Form):
    """How much of a bill is paid now."""

    part = YuanField(label=_("How much now"))


class OpeningForm(forms.Form):
    """What lies in a drawer before any cash is taken."""

    opening = YuanField(
        label=_("Change in the drawer (¥)"), validators=COUNTABLE, help_text=_("0 for an empty one")
    )


class CountForm(forms.Form):
    """What was counted in a drawer, or received from it, and why it is another sum."""

    counted = YuanField(label=_("Counted (¥)"), validators=COUNTABLE)
    why = forms.CharField(label=_("Why, where it differs"), max_length=200, required=False)


class BuyerForm(forms.Form):
    """Whom a tax invoice is for."""

    buyer_name = forms.CharField(label=_("Whom it is for (name or company)"), max_length=100)
    buyer_tax_no = forms.CharField(label=_("Tax number (companies)"), required=False, max_length=24)
