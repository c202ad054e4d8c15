"""Signed links to one stay, and what each lets its reader see and do."""

from dataclasses import dataclass

from core import links

STAY = "parking.stay"
LIVES_S = 90 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class StayLink:
    """What an address of a stay says. `full`: its reader was its plate's proven holder; `of`: the
    vehicle whose whole plate its reader has typed or was written to for."""

    stay_id: int
    full: bool = False
    of: str = ""

    def shows_holding(self, plate_text: str, plate_colour: str) -> bool:
        """Whether it was given to somebody who holds or knows this plate; never to a passer-by."""
        return bool(plate_text) and (
            self.full or self.of == links.vehicle(plate_text, plate_colour)
        )


def stay_token(stay_id: int, *, full: bool = False, of: str = "") -> str:
    """A link to one stay. `full` shows plate and photographs: only for its proven holder; `of` is
    `core.links.vehicle` of a plate that its reader has shown to know."""
    data = {"id": stay_id, **({"full": 1} if full else {}), **({"of": of} if of else {})}
    return links.sign(STAY, **data)


def read_stay_token(token: str) -> StayLink:
    """What was signed. Raises Missing for a forged or outdated token."""
    data = links.read(STAY, token, max_age_s=LIVES_S)
    return StayLink(stay_id=data["id"], full=bool(data.get("full")), of=data.get("of", ""))
