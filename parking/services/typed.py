"""Plates that people type."""

from core import plates
from core.errors import Invalid


def typed_plate(text: str, colour: str) -> tuple[str, str]:
    """A plate that a person typed, normalised. Raises Invalid with the reason and suggestions."""
    try:
        plate = plates.parse(text, colour or None)
    except plates.BadPlate as error:
        raise Invalid(
            "bad_plate",
            error.text,
            fields={"plate": error.text},
            suggestions=list(error.suggestions),
        ) from error
    return plate.text, str(plate.colour or "")
