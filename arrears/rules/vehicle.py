"""A vehicle as two columns keep it."""

from collections.abc import Iterable

from core.plates import Plate, same_vehicle


def subject_of(text: str, colour: str, user_id: int | None) -> str:
    """Whose habits and whose contact budget it is: the proven holder's, else the vehicle's."""
    return f"user:{user_id}" if user_id else f"plate:{text}/{colour or '?'}"


def holds(own: Iterable[tuple[str, str]], text: str, colour: str) -> bool:
    """Whether this vehicle can be one of those that a person has shown to hold."""
    asked = Plate.of(text, colour)
    return any(same_vehicle(asked, Plate.of(*one)) for one in own if one[0] == text)
