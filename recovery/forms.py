"""What staff and owners type about recoveries."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class NewOrder(forms.Form):
    """Which vehicle, which berth, which lock; the plate is typed as a second look."""

    berth = forms.CharField(label=_("Berth"), max_length=20)
    typed = forms.CharField(
        label=_("Plate, as you read it on the vehicle"),
        max_length=32,
        help_text=_("The second look: read the plate yourself, do not copy it."),
    )
    look_photograph = forms.FileField(
        label=_("Photograph of the vehicle in this berth, taken now"),
        widget=forms.ClearableFileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )
    lock = forms.ChoiceField(label=_("Lock"))

    def __init__(self, *args: Any, locks: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lock"].choices = [  # type: ignore[attr-defined]
            (lock["id"], " · ".join(part for part in (lock["code"], lock["name"]) if part))
            for lock in locks
        ]


class LookAgain(forms.Form):
    """Another second look, where the first is too old to raise by."""

    typed = NewOrder.base_fields["typed"]
    look_photograph = NewOrder.base_fields["look_photograph"]


class Photograph(forms.Form):
    """A photograph as evidence."""

    photograph = forms.FileField(
        label=_("Photograph"),
        widget=forms.ClearableFileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )


class Objection(forms.Form):
    """Why the owner objects; the codes are those of arrears' disputes."""

    reason = forms.ChoiceField(
        label=_("What is wrong?"),
        choices=[
            ("not_mine", _("Not my vehicle")),
            ("sold", _("The vehicle is sold")),
            ("paid", _("I have paid")),
            ("amount", _("The amount or the time is wrong")),
            ("other", _("Something else")),
        ],
    )
    text = forms.CharField(
        label=_("In your own words (optional)"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
