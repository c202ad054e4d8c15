"""Vehicle plates: a text plus a colour, normalised without ever correcting (docs/rules.md 7).

A plate is who gets billed, listed and locked, so nothing here guesses. `normalise` only undoes
ways of typing (width, case, separators); an impossible text is refused with a plain reason and
with near texts that a person may pick. Forms follow GA 36 as gathered in the project's facts:
31 provinces, office letter, serial; new-energy plates of eight characters; plates with a suffix
(挂 学 警 港 澳 领 使 应急) or a prefix (WJ, 民航, two letters of a military plate).
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

PROVINCES: Final = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
ENERGY_LETTERS: Final = "DABCEFGHJK"  # D A B C E: pure electric; F G H J K: other new energy
UNKNOWN_COLOUR: Final = "?"


class Kind(StrEnum):
    """What a plate was issued for. `other` needs a person (temporary, tractor, test)."""

    ordinary = "ordinary"
    nev_small = "nev_small"
    nev_large = "nev_large"
    trailer = "trailer"
    coach = "coach"  # 学, a driving school's car (教练车)
    police = "police"
    hong_kong = "hong_kong"
    macau = "macau"
    consulate = "consulate"
    embassy = "embassy"
    armed_police = "armed_police"
    military = "military"
    civil_aviation = "civil_aviation"
    emergency = "emergency"
    other = "other"


class Colour(StrEnum):
    """The ground of a plate. `yellow_green`: of large new-energy vehicles, two-coloured."""

    blue = "blue"
    yellow = "yellow"
    green = "green"
    yellow_green = "yellow_green"
    white = "white"
    black = "black"


COLOURS: Final[dict[Kind, tuple[Colour, ...]]] = {
    Kind.ordinary: (Colour.blue, Colour.yellow),
    Kind.nev_small: (Colour.green,),
    Kind.nev_large: (Colour.yellow_green,),
    Kind.trailer: (Colour.yellow,),
    Kind.coach: (Colour.yellow,),
    Kind.police: (Colour.white,),
    Kind.hong_kong: (Colour.black,),
    Kind.macau: (Colour.black,),
    Kind.consulate: (Colour.black,),
    Kind.embassy: (Colour.black,),
    Kind.armed_police: (Colour.white,),
    Kind.military: (Colour.white,),
    Kind.civil_aviation: (Colour.green,),
    Kind.emergency: (Colour.white,),
    Kind.other: (Colour.white, Colour.blue, Colour.green, Colour.yellow),
}
"""The colours in which each kind is issued today, most frequent first."""

EXEMPT: Final = frozenset({Kind.police, Kind.armed_police, Kind.military, Kind.emergency})

# A plate's ground is often told by a camera that knows five colours only: all new energy is green.
NEW_ENERGY_GROUNDS: Final = frozenset({Colour.green, Colour.yellow_green})

_P = f"[{PROVINCES}]"
_O = "[A-HJ-Z]"  # office letter: never I; O was given to security organs and is still seen
_S = "[0-9A-HJ-NP-Z]"  # serial: never I, never O
_E = f"[{ENERGY_LETTERS}]"
_TWO_LETTERS_AT_MOST = "(?!(?:[0-9]*[A-Z]){3})"
_CONSULAR_CITY = "(?:[沪粤川渝辽云桂鄂湘陕藏黑]A|闽D|鲁B|蒙[AEH])"

# In the order of trying: a form that is more particular stands before one that would hide it.
# Every form names its groups, so that `parts`, `display` and `masked` need no second grammar.
_FORMS: Final[tuple[tuple[Kind, re.Pattern[str], str], ...]] = tuple(
    (kind, re.compile(form), why)
    for kind, form, why in (
        (
            Kind.armed_police,
            f"(?P<office>WJ)(?P<province>{_P}?)(?P<serial>[0-9]{{4}}{_S})",
            "WJ, a province where there is one, four digits and a digit or letter: armed police.",
        ),
        (
            Kind.civil_aviation,
            f"(?P<province>民航)(?P<office>)(?P<serial>{_TWO_LETTERS_AT_MOST}{_S}{{5}})",
            "民航 and five characters: an airport's vehicle.",
        ),
        (
            Kind.emergency,
            f"(?P<province>{_P})(?P<office>[XS])(?P<serial>[0-9]{{4}})(?P<suffix>应急)",
            "X (fire) or S (forest), four digits and 应急: emergency rescue.",
        ),
        (
            Kind.embassy,
            "(?P<province>)(?P<office>[0-9]{3})(?P<serial>[0-9]{3})(?P<suffix>使)",
            "Six digits and 使: an embassy.",
        ),
        (
            Kind.embassy,
            "(?P<province>使)(?P<office>[0-9]{3})(?P<serial>[0-9]{3})",
            "使 and six digits: an embassy's plate of the older form.",
        ),
        (
            Kind.consulate,
            f"(?={_CONSULAR_CITY})(?P<province>{_P})(?P<office>[A-Z])"
            "(?P<serial>[0-9]{4})(?P<suffix>领)",
            "A city with consulates, four digits and 领: a consulate.",
        ),
        (
            Kind.hong_kong,
            f"(?P<province>粤)(?P<office>Z)(?P<serial>{_TWO_LETTERS_AT_MOST}{_S}{{4}})"
            "(?P<suffix>港)",
            "粤Z, four characters and 港: a vehicle from Hong Kong.",
        ),
        (
            Kind.macau,
            f"(?P<province>粤)(?P<office>Z)(?P<serial>{_TWO_LETTERS_AT_MOST}{_S}{{4}})"
            "(?P<suffix>澳)",
            "粤Z, four characters and 澳: a vehicle from Macau.",
        ),
        (
            Kind.police,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>[0-9A-D][0-9]{{3}})(?P<suffix>警)",
            "Four digits, the first of which may be A to D, and 警: police.",
        ),
        (
            Kind.coach,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>[0-9]{{4}})(?P<suffix>学)",
            "Four digits and 学: a driving school's car.",
        ),
        (
            Kind.trailer,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>{_TWO_LETTERS_AT_MOST}{_S}{{4}})"
            "(?P<suffix>挂)",
            "Four characters and 挂: a trailer.",
        ),
        (
            Kind.nev_large,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>[0-9]{{5}}{_E})",
            "Eight characters, five digits and the energy letter last: a large new-energy vehicle.",
        ),
        (
            Kind.nev_small,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>{_E}{_S}[0-9]{{4}})",
            "Eight characters, the energy letter first in the serial and its last four digits: "
            "a small new-energy vehicle.",
        ),
        (
            Kind.ordinary,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>{_TWO_LETTERS_AT_MOST}{_S}{{5}})",
            "Seven characters, a serial of digits with at most two letters: an ordinary plate.",
        ),
        (
            Kind.military,
            "(?P<province>)(?P<office>[A-HJ-NP-Z][A-HJ-Z])(?P<serial>[0-9]{5})",
            "Two letters and five digits: a military plate.",
        ),
        (
            Kind.other,
            f"(?P<province>{_P})(?P<office>{_O})(?P<serial>{_TWO_LETTERS_AT_MOST}{_S}{{4,5}})"
            "(?P<suffix>临|试|超)",
            "A temporary, test or oversize plate: it needs a person's look.",
        ),
        (
            Kind.other,
            f"(?P<province>{_P})(?P<office>[0-9]{{2}})(?P<serial>[A-HJ-NP-Z0-9][0-9]{{4}})",
            "A province, two digits and five more: an agricultural plate, it needs a person's "
            "look.",
        ),
    )
)

_WIDTH: Final = {ord("　"): " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_UPPER: Final = {ord(small): small.upper() for small in "abcdefghijklmnopqrstuvwxyz"}
_SEPARATORS: Final = dict.fromkeys(
    map(
        ord,
        " \t\r\n\v\f\u00a0\u2002\u2003\u2009\u200b\u200c\u200d\u2060\ufeff"  # blanks, seen or not
        ".-_"
        "·•‧∙⋅・･●\u2010\u2011\u2012\u2013\u2014\u2212",  # dots and dashes of plates and keyboards
    )
)
_MASKS: Final = "*?#×✱"
_MASKING_DOTS: Final = "•●·"  # one separates, two in a row hide something

# What a person may have meant. Used for suggestions only, never to normalise.
_HOMOGLYPHS: Final = dict(
    zip("АВЕКМНОРСТХУЅЈІΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTXYSJIABEZHIKMNOPTYX", strict=True)
)
_TRADITIONAL: Final = dict(
    zip(
        "滬遼蘇閩贛魯粵瓊貴雲陝寧晉學掛領應藏戶亰泸普",
        "沪辽苏闽赣鲁粤琼贵云陕宁晋学挂领应藏沪京沪晋",
        strict=True,
    )
)
_LOOKALIKES: Final = {
    "I": "1LT",
    "O": "0DQ",
    "0": "DQ",
    "D": "0",
    "Q": "0",
    "8": "B",
    "B": "8",
    "2": "Z",
    "Z": "2",
    "5": "S",
    "S": "5",
    "6": "G",
    "G": "6",
    "1": "T7",
    "7": "T1",
    "T": "71",
    "4": "A",
    "A": "4",
    "U": "V",
    "V": "U",
    "L": "1",
    "苏": "赣",
    "赣": "苏",
    "川": "湘",
    "湘": "川",
    "贵": "桂",
    "桂": "贵",
}
_MOST_SUGGESTIONS: Final = 5
_RARE: Final = (Kind.other, Kind.military)  # not what somebody meant who mistyped a plate


class BadPlate(ValueError):
    """A text that no plate can have, or a colour that this plate can't have.

    `code` is stable, `text` says the reason in plain words, `suggestions` are possible plates
    near to what was given, for a person to pick from; nobody may pick one by machine.
    """

    def __init__(self, code: str, text: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.suggestions = suggestions


@dataclass(frozen=True, slots=True)
class PlateCheck:
    """What a text is as a plate: the answer of `check`."""

    valid: bool
    text: str
    kind: Kind | None
    colours: tuple[Colour, ...]  # those the plate can have; the given one alone where one was given
    code: str  # the kind's name, or one of the codes of REASONS
    why: str  # the rule that decided, one plain sentence
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Plate:
    """The identity of a vehicle: normalised text and colour, None while the colour is unknown.

    Make one of outside text with `parse`; the constructor trusts its arguments, as for rows of
    our own database.
    """

    text: str
    colour: Colour | None = None

    @classmethod
    def of(cls, text: str, colour: str) -> "Plate":
        """The plate of two stored columns; "" is a colour nobody knows."""
        return cls(text, Colour(colour) if colour else None)

    @property
    def colour_text(self) -> str:
        """The colour as a column keeps it; "" while nobody knows it."""
        return self.colour.value if self.colour else ""

    @property
    def kind(self) -> Kind:
        """The plate's kind; `other` for a text that no form fits."""
        found = _match(self.text)
        return found[0] if found else Kind.other

    @property
    def display(self) -> str:
        """As it is written on the plate: `沪A·12345`, `WJ京·1234X`, `224·578使`."""
        return display(self.text)

    @property
    def masked(self) -> str:
        """For everybody but its holder: `沪A·1••45`."""
        return masked(self.text)

    def __repr__(self) -> str:
        """Masked, as `str()` is, so that a plate that slips into a log tells little."""
        return f"Plate({self.masked}/{self.colour or UNKNOWN_COLOUR})"


