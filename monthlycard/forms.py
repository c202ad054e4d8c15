"""What owners type when they apply for a card."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.typed import COLOUR_NAMES, PlateField


class Application(forms.Form):
    """A vehicle and the plan for it; the licence's photograph where the plate is not proven yet."""

    plan = forms.SlugField()
    plate = PlateField()
    colour = forms.ChoiceField(label=_("Colour"), choices=list(COLOUR_NAMES.items()))
    licence = forms.FileField(label=_("Vehicle licence"), required=False)
