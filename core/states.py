"""A state is declared once: its value, its shape and its word (pure; words are English msgids).

A row's states stand in its `states.py`. Its models, rules, pages, files, the operator's desk and
interfaces take them from there: `core.fields.StateField` is the column, `known` its constraint.
"""

from enum import Enum, StrEnum


class Shape(Enum):
    """An icon of `static/bowei/icons.svg` and a tone.

    Tones: `leaf` done, `amber` waiting or doubtful, `signal` needs a person now, `live` under way,
    empty past or neutral. The icon repeats the tone for those who don't see colours.
    """

    DONE = "tick", "leaf"
    WAITS = "wait", "amber"
    DOUBT = "eye", "amber"
    ALARM = "warn", "signal"
    LIVE = "dot", "live"
    PAST = "ring", ""
    VOID = "cross", ""
    LOCK_UP = "lock-up", "signal"
    LOCK_DOWN = "lock-down", "leaf"
    LOCK_WAITS = "lock-down", "amber"

    def __init__(self, icon: str, tone: str) -> None:
        self.icon = icon
        self.tone = tone


def _(word: str) -> str:
    """Marks a word for the catalogues; it is translated where it is shown."""
    return word


_OF_SUBJECT: dict[str, type["States"]] = {}


class States(StrEnum):
    """The states of one subject, `NAME = value, shape, word`; the subject is named by the class:
    `class DebtState(States, subject="debt")`.
    """

    shape: Shape
    word: str

    def __new__(cls, value: str, shape: Shape = Shape.PAST, word: str = "") -> "States":
        member = str.__new__(cls, value)
        member._value_ = value
        member.shape = shape
        member.word = word
        return member

    def __init_subclass__(cls, subject: str, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _OF_SUBJECT[subject] = cls


def of_subject(subject: str, value: str) -> States:
    """The state of a subject that a page names. Raises LookupError for none."""
    found: States = _OF_SUBJECT[subject]._value2member_map_[value]  # type: ignore[assignment]
    return found


def subjects() -> dict[str, type[States]]:
    """All states that can be shown, by subject."""
    return dict(_OF_SUBJECT)


class DeliveryState(States, subject="delivery"):
    PENDING = "pending", Shape.WAITS, _("Waiting")
    PARKED = "parked", Shape.ALARM, _("Put aside")
