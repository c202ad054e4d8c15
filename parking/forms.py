"""What people type about berths, stays and plates."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.fields import MomentField
from core.typed import COLOURS, GiveBackForm, PlateField
from parking.models import Berth, Permit, Section


class FindBerth(forms.Form):
    """The code on the sign of a berth."""

    berth = forms.CharField(
        label=_("Berth code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )


class LeftForm(FindBerth):
    """Where a vehicle stood and its plate: who knows both may pay."""

    plate = PlateField()


class DraftForm(forms.Form):
    """Place, time and plate of a pre-payment (P2.4)."""

    section = forms.ModelChoiceField(
        label=_("Road"), queryset=Section.objects.none(), empty_label=None
    )
    plate = PlateField()
    colour = forms.ChoiceField(label=_("Plate colour"), choices=COLOURS, required=False)
    minutes = forms.TypedChoiceField(
        label=_("How long"),
        coerce=int,
        initial=60,
        choices=[
            (30, _("30 minutes")),
            (60, _("1 hour")),
            (120, _("2 hours")),
            (180, _("3 hours")),
            (240, _("4 hours")),
            (480, _("8 hours")),
        ],
    )

    def __init__(self, *args: Any, berth: Berth | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if berth is not None:  # its road is known
            del self.fields["section"]
            return
        field = self.fields["section"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Section.objects.order_by("name", "pk")


class SignForm(forms.Form):
    """What is strange about a code on the street."""

    berth = forms.CharField(
        label=_("Berth code on the sign, if it has one"), max_length=20, required=False
    )
    place = forms.CharField(label=_("Where does it hang?"), max_length=200, required=False)
    text = forms.CharField(
        label=_("What is strange about it?"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    photograph = forms.FileField(
        label=_("Photograph, if you have one"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    latitude = forms.FloatField(
        required=False, min_value=-90, max_value=90, widget=forms.HiddenInput
    )
    longitude = forms.FloatField(
        required=False, min_value=-180, max_value=180, widget=forms.HiddenInput
    )

    @property
    def position(self) -> tuple[float, float] | None:
        """Where the person stands, if they chose to say."""
        north, east = self.cleaned_data["latitude"], self.cleaned_data["longitude"]
        return None if north is None or east is None else (north, east)


class PlateForm(forms.Form):
    """A plate with its colour."""

    plate = PlateField()
    colour = forms.ChoiceField(label=_("Plate colour"), choices=COLOURS, required=False)


class ReasonForm(forms.Form):
    """Why something is changed by hand."""

    reason = forms.CharField(
        label=_("Why"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class MoveForm(ReasonForm):
    """For which stay a payment was meant; no berth and plate: it goes back."""

    payment = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    berth = forms.CharField(
        label=_("Berth code"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )
    plate = PlateField(required=False)


class ReturnForm(GiveBackForm):
    """The same, of one payment of a stay."""

    payment = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class ChosenMoveForm(MoveForm):
    """The same, where the payment is chosen from those of a stay: `ways` of (number, words)."""

    field_order = ("payment", "berth", "plate", "reason")

    def __init__(self, *args: Any, ways: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payment"] = forms.TypedChoiceField(
            label=_("Payment"), coerce=int, choices=ways
        )
        self.order_fields(self.field_order)


class CloseForm(ReasonForm):
    """When a vehicle left, as a person knows it."""

    left_at = MomentField(
        label=_("Left at"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )


class OpenForm(ReasonForm):
    """A stay that no sensor saw."""

    berth = forms.CharField(label=_("Berth code"), max_length=20)
    arrived_at = MomentField(
        label=_("Arrived at"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    plate = PlateField(required=False)
    colour = forms.ChoiceField(label=_("Plate colour"), choices=COLOURS, required=False)


class PermitForm(forms.Form):
    """A vehicle that stands free, where and when, and what shows that it may."""

    plate = PlateField()
    colour = forms.ChoiceField(label=_("Plate colour"), choices=COLOURS, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=Permit.KINDS)
    why = forms.CharField(
        label=_("What shows it"),
        max_length=300,
        help_text=_("Which paper you have seen, and its number."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    sections = forms.ModelMultipleChoiceField(
        label=_("Roads"),
        queryset=Section.objects.none(),
        required=False,
        help_text=_("None chosen: all of yours."),
        widget=forms.CheckboxSelectMultiple,
    )
    since = MomentField(
        label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = MomentField(
        label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    starts = forms.TimeField(
        label=_("Each day from"),
        initial="00:00",
        help_text=_("Both at 00:00: all day."),
        widget=forms.TimeInput(attrs={"type": "time"}),
    )
    ends = forms.TimeField(
        label=_("Each day until"),
        initial="00:00",
        widget=forms.TimeInput(attrs={"type": "time"}),
    )

    def __init__(self, *args: Any, merchant_id: int, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="permit-%s", **kwargs)
        field = self.fields["sections"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = Section.objects.filter(merchant_id=merchant_id).order_by("name", "pk")