def normalise(raw: str) -> str:
    """`raw` without its ways of typing: half width, upper case, no blanks and separators.

    Loses nothing that tells two plates apart: never O→0 or I→1, no other script's letters, no
    traditional characters, masks stay. Source: GA 36 by way of docs/rules.md 7.
    """
    return raw.translate(_WIDTH).translate(_SEPARATORS).translate(_UPPER)


def check(raw: str, colour: str | None = None) -> PlateCheck:
    """Say what `raw` is as a plate, and by which rule; never raises for what a person may type.

    With a `colour` the answer is about both: a colour that the kind is never seen in is invalid.
    """
    text = normalise(raw)
    found = _match(text)
    if found is None:
        code = _fault(raw, text)
        return PlateCheck(False, text, None, (), code, REASONS[code], _suggest(text, code))
    kind, _, why = found
    if colour is None or colour in ("", UNKNOWN_COLOUR):
        return PlateCheck(True, text, kind, COLOURS[kind], kind.value, why)
    settled = _settled_colour(kind, text, colour)
    if settled is None:
        names = " or ".join(name.replace("_", " and ") for name in COLOURS[kind])
        return PlateCheck(
            False,
            text,
            None,
            (),
            "colour",
            f"{REASONS['colour']} This one is {names}.",
        )
    return PlateCheck(True, text, kind, (settled,), kind.value, why)


