"""What is typed on pages of no row."""

from django import forms
from django.utils.translation import gettext_lazy as _


class WhyOriginal(forms.Form):
    """Why a person opens a photograph on which strangers can be seen."""

    why = forms.CharField(label=_("I open it because"), min_length=4, max_length=200)
