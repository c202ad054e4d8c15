"""Every address that the application answers, as its URL patterns say them."""

import re
from collections.abc import Callable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")


def named_routes(
    under: URLResolver | None = None, before: str = "", space: str = ""
) -> Iterator[tuple[str, str]]:
    """All addresses by name, as views are called (`admin:login`; "" for none), with their route."""
    for one in (under or get_resolver()).url_patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield f"{space}{one.name or ''}", here
        else:
            inner = f"{space}{one.namespace}:" if one.namespace else space
            yield from named_routes(one, here, inner)


def routes(under: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """All routes, with their places: `/s/<str:token>/object/`."""
    for one in (under or get_resolver()).url_patterns:
        if not isinstance(one.pattern, RoutePattern):
            continue  # the desk's last answer to whatever else is asked below it
        here = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield here
        else:
            yield from routes(one, here)


def filled(route: str, value: Callable[[str, str], object]) -> str:
    """A route whose places hold `value(kind, name)`; the kind is `int`, `str`, `slug`, `path`…"""
    return PLACE.sub(lambda found: str(value(found[1] or "str", found[2])), route)