def parse(raw: str, colour: str | None = None) -> Plate:
    """The plate that `raw` is; raises BadPlate with a reason and suggestions.

    Without a `colour` the plate has one only where its kind is issued in a single colour. "green"
    is accepted for a large new-energy plate and means its yellow and green.
    """
    checked = check(raw, colour)
    if not checked.valid:
        raise BadPlate(checked.code, checked.why, checked.suggestions)
    return Plate(checked.text, checked.colours[0] if len(checked.colours) == 1 else None)


def exempt(plate: Plate) -> bool:
    """Whether this plate is never listed and never locked: police, armed police, military, 应急."""
    return plate.kind in EXEMPT


def alike(colour: Colour) -> frozenset[Colour]:
    """The colours that a camera may tell for this one, itself among them."""
    return NEW_ENERGY_GROUNDS if colour in NEW_ENERGY_GROUNDS else frozenset({colour})


def same_vehicle(a: Plate | None, b: Plate | None) -> bool:
    """Whether two plates can be the same vehicle's: equal text, and colours that don't exclude
    each other (an unknown one excludes none, green and yellow-and-green are one to a camera).

    A plate that nobody knows (None) is no vehicle's. core.vehicles says the same in SQL.
    """
    if a is None or b is None or a.text != b.text:
        return False
    return a.colour is None or b.colour is None or b.colour in alike(a.colour)


