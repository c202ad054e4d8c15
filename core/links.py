"""Signed links: an address that carries its own permission."""

from typing import Any

from django.core import signing

from core import personal
from core.errors import Missing


def sign(purpose: str, **data: Any) -> str:
    """A token for a web address; it opens only what `purpose` names."""
    return signing.dumps(data, salt=f"bowei.link.{purpose}", compress=True)


def vehicle(plate_text: str, plate_colour: str) -> str:
    """A vehicle as a link may name it, without its plate: whoever reads the address learns none."""
    return personal.digest(f"{plate_text}/{plate_colour}")[:16]


def read(purpose: str, token: str, *, max_age_s: int | None = None) -> dict[str, Any]:
    """What was signed. Raises Missing for a forged, foreign or outdated token."""
    try:
        data: dict[str, Any] = signing.loads(token, salt=f"bowei.link.{purpose}", max_age=max_age_s)
    except signing.BadSignature as error:
        raise Missing("bad_link") from error
    return data
