"""What people type about debts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.services import clean_phone
from arrears.models import Dispute
from core.errors import BoweiError
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
    reply_to = forms.CharField(
        label=_("Phone for our answer (optional)"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )

    def __init__(self, *args: Any, known_phone: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if known_phone:
            del self.fields["reply_to"]

    def clean_reply_to(self) -> str:
        typed: str = self.cleaned_data["reply_to"]
        if typed.strip():
            try:
                return clean_phone(typed)
            except BoweiError as error:
                raise forms.ValidationError(str(error.message)) from error
        return ""


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
