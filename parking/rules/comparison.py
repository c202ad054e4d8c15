"""The camera's plate against the one a person declares (P2.5, P2.6, docs/rules.md 7)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from core import plates
from core.plates import Plate

Part = Literal["province", "office", "serial", "colour", "length"]
Confusion = Callable[[str, str], float]

NEAR: Final = 0.002
"""A reader that takes one character for another at least this often explains the difference."""

MOST_CONFUSED: Final = 2
"""More characters than this apart is another plate, however alike they look."""

_ALIKE: Final = ("0DQO", "8B", "2Z", "5S", "6G", "17TI", "4A", "UV", "苏赣", "川湘", "贵桂")


class Verdict(StrEnum):
    """What the terminal is told: confirmed, correct your plate, or nothing yet."""

    confirm = "confirm"
    correct = "correct"
    abstain = "abstain"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict with what may be said of it.

    `differs` names parts, never positions, and nothing here holds what was read: whoever sees a
    comparison must not learn a stranger's plate from it (P2.6).
    """

    verdict: Verdict
    differs: frozenset[Part]
    near_miss: bool  # the reader may be the one who is wrong: a person looks as well
    why: str


def compare(
    read: Plate | None,
    declared: Plate,
    *,
    confusion: Confusion | None = None,
    read_confident: bool = True,
) -> Comparison:
    """Compare the plate that was read with the declared one (P2.5).

    Equality confirms. Anything else is to be corrected at once; where the reader's own confusions
    explain the difference, or only the colour differs, it is a near miss and also goes to a
    person rather than be guessed. Without a confident reading there is no verdict.
    `confusion(shown, said)` is how often the reader says `said` where the plate shows `shown`;
    without it the well-known look-alikes count.
    """
    if read is None or not read_confident:
        return Comparison(
            Verdict.abstain, frozenset(), False, "No confident reading to compare with."
        )
    if plates.same_vehicle(read, declared):
        return Comparison(Verdict.confirm, frozenset(), False, "Text and colour agree.")
    differs = _differing(read, declared)
    near_miss = read.text == declared.text or _confused(
        read.text, declared.text, confusion or _looks_alike
    )
    why = f"What was declared differs in: {', '.join(sorted(differs))}."
    return Comparison(Verdict.correct, differs, near_miss, why)


def _differing(read: Plate, declared: Plate) -> frozenset[Part]:
    differs: set[Part] = set()
    names: tuple[Part, ...] = ("province", "office", "serial")
    for name, was_read, was_declared in zip(
        names, plates.parts(read.text), plates.parts(declared.text), strict=True
    ):
        if was_read != was_declared:
            differs.add(name)
    if len(read.text) != len(declared.text):
        differs.add("length")
    if not plates.same_vehicle(Plate("", read.colour), Plate("", declared.colour)):
        differs.add("colour")
    return frozenset(differs)


def _confused(said: str, shown: str, confusion: Confusion) -> bool:
    """Whether a reader that saw `shown` may well have said `said`."""
    if len(said) != len(shown):
        return False
    pairs = [(true, seen) for true, seen in zip(shown, said, strict=True) if true != seen]
    return len(pairs) <= MOST_CONFUSED and all(confusion(*pair) >= NEAR for pair in pairs)


def _looks_alike(shown: str, said: str) -> float:
    return 1.0 if any(shown in group and said in group for group in _ALIKE) else 0.0
