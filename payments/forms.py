"""What payers type about money."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.fields import YuanField


class PartForm(forms.Form):
    """How much of a bill is paid now."""

    part = YuanField(label=_("How much now"))
