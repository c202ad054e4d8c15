"""A vehicle as two columns keep it."""

from collections.abc import Iterable

from core import plates


def subject_of(text: str, colour: str, user_id: int | None) -> str:
    """Whose habits and whose contact budget it is: the proven holder's, else the vehicle's."""
    return f"user:{user_id}" if user_id else f"plate:{text}/{colour or '?'}"


def holds(own: Iterable[tuple[str, str]], text: str, colour: str) -> bool:
    """Whether this vehicle can be one of those that a person has shown to hold."""
    return plates.holds(own, plates.Plate.of(text, colour) if text else None)
