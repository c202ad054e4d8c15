"""A vehicle as two columns keep it."""

from core.plates import Colour, Plate


def plate_of(text: str, colour: str) -> Plate:
    """The plate of two columns; "" is a colour nobody knows."""
    return Plate(text, Colour(colour) if colour else None)


def subject_of(text: str, colour: str, user_id: int | None) -> str:
    """Whose habits and whose contact budget it is: the proven holder's, else the vehicle's."""
    return f"user:{user_id}" if user_id else f"plate:{text}/{colour or '?'}"
