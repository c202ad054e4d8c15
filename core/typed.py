"""Plates that people and other systems write: the one door to a Plate, and the field of a form."""

import secrets
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import plates
from core.errors import Invalid
from core.fields import YuanField
from core.plates import Colour, Plate

COLOUR_NAMES: dict[str, Any] = {
    Colour.blue.value: _("blue"),
    Colour.green.value: _("green"),
    Colour.yellow.value: _("yellow"),
    Colour.yellow_green.value: _("yellow and green"),
    Colour.white.value: _("white"),
    Colour.black.value: _("black"),
}
COLOURS = [("", _("as the plate tells")), *COLOUR_NAMES.items()]
MOST_NEAR = 3  # suggestions that a sentence names; more are noise on a phone


def typed_plate(text: str, colour: str = "") -> Plate:
    """The plate that somebody wrote, however it was written; "" is a colour nobody knows.

    Raises Invalid (`bad_plate`) with the reason in the reader's language; `suggestions` are near
    plates for a person to pick from.
    """
    try:
        return plates.parse(text, colour)
    except plates.BadPlate as error:
        said = _said(text, error)
        raise Invalid(
            "bad_plate", said, fields={"plate": said}, suggestions=list(error.suggestions)
        ) from error


def _said(text: str, error: plates.BadPlate) -> str:
    why = gettext(plates.REASONS[error.code])
    if error.code == "colour":
        seen = plates.COLOURS[plates.parse(text).kind]
        names = gettext(" or ").join(str(COLOUR_NAMES[one]) for one in seen)
        return gettext("%(why)s This one is %(colours)s.") % {"why": why, "colours": names}
    if error.suggestions:
        near = " · ".join(error.suggestions[:MOST_NEAR])
        return gettext("%(why)s Perhaps it is one of these: %(near)s") % {"why": why, "near": near}
    return why


class PlateField(forms.CharField):
    """A plate as people type it, cleaned to its normalised text."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Plate"))
        kwargs.setdefault("max_length", 20)
        super().__init__(**kwargs)
        self.widget.attrs.update(
            {"autocapitalize": "characters", "autocomplete": "off", "spellcheck": "false"}
        )

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if not text:
            return ""
        try:
            return typed_plate(text).text
        except Invalid as error:
            raise forms.ValidationError(error.message, code=error.code) from error


class GiveBackForm(forms.Form):
    """How much goes back, and why; `key` makes one refund of two clicks."""

    amount = YuanField(label=_("How much goes back (¥)"))
    reason = forms.CharField(
        label=_("Why"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, initial={"key": secrets.token_hex(16)}, **kwargs)


class PlatedForm(forms.ModelForm):
    """A row with `plate_text` and `plate_colour`, as people type them."""

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        try:
            typed_plate(given.get("plate_text", ""), given.get("plate_colour", ""))
        except Invalid as error:
            self.add_error("plate_text", str(error.message))
        return given
