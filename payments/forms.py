"""What payers, and those who take cash, type about money."""

import secrets
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from core.fields import YuanField
from core.money import MOST_PAYMENT_FEN

COUNTABLE = [MinValueValidator(0), MaxValueValidator(MOST_PAYMENT_FEN)]


class RefundForm(forms.Form):
    """How much of which line goes back, and why; `key` makes one refund of two clicks."""

    item = forms.TypedChoiceField(label=_("Of which line"), coerce=int)
    amount = YuanField(label=_("How much goes back"))
    reason = forms.CharField(
        label=_("Why"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, ways: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, initial={"key": secrets.token_hex(16)}, **kwargs)
        item: Any = self.fields["item"]
        item.choices = ways


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
