"""What owners type when they apply for a card, or object to what was taken from it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.typed import COLOUR_NAMES, PlateField
from monthlycard.models import CardObjection

OWNERS_REASONS = [
    one for one in CardObjection.Reason.choices if one[0] != CardObjection.Reason.QUESTION
]


class Application(forms.Form):
    """A vehicle and the plan for it; the licence's photograph where the plate is not proven yet."""

    plan = forms.SlugField()
    plate = PlateField()
    colour = forms.ChoiceField(label=_("Colour"), choices=list(COLOUR_NAMES.items()))
    licence = forms.FileField(label=_("Vehicle licence"), required=False)


class Objection(forms.Form):
    """Why the owner objects; one choice is enough, words are welcome."""

    reason = forms.ChoiceField(label=_("What is wrong?"), choices=OWNERS_REASONS)
    text = forms.CharField(
        label=_("In your words (optional)"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
