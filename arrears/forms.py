"""What people type about debts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.services import clean_phone
from arrears.models import Dispute
from arrears.selectors.calls import By, Why
from arrears.services.calls import LONGEST_WHY, LONGEST_WORD
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


# ── Somebody is on the phone ─────────────────────────────────────────────────────────────────
class LookUp(forms.Form):
    """What a caller names, and what they call for."""

    by = forms.ChoiceField(label=_("The caller names"), choices=By.choices)
    said = forms.CharField(
        label=_("Plate, phone, berth or order number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    why = forms.ChoiceField(label=_("Why they call"), choices=Why.choices)
    words = forms.CharField(label=_("In a few words"), required=False, max_length=LONGEST_WHY - 60)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("why") == Why.OTHER and not given.get("words", "").strip():
            self.add_error("words", _("Say in a few words what it is about."))
        return given

    @property
    def reason(self) -> str:
        """What the trail says: the kind of the call, and the words."""
        said = [str(self.cleaned_data["why"]), self.cleaned_data["words"].strip()]
        return " · ".join(one for one in said if one)


class TakeDown(forms.Form):
    """What a caller said, and whether it is their objection."""

    text = forms.CharField(
        label=_("What was said"),
        max_length=LONGEST_WORD,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    objection = forms.ChoiceField(
        label=_("Is it an objection?"),
        required=False,
        choices=[("", _("No, only a word")), *Dispute.Reason.choices],
    )
    reply_to = forms.CharField(
        label=_("Phone for our answer"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, may_object: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_object:
            del self.fields["objection"], self.fields["reply_to"]
