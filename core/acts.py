"""Reads docs/acts.csv: before which acts a person is asked anew who they are.

The table says who may do what; a `yes` in its column `again` is obeyed, at pages, on the desk and
at interfaces alike (accounts.proving). An address may end with `?name=value`, of what is sent or
asked there; `*` stands for anything that is not empty.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

DESK = "desk "
DJANGOS = ("add", "change", "delete")


@dataclass(frozen=True, slots=True)
class Mark:
    """One act of an address: by these methods, where `name` says `value`."""

    methods: frozenset[str]
    name: str
    value: str

    def fits(self, method: str, said: Mapping[str, Any]) -> bool:
        if method not in self.methods:
            return False
        if self.value == "*":  # a page's second list says `notices_why`
            return any(value for name, value in said.items() if name.endswith(self.name))
        return not self.name or str(said.get(self.name, "")) == self.value


@cache
def _marks() -> dict[str, tuple[Mark, ...]]:
    """By address; the desk's by its list: `desk devices.device`."""
    found: dict[str, tuple[Mark, ...]] = {}
    with settings.BOWEI_ACTS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["again"] != "yes":
                continue
            route, _mark, said = row["address"].partition("?")
            name, _is, value = said.partition("=")
            if route.startswith(DESK):
                route, _blank, value = route.rpartition(" ")
            mark = Mark(frozenset(row["methods"].split()), name, value)
            found[route] = (*found.get(route, ()), mark)
    return found


@cache
def _pages() -> dict[str, tuple[str, str]]:
    """The desk's pages that are a deed by themselves: the name of the address → list and deed."""
    found = {}
    for desk in admin.site._registry.values():
        meta = desk.opts
        for one in desk.urls:
            standard = one.name in {f"{meta.app_label}_{meta.model_name}_{d}" for d in DJANGOS}
            deed = str(one.name).rpartition("_")[2] if standard else one.callback.__name__
            found[f"admin:{one.name}"] = (meta.label_lower, deed)
    return found


def asks_again(request: HttpRequest) -> bool:
    """Whether what this request does is done only by who has shown lately who they are."""
    match = request.resolver_match
    assert match is not None
    method = "GET" if request.method == "HEAD" else request.method or ""
    label, deed = _pages().get(match.view_name, ("", ""))
    marks = _marks().get(DESK + label if label else match.route)
    if not marks:  # a body that is no form is left to be read by whom it is for
        return False
    said = request.POST if method == "POST" else request.GET
    if label:
        return method == "POST" and any(m.value in (deed, said.get("action")) for m in marks)
    return any(mark.fits(method, said) for mark in marks)


def all_marked() -> dict[str, tuple[Mark, ...]]:
    """Every act that is asked about, by address or list of the desk."""
    return _marks()
