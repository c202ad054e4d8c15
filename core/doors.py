"""Reads config/doors.py: which deed is asked for at an address."""

from collections.abc import Mapping
from importlib import import_module

from django.conf import settings
from django.urls import ResolverMatch

from core import deeds
from core.deeds import Deed

LOOKING = ("GET", "HEAD", "OPTIONS")
Doors = Mapping[str, tuple[Deed, Deed]]


def table() -> Doors:
    """By the name of an address: the deed of looking there, and that of sending something."""
    found: Doors = import_module(settings.BOWEI_DOORS).DOORS
    return found


def pair_of(name: str, route: str) -> tuple[Deed, Deed] | None:
    """The deeds of the address with this name and pattern; None where it has no line."""
    found = table()
    if name in found:
        return found[name]
    staff_only: tuple[str, ...] = import_module(settings.BOWEI_DOORS).STAFF_ONLY
    return (deeds.STAFF, deeds.STAFF) if route.startswith(staff_only) else None


def deed_of(match: ResolverMatch, method: str) -> Deed:
    """What a request to this address asks for; one without a line counts as the dearest."""
    pair = pair_of(match.view_name, match.route) or (deeds.BERTH, deeds.CONTEST)
    return pair[0] if method in LOOKING else pair[1]
