"""Which plate a stay has where no single reading settles it: what independent voices agree on.

Pure. A photograph has a voice for each text that its reader holds for likelier than not, whoever
declared a plate for the berth has one. Two of them that say the same settle the plate, where they
are together as sure as a reading must be that bills by itself. A declaration alone settles nothing:
it would move a fee to whose plate was declared (docs/rules.md L1, docs/rules.md 7).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Final

from core import plates
from core.plates import Plate

SURE: Final = 0.90
"""Nobody is billed on what nobody is accused on."""

SPEAKS: Final = 0.50
"""What a reader thinks less likely than this it has not said."""

DECLARED: Final = 0.80
"""How far a declaration is believed beside a photograph."""

OF_ANOTHER: Final = 0.50
"""The same where the plate has a proven holder who is not the one that declares it."""

UNTRUSTED: Final = 0.50
"""The most that a photograph counts whose camera does not bill by itself."""


AGAIN: Final = 0.5
"""The weight of another photograph by the same camera: a dirty plate or a bad angle misleads it in
the same way again."""


class By(StrEnum):
    """Whose voice it is."""

    photograph = "photograph"
    owner = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Somebody says that this is the plate. `voter` names who: one photograph, one declaration;
    `eye` the camera, where several photographs may be one's."""

    by: By
    voter: str
    plate: Plate
    certainty: float
    eye: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the voices come to: a plate with its certainty, or None and why not.

    `why`: agreed; silent (nobody says anything), alone (one voice), weak (too little together),
    divided (two plates, or a sure photograph of another vehicle).
    """

    plate: Plate | None
    certainty: float
    why: str
    voters: frozenset[str] = frozenset()


def count(voices: Iterable[Voice], *, alike: Callable[[Plate, Plate], bool]) -> Tally:
    """What these voices come to (docs/parking.md "Votes").

    `alike` says whether a reader may take the second plate for the first. Only such a reading is
    outvoted: a sure photograph of quite another plate shows another vehicle, and that is a question
    for a person. Who declares different plates for one stay, alone or beside others, has no voice.
    """
    heard = [one for one in voices if one.certainty >= SPEAKS]
    photographs = [one for one in heard if one.by is By.photograph]
    declared = _declared([one for one in heard if one.by is By.owner])
    if not photographs and declared is None:
        return Tally(plate=None, certainty=0.0, why="silent")
    sums = [_sum(plate, photographs, declared) for plate in _plates(photographs)]
    together = [one for one in sums if len(one.voters) > 1]
    if not together:
        return Tally(plate=None, certainty=0.0, why="alone" if len(sums) < 2 else "divided")
    enough = [one for one in together if one.certainty >= SURE]
    if not enough:
        return Tally(plate=None, certainty=together[0].certainty, why="weak")
    best = max(enough, key=lambda one: one.certainty)
    assert best.plate is not None
    if len(enough) > 1 or _contradicts(best, photographs, alike):
        return Tally(plate=None, certainty=best.certainty, why="divided")
    return best


def _declared(voices: list[Voice]) -> Voice | None:
    """The one plate that was declared; None for none, and for several."""
    if any(not plates.same_vehicle(voices[0].plate, one.plate) for one in voices):
        return None
    return max(voices, key=lambda one: one.certainty, default=None)


def _plates(photographs: list[Voice]) -> list[Plate]:
    """The vehicles that photographs may show. A colour that was not read joins the only vehicle
    that was read with this text, and is none's where there are two."""
    texts = dict.fromkeys(one.plate.text for one in photographs)
    found: list[Plate] = []
    for text in texts:
        read = [one.plate for one in photographs if one.plate.text == text]
        grounds = {plates.alike(one.colour) for one in read if one.colour is not None}
        if not grounds:
            found.append(Plate(text))
        for ground in grounds:
            found.append(next(one for one in read if one.colour in ground))
    return [one for one in found if plates.check(one.text, one.colour).valid]


def _sum(plate: Plate, photographs: list[Voice], declared: Voice | None) -> Tally:
    """Who says this plate, and how sure they are together: wrong only where all are wrong."""
    sure: dict[str, Voice] = {}
    several = len([one for one in _plates(photographs) if one.text == plate.text]) > 1
    for one in [*photographs, *([declared] if declared else [])]:
        nobodys = several and one.plate.colour is None
        if plates.same_vehicle(one.plate, plate) and not nobodys:
            sure[one.voter] = max(one, sure.get(one.voter, one), key=lambda voice: voice.certainty)
    certainty = round(1 - _all_wrong(sure.values()), 6)
    return Tally(plate=plate, certainty=certainty, why="agreed", voters=frozenset(sure))


def _all_wrong(voices: Iterable[Voice]) -> float:
    """The chance that every one is: of each camera's photographs the surest counts whole."""
    seen: set[str] = set()
    chances = []
    for one in sorted(voices, key=lambda voice: -voice.certainty):
        chances.append((1 - one.certainty) ** (AGAIN if one.eye and one.eye in seen else 1))
        seen.add(one.eye)
    return prod(chances)


def _contradicts(
    best: Tally, photographs: list[Voice], alike: Callable[[Plate, Plate], bool]
) -> bool:
    """Whether a photograph that does not show this plate surely shows quite another one."""
    assert best.plate is not None
    return any(
        one.certainty >= SURE and one.voter not in best.voters and not alike(one.plate, best.plate)
        for one in photographs
    )
