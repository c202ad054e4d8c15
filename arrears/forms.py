"""What people type about debts."""

from django import forms
from django.utils.translation import gettext_lazy as _

from arrears.models import Dispute
from core.typed import PlateField


class WholePlate(forms.Form):
    """The plate that a stay is kept under: who types all of it may object to the stay."""

    plate = PlateField(label=_("The whole plate of the vehicle"))


class Objection(forms.Form):
    """Why the owner objects; one choice is enough, words are welcome."""

    reason = forms.ChoiceField(
        label=_("What is wrong?"), choices=Dispute.Reason.choices, widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=_("In your words (optional)"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class Answer(forms.Form):
    """A person's answer to an objection."""

    verdict = forms.ChoiceField(
        label=_("Answer"),
        choices=[
            ("upheld", _("The owner is right: nothing is asked any more")),
            ("rejected", _("The fee stands")),
        ],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("Why, in words for the owner"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PaperNotice(forms.Form):
    """The photograph of a paper notice at the vehicle."""

    photograph = forms.FileField(
        label=_("Photograph of the notice at the vehicle"),
        widget=forms.ClearableFileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )
