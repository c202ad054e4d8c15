"""What a Chinese plate may look like, as slots that a decoder can walk (GA 36; docs/facts.md 1).

Compact on purpose: validity for people, with reasons and suggestions, is `core.plates`; this is
the table that lets the decoder ask "which text is the likeliest plate" instead of "which
characters are likeliest". No torch, no Django.
"""

from dataclasses import dataclass
from functools import lru_cache

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
SUFFIXES = "学警挂港澳使领"
WORDS = "民航应急"
DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # no I; O only as an office letter
SERIAL_LETTERS = LETTERS.replace("O", "")
SERIAL = DIGITS + SERIAL_LETTERS
ENERGY_LETTERS = "DFABCEGHJK"

ALPHABET = PROVINCES + SUFFIXES + WORDS + DIGITS + LETTERS
"""The network's characters in their fixed order; class 0 is the CTC blank, so index = place + 1."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of plate: the characters allowed in each place and the colours it is made in."""

    kind: str
    slots: tuple[str, ...]
    colours: tuple[str, ...]
    most_letters: int = 8  # letters allowed among the slots that also allow digits


def _slots(*parts: str) -> tuple[str, ...]:
    return parts


_P, _L, _S, _D = PROVINCES, LETTERS, SERIAL, DIGITS
_FOUR = (_D,) * 4

SHAPES: tuple[Shape, ...] = (
    Shape("ordinary", _slots(_P, _L, _S, _S, _S, _S, _S), ("blue", "yellow", "black"), 2),
    Shape("nev_small", _slots(_P, _L, ENERGY_LETTERS, _S, *_FOUR), ("green",)),
    Shape("nev_large", _slots(_P, _L, *_FOUR, _D, ENERGY_LETTERS), ("yellow_green", "green")),
    Shape("trailer", _slots(_P, _L, _S, _S, _S, _S, "挂"), ("yellow",), 2),
    Shape("coach", _slots(_P, _L, *_FOUR, "学"), ("yellow",)),
    Shape("police", _slots(_P, _L, _D + "ABCD", _D, _D, _D, "警"), ("white",)),
    Shape("hong_kong", _slots("粤", "Z", _S, _S, _S, _S, "港"), ("black",), 2),
    Shape("macau", _slots("粤", "Z", _S, _S, _S, _S, "澳"), ("black",), 2),
    Shape("consulate", _slots(_P, _L, *_FOUR, "领"), ("black",)),
    Shape("embassy", _slots(_D, _D, *_FOUR, "使"), ("black",)),
    Shape("embassy", _slots("使", _D, _D, *_FOUR), ("black",)),  # the older form
    Shape("armed_police", _slots("W", "J", _P, *_FOUR, _S), ("white",)),
    Shape("armed_police", _slots("W", "J", *_FOUR, _S), ("white",)),
    Shape("military", _slots(SERIAL_LETTERS, SERIAL_LETTERS, *_FOUR, _D), ("white",)),
    Shape("civil_aviation", _slots("民", "航", _S, _S, _S, _S, _S), ("green",), 2),
    Shape("emergency", _slots(_P, "XS", *_FOUR, "应", "急"), ("white",)),
)

COLOURS = ("blue", "green", "yellow", "white", "black", "yellow_green")


def shape_of(text: str) -> Shape | None:
    """The first kind of plate that `text` can be; None where it is no plate."""
    return next((shape for shape in SHAPES if fits(text, shape)), None)


def fits(text: str, shape: Shape) -> bool:
    """Whether `text` keeps every slot and the letter count of `shape`."""
    if len(text) != len(shape.slots):
        return False
    if any(char not in slot for char, slot in zip(text, shape.slots, strict=True)):
        return False
    return letters_in(text, shape) <= shape.most_letters


def letters_in(text: str, shape: Shape) -> int:
    """Letters standing where a digit might have stood."""
    return sum(c in LETTERS for c, s in zip(text, shape.slots, strict=True) if s is SERIAL)


@lru_cache(maxsize=4096)
def colours_of(text: str) -> tuple[str, ...]:
    """Every colour a plate with this text can have; empty where it is no plate."""
    found = [c for shape in SHAPES if fits(text, shape) for c in shape.colours]
    return tuple(dict.fromkeys(found))
