"""Reads config/wiring.py: the one place where lower rows meet higher ones, by reference."""

import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from django.conf import settings
from django.utils.module_loading import import_string

from core.events import Event
from core.plates import Plate

E = TypeVar("E", bound=Event)
Reaction = Callable[[Any], None]
R = TypeVar("R", bound=Reaction)
Reactions = Mapping[type[Event], tuple[Reaction, ...]]
Wired = tuple[type[Event], tuple[Reaction, ...]]


def on(event: type[E], *reactions: Callable[[E], None]) -> Wired:
    """What follows when this happened; the type checker holds each reaction to its event."""
    return event, reactions


def reactions(*wired: Wired) -> Reactions:
    """The table of these lines. Raises ValueError for an event that stands in it twice."""
    table = dict(wired)
    if len(table) < len(wired):
        raise ValueError("an event stands twice among the reactions")
    return table


def name_of(function: Callable[..., Any]) -> str:
    """The name under which a reaction's deliveries wait: `arrears.reactions.open_debt`."""
    return f"{function.__module__}.{function.__qualname__}"


def named(name: str) -> Reaction:
    """The reaction of a delivery, also of one that an earlier version wired."""
    found: Reaction = import_string(name)
    return found


def _table(name: str) -> Any:
    return getattr(import_module(settings.BOWEI_WIRING), name)


def reactions_to(event: Event) -> list[Reaction]:
    """What follows from this, in order, without what says that it does nothing then."""
    table: Reactions = _table("REACTIONS")
    return [
        reaction
        for reaction in table.get(type(event), ())
        if (is_concerned := getattr(reaction, "is_concerned", None)) is None or is_concerned(event)
    ]


def concerned(by: Callable[[Any], bool]) -> Callable[[R], R]:
    """Marks a reaction that does something only where `by` says so, by the event alone: no row is
    written for it otherwise."""

    def mark(reaction: R) -> R:
        @wraps(reaction)
        def react(event: Event) -> None:
            if by(event):  # also of what was written before it was marked
                reaction(event)

        react.is_concerned = by  # type: ignore[attr-defined]
        return cast(R, react)

    return mark


def listeners(action: str) -> tuple[Callable[..., Any], ...]:
    """Who listens when a device says `action`, in order."""
    found: tuple[Callable[..., Any], ...] = _table("MESSAGES").get(action, ())
    return found


def payable(name: str) -> Any:
    """Who says what is due under this name, and who settles it; KeyError where nobody does."""
    return _table("PAYABLES")[name]


def act(name: str) -> Any:
    """The act of this name that can need two persons; KeyError where there is none."""
    return {one.act.name: one.act for one in _table("BY_TWO")}[name]


def sweeps() -> Sequence[Callable[[], int]]:
    """What looks for due rows every second; each says how many it moved."""
    found: Sequence[Callable[[], int]] = _table("SWEEPS")
    return found


def nightly() -> Sequence[Callable[[], int]]:
    """What is done once a night; each says how many rows it moved."""
    found: Sequence[Callable[[], int]] = _table("NIGHTLY")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """What all rows know of a person; what still needs their account; how they forget them."""

    told: Callable[[Any], dict[str, Any]]
    needed: Callable[[Any], list[str]]
    erase: Callable[[Any, str], None]


def own_data() -> OwnData:
    """What people may ask about their own data is asked of all rows through these."""
    found: OwnData = _table("OWN_DATA")
    return found


def kept() -> Sequence[Any]:
    """What is kept for a time, kind by kind (core.retention.Kind)."""
    found: Sequence[Any] = _table("KEPT")
    return found


def breakable() -> list[tuple[str, Any]]:
    """What else can be away beside our own parts, with its word (core.outages)."""
    return [one for ask in _table("BREAKABLE") for one in ask()]


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """What this merchant's people should look at: queue items, each with `since`."""
    return [item for ask in _table("NEEDS") for item in ask(merchant_id)]


def owner_notices(about: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """What an owner must see first on a page about these (payable, id) pairs."""
    return [notice for ask in _table("OWNER_NOTICES") for notice in ask(about)]


def staff_notes(about: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """What was taken down about these (payable, id) pairs, for whoever works on them."""
    return [note for ask in _table("STAFF_NOTES") for note in ask(about)]


def seen_elsewhere(plate: Plate, since: datetime, until: datetime, section_id: int) -> bool:
    """Whether a higher row knows that this vehicle was outside of this section in this time."""
    return any(ask(plate, since, until, section_id) for ask in _table("SEEN_ELSEWHERE"))


# ── The check at start-up ───────────────────────────────────────────────────────────────────────
def misfits() -> Iterator[str]:
    """What in the wiring does not fit its place: a sentence for each."""
    for event, following in _table("REACTIONS").items():
        for reaction in following:
            unfit = [*_shape(reaction, event.topic, 1)]
            yield from unfit or _takes(reaction, event)
    for action, listeners in _table("MESSAGES").items():
        for listener in listeners:
            yield from _shape(listener, action, 2)
    for name, found in _table("PAYABLES").items():
        yield from _shape(found.quote, name, 1)
        for settle in found.settle:
            yield from _shape(settle, name, 2)
        for ask in (found.standing, found.contest):
            if ask is not None:
                yield from _shape(ask, name, 1)
    names = [getattr(getattr(one, "act", None), "name", "") for one in _table("BY_TWO")]
    if "" in names or len({*names}) < len(names):
        yield "BY_TWO: each is a service behind `by_two`, once"
    for place, wanted in (
        ("SWEEPS", 0),
        ("NIGHTLY", 0),
        ("BREAKABLE", 0),
        ("NEEDS", 1),
        ("OWNER_NOTICES", 1),
        ("STAFF_NOTES", 1),
        ("SEEN_ELSEWHERE", 4),
    ):
        for function in _table(place):
            yield from _shape(function, place, wanted)


def _shape(function: Any, place: str, wanted: int) -> Iterator[str]:
    """Whether the function can be called with so many values."""
    if not callable(function):
        yield f"{place}: {function!r} is no function"
        return
    try:
        signature(function).bind(*range(wanted))
    except TypeError as error:
        yield f"{place}: {name_of(function)} does not take {wanted} values ({error})"


def _takes(reaction: Reaction, event: type[Event]) -> Iterator[str]:
    """Whether the reaction's parameter says this event."""
    parameters = [
        one for one in signature(reaction).parameters.values() if one.default is Parameter.empty
    ]
    if len(parameters) != 1:
        return
    hint = get_type_hints(reaction).get(parameters[0].name, Any)
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if not any(
        kind is Any or (isinstance(kind, type) and issubclass(event, kind)) for kind in kinds
    ):
        yield f"{event.topic}: {name_of(reaction)} does not take {event.__name__}"