def colours_of_one(plate: Plate, known: Iterable[str]) -> frozenset[str]:
    """Under which written colours, "" for none, rows with this text are this one vehicle's.

    `known` are the colours with which the text is written anywhere. A colour that nobody read joins
    the one vehicle that is known with this text; where there are two it is neither's.
    """
    own = alike(plate.colour) if plate.colour is not None else frozenset()
    written = {Colour(one) for one in known if one} | own
    vehicles = {alike(one) for one in written}
    if plate.colour is None:
        joined = written if len(vehicles) <= 1 else set()
        return frozenset({"", *(str(one) for one in joined)})
    names = frozenset(str(one) for one in own)
    return names | {""} if len(vehicles) == 1 else names


def holds(own: Iterable[tuple[str, str]], plate: Plate | None) -> bool:
    """Whether this vehicle can be one of those, (text, colour), that a person has shown to hold."""
    return any(same_vehicle(plate, Plate.of(*one)) for one in own)


def chip(plate: Plate | None, *, whole: bool = True) -> dict[str, Any]:
    """What the chip of a plate on a page is made from; masked where its reader may not see all."""
    return {
        "text": plate.text if plate else "",
        "colour": plate.colour_text if plate else "",
        "masked": not whole,
    }


def parts(text: str) -> tuple[str, str, str]:
    """Province, office and serial of a normalised text; the suffix belongs to the serial.

    Armed police: (`京`, `WJ`, `1234X`); military: (``, `VA`, `12345`); embassy: (``, `224`,
    `578使`). A text that no form fits is cut after its first and second character.
    """
    found = _match(text)
    if found is None:
        return text[:1], text[1:2], text[2:]
    groups = found[1].groupdict()
    return groups["province"], groups["office"], groups["serial"] + groups.get("suffix", "")


def display(text: str) -> str:
    """A normalised text as it stands on the plate, the dot between head and serial."""
    head, serial, suffix = _cut(text)
    return f"{head}·{serial}{suffix}" if head else text


def masked(text: str) -> str:
    """A text (a plate or not) for logs and for readers who are not the holder.

    Of the serial the first character and the last two stay; of a short one the ends only.
    """
    head, serial, suffix = _cut(text)
    if not head:
        serial, head = text, ""
    if len(serial) >= 5:
        hidden = f"{serial[0]}{'•' * (len(serial) - 3)}{serial[-2:]}"
    elif len(serial) == 4:
        hidden = f"{serial[0]}••{serial[-1]}"
    else:
        hidden = "•" * max(len(serial) - 1, 0) + serial[-1:]
    return f"{head}·{hidden}{suffix}" if head else hidden


def ending(text: str) -> str:
    """The last two characters: a driver knows theirs by them, and a stranger is told no more."""
    return text[-2:]


def gettext_noop(msgid: str) -> str:
    """Names a text for the catalogues; this module works without Django."""
    return msgid


REASONS: Final[dict[str, str]] = {
    "empty": gettext_noop("There is no plate here."),
    "masked": gettext_noop("Part of the plate is masked; the whole plate is needed."),
    "script": gettext_noop(
        "A character is not one of a plate: a letter of another alphabet, or a "
        "traditional character."
    ),
    "character": gettext_noop("A character here never stands on a plate."),
    "province": gettext_noop("A plate begins with one of the 31 province characters."),
    "office": gettext_noop("The second character is a letter from A to Z, never I."),
    "letters_io": gettext_noop("The letters I and O never stand in a serial; 1 and 0 do."),
    "letters_many": gettext_noop("A serial has at most two letters."),
    "new_energy": gettext_noop(
        "A plate of eight characters has an energy letter (A to H, J, K) first in its "
        "serial and four digits at its end, or five digits and the energy letter last."
    ),
    "suffix": gettext_noop("The characters before the last one don't fit a plate that ends in it."),
    "prefix": gettext_noop("The characters after the beginning don't fit a plate that begins so."),
    "consulate": gettext_noop("Only cities with consulates have plates that end in 领."),
    "border": gettext_noop("Only 粤Z plates end in 港 or 澳."),
    "short": gettext_noop("The plate is too short; it has 7 characters, or 8 for new energy."),
    "long": gettext_noop("The plate is too long; it has 7 characters, or 8 for new energy."),
    "colour": gettext_noop("This plate can't have that colour."),
}
"""Why a text is no plate, by code; core.typed says it in the reader's language."""


