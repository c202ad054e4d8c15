"""What owners type when they apply for a card."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.plates import Colour


class Application(forms.Form):
    """A vehicle and the plan for it; the licence's photograph where the plate is not proven yet."""

    plan = forms.SlugField()
    plate = forms.CharField(label=_("Plate"), max_length=16)
    colour = forms.ChoiceField(label=_("Colour"), choices=[(c.value, c.value) for c in Colour])
    licence = forms.FileField(label=_("Vehicle licence"), required=False)
