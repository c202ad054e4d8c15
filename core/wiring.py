"""Reads config/wiring.py: the one place where lower rows meet higher ones, by dotted names."""

from collections.abc import Callable, Collection
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings


@cache
def resolve(name: str) -> Callable[..., Any]:
    """The function that a dotted name means: `parking.reactions.order_image`."""
    module, _dot, attribute = name.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


def _table(name: str) -> Any:
    return getattr(import_module(settings.BOWEI_WIRING), name)


def reaction_names(topic: str) -> list[str]:
    """What follows when `topic` happened."""
    names: list[str] = _table("REACTIONS").get(topic, [])
    return names


def listener(action: str) -> Callable[..., Any] | None:
    """Who listens when a device says `action`; None where nobody does."""
    name = _table("MESSAGES").get(action)
    return resolve(name) if name else None


def payable(name: str) -> Any:
    """Who says what is due under this name, and who settles it; KeyError where nobody does."""
    return _table("PAYABLES")[name]


def sweep_names() -> list[str]:
    """What looks for due rows every second."""
    names: list[str] = _table("SWEEPS")
    return names


def nightly_names() -> list[str]:
    """What is done once a night."""
    names: list[str] = _table("NIGHTLY")
    return names


def needs_names() -> list[str]:
    """Who says what a merchant's people should look at."""
    names: list[str] = _table("NEEDS")
    return names


def owner_notices(about: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """What an owner must see first on a page about these (payable, id) pairs."""
    names: list[str] = _table("OWNER_NOTICES")
    return [notice for name in names for notice in resolve(name)(about)]


def every_name() -> list[str]:
    """All dotted names of the wiring, for the check at start-up."""
    names = [*_table("MESSAGES").values(), *_table("SWEEPS"), *_table("NIGHTLY")]
    names += [*_table("NEEDS"), *_table("OWNER_NOTICES")]
    names += [name for names in _table("REACTIONS").values() for name in names]
    for payable in _table("PAYABLES").values():
        names += [payable.quote, *payable.settle]
    return names
