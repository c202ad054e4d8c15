"""A state is declared once: its value, its word in both languages, its shape and its tone.

A model's states are a `States` class; the page's pill, exports, the operator's desk, interfaces and
the database's constraint all take them from there.
"""

from enum import Enum
from typing import Any

from django.db import models


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


_OF_SUBJECT: dict[str, type["States"]] = {}


class States(models.TextChoices):
    """The states of one subject, `NAME = value, shape, word`; the subject is named by the class:
    `class State(States, subject="debt")`.
    """

    shape: Shape

    def __new__(cls, value: str, shape: Shape) -> "States":
        member = str.__new__(cls, value)
        member._value_ = value
        member.shape = shape
        return member

    def __init_subclass__(cls, subject: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if subject:
            _OF_SUBJECT[subject] = cls

    @classmethod
    def known(cls, name: str, field: str = "state") -> models.CheckConstraint:
        """The database's constraint that allows these states only."""
        condition = models.Q(**{f"{field}__in": cls.values})
        return models.CheckConstraint(condition=condition, name=name)


def of_subject(subject: str, value: str) -> States:
    """The state of a subject that a page names. Raises LookupError for none."""
    found: States = _OF_SUBJECT[subject]._value2member_map_[value]  # type: ignore[assignment]
    return found


def subjects() -> dict[str, type[States]]:
    """All states that pages can show, by subject."""
    return dict(_OF_SUBJECT)
