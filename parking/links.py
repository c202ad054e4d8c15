"""Signed links: to a berth, which only whoever has stood there knows, and to one stay.

What each lets its reader see and do is said here alone (docs/decisions/0066).
"""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from core import links

STAY = "parking.stay"
LIVES_S = 90 * 24 * 3600


def berth_path(code: str, version: int) -> str:
    """The address in a berth's code: who has it has stood there. The one place that makes it.

    `version` is `Berth.address_version`; `selectors.berth_path` looks it up.
    """
    return reverse("parking.berth_here", args=[code, _tag(code, version)])


def berth_url(code: str, version: int) -> str:
    """The same as its sign prints it, with our host."""
    return settings.PUBLIC_URL + berth_path(code, version)


def is_berths(tag: str, code: str, version: int) -> bool:
    """Whether this is the last part of the berth's present address."""
    return links.is_tag(tag, _said(code, version))


def _tag(code: str, version: int) -> str:
    return links.tag(_said(code, version))


def _said(code: str, version: int) -> str:
    return f"bowei.berth {version} {code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StayLink:
    """What an address of a stay says. `full`: its reader was its plate's proven holder; `of`: the
    vehicle whose whole plate its reader has typed or was written to for; `here`: they came by the
    code at the berth. Without any of these they have typed a berth's number, from wherever."""

    stay_id: int
    full: bool = False
    of: str = ""
    here: bool = False

    def shows_stay(self, plate_text: str, plate_colour: str) -> bool:
        """Whether its reader may see since when the vehicle stands there, and how its fee is made:
        whoever has stood beside it, or knows its plate."""
        return self.here or self.shows_holding(plate_text, plate_colour)

    def shows_holding(self, plate_text: str, plate_colour: str) -> bool:
        """Whether it was given to somebody who holds or knows this plate; never to a passer-by."""
        return bool(plate_text) and (
            self.full or self.of == links.vehicle(plate_text, plate_colour)
        )


def stay_token(stay_id: int, *, full: bool = False, of: str = "", here: bool = False) -> str:
    """A link to one stay, from which it can be paid. `full` shows plate and photographs: only for
    its proven holder; `of` is `core.links.vehicle` of a plate that its reader has shown to know;
    `here` for whoever came by the berth's code."""
    said = {"full": int(full), "of": of, "here": int(here)}
    return links.sign(STAY, id=stay_id, **{name: value for name, value in said.items() if value})


def read_stay_token(token: str) -> StayLink:
    """What was signed. Raises Missing for a forged or outdated token."""
    data = links.read(STAY, token, max_age_s=LIVES_S)
    return StayLink(
        stay_id=data["id"],
        full=bool(data.get("full")),
        of=data.get("of", ""),
        here=bool(data.get("here")),
    )