def _match(text: str) -> tuple[Kind, re.Match[str], str] | None:
    for kind, form, why in _FORMS:
        if found := form.fullmatch(text):
            return kind, found, why
    return None


def _cut(text: str) -> tuple[str, str, str]:
    """Head, serial and suffix; no head where the text fits no form."""
    found = _match(text)
    if found is None:
        return "", text, ""
    start, end = found[1].span("serial")
    return text[:start], text[start:end], text[end:]


def _settled_colour(kind: Kind, text: str, colour: str) -> Colour | None:
    """The colour that is meant, or None where the kind is never seen in it."""
    try:
        given = Colour(colour.lower().replace("-", "_"))
    except ValueError:
        return None
    if given in COLOURS[kind]:
        return given
    if kind is Kind.nev_large and given is Colour.green:
        return Colour.yellow_green
    if kind is Kind.ordinary and given is Colour.black:
        return given  # foreign-owned firms had them until 2007, and some still drive
    if kind is Kind.ordinary and given is Colour.white and text.startswith("京V"):
        return given  # vehicles of the central military organs, white with a blue plate's text
    return None


def _fault(raw: str, text: str) -> str:
    """The code of the first rule that an impossible text breaks, read from the left."""
    if not text:
        return "empty"
    if any(mark in text for mark in _MASKS) or any(mark * 2 in raw for mark in _MASKING_DOTS):
        return "masked"
    if any(char in _HOMOGLYPHS or char in _TRADITIONAL for char in text):
        return "script"
    if not re.fullmatch(f"[A-Z0-9{PROVINCES}挂学警港澳领使应急民航临试超]+", text):
        return "province" if re.fullmatch("[^A-Z0-9].[A-Z0-9挂学警港澳领]*", text) else "character"
    if text.startswith(("WJ", "民航", "使")):
        return "prefix"
    if text[0] not in PROVINCES:
        return "suffix" if text.endswith("使") else "province"
    return _fault_after_province(text)


def _fault_after_province(text: str) -> str:
    office, serial = text[1:2], text[2:]
    if office and not re.fullmatch(_O, office):
        return "office"
    if text.endswith("领") and len(text) == 7 and not re.match(_CONSULAR_CITY, text):
        return "consulate"
    if text.endswith(("港", "澳")) and not text.startswith("粤Z"):
        return "border"
    if not re.fullmatch("[A-Z0-9]*", serial):
        return "suffix"
    if len(text) < 7:
        return "short"
    if len(text) > 8:
        return "long"
    if "I" in serial or "O" in serial:
        return "letters_io"
    return "new_energy" if len(text) == 8 else "letters_many"


def _suggest(text: str, code: str) -> tuple[str, ...]:
    """Possible plates near to an impossible text, nearest first, for a person to pick from.

    Foreign letters are replaced first (they are never right); then one look-alike, then two;
    then, where the text is too long, one doubled character dropped.
    """
    if code in ("empty", "masked") or not 6 <= len(text) <= 12:
        return ()
    plain = "".join(_HOMOGLYPHS.get(char) or _TRADITIONAL.get(char) or char for char in text)
    for candidates in (
        iter([plain]) if plain != text else iter(()),
        _replaced(plain, 1),
        _replaced(plain, 2),
        _shortened(plain),
    ):
        found = [c for c in dict.fromkeys(candidates) if (m := _match(c)) and m[0] not in _RARE]
        if found:
            return tuple(found[:_MOST_SUGGESTIONS])
    return ()


def _replaced(text: str, count: int) -> Iterator[str]:
    """`text` with `count` of its characters replaced by ones that look like them."""
    spots = [at for at, char in enumerate(text) if char in _LOOKALIKES]
    for chosen in itertools.combinations(spots, count):
        for chars in itertools.product(*(_LOOKALIKES[text[at]] for at in chosen)):
            changed = list(text)
            for at, char in zip(chosen, chars, strict=True):
                changed[at] = char
            yield "".join(changed)


def _shortened(text: str) -> Iterator[str]:
    """`text` less one of two equal neighbours: a key that was hit twice."""
    for at in range(1, len(text)):
        if text[at] == text[at - 1]:
            yield text[:at] + text[at + 1 :]
