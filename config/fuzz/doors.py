"""The doors of this installation, as its own registers say them.

Nothing is listed by hand: addresses come from the URL patterns, forms from the pages that show
them, fields of interfaces from their document, messages of devices from the protocol.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from html.parser import HTMLParser
from typing import Any

from django.urls import Resolver404, resolve
from drf_spectacular.generators import SchemaGenerator

from arrears.models import Debt, Demand, Dispute
from arrears.selectors import contest_path_of_stay, object_path, why_path
from config import pictures
from config.fuzz.routes import filled, routes
from core.models import StoredImage
from devices.models import Device
from devices.rules import protocol
from monthlycard.models import Card, Statement
from parking.links import stay_token
from parking.models import ParkingSession, Prepayment
from parking.selectors import berth_path
from payments.models import Order, SandboxTrade
from recovery.models import RecoveryOrder

# Left alone: they would end the session of whoever asks.
CLOSED = (
    *("/logout/", "/admin/logout/", "/admin/password_change/"),
    *("/account/visits/end/", "/account/password/", "/account/factor/"),
)
Fields = dict[str, list[str]]  # what a form has, with values that it knows


@dataclass(slots=True)
class Door:
    """One address: where it is known to lead somewhere, and what may be sent there."""

    route: str
    paths: list[str] = field(default_factory=list)
    forms: list[Fields] = field(default_factory=list)
    methods: tuple[str, ...] = ("GET", "GET", "POST")
    bodies: list[dict[str, Any]] = field(default_factory=list)  # schemas of the document
    query: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Whose it is: `desk`, `api`, `page`."""
        if self.route.startswith("/admin/"):
            return "desk"
        return "api" if self.route.startswith("/api/") else "page"


class Doors:
    """All of them, with the values that lead somewhere in this database."""

    def __init__(self) -> None:
        self.by_route = {route: Door(route) for route in routes() if route not in CLOSED}
        self.values = _values()
        self.schemas: dict[str, Any] = {}
        self._read_tour()
        self._read_document()
        self.by_kind: dict[str, list[Door]] = {}
        for door in self.by_route.values():
            self.by_kind.setdefault(door.kind, []).append(door)

    def paths(self) -> list[str]:
        """Where something is known to be."""
        return sorted({path for door in self.by_route.values() for path in door.paths})

    def read_forms(self, page: str) -> None:
        """Learn what the forms of a page send."""
        reader = _Forms()
        reader.feed(page)
        for action, fields in reader.found:
            if (door := self._door_of(action)) is not None and fields not in door.forms:
                door.forms.append(fields)

    def path_to(self, door: Door, chance: random.Random) -> str:
        """An address of this door that most likely leads somewhere."""
        if door.paths and chance.random() < 0.7:
            return chance.choice(door.paths)
        return filled(door.route, lambda kind, name: self.known(kind, name, chance))

    def known(self, kind: str, name: str, chance: random.Random) -> object:
        """What may stand in a place of an address."""
        if kind == "int" or name == "object_id":
            return chance.randrange(1, 30)
        return chance.choice(self.values.get(name) or ["1"])

    def _door_of(self, path: str) -> Door | None:
        try:
            return self.by_route.get("/" + resolve(path.partition("?")[0]).route)
        except Resolver404:
            return None

    def _read_tour(self) -> None:
        for path in [*(page.path for page in pictures.tour()), *_links()]:
            if (door := self._door_of(path)) is not None:
                door.paths.append(path)

    def _read_document(self) -> None:
        generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
        body = generator.get_schema(request=None, public=True)
        self.schemas = body["components"]["schemas"]
        for path, item in body["paths"].items():
            door = self._door_of(_with_something(path))
            if door is None:
                continue
            named = [one for one in item if one in ("get", "post", "put", "patch", "delete")]
            door.methods = tuple(one.upper() for one in named)
            for name in named:
                operation = item[name]
                for told in operation.get("requestBody", {}).get("content", {}).values():
                    door.bodies.append(told["schema"])
                door.query += [
                    one["name"] for one in operation.get("parameters", []) if one["in"] == "query"
                ]


def _with_something(path: str) -> str:
    """An address of the document with something in each place."""
    text = path
    while "{" in text:
        head, _, rest = text.partition("{")
        name, _, tail = rest.partition("}")
        text = head + ("0" * 64 if name == "sha256" else "1") + tail
    return text


def messages_of_devices() -> Fields:
    """The fields of what devices may say, by message."""
    return {
        one.__name__: [part.name for part in fields_of(one)]  # type: ignore[arg-type]
        for one in protocol.FromDevice.__subclasses__()
    }


class _Forms(HTMLParser):
    """The forms of a page: where each goes, what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Fields]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: text or "" for name, text in attrs}
        if tag == "form":
            self.found.append((told.get("action", ""), {}))
        elif self.found and tag in ("input", "textarea", "button", "select"):
            self._select = told.get("name", "") if tag == "select" else ""
            if name := told.get("name"):
                self.found[-1][1].setdefault(name, []).append(told.get("value", ""))
        elif self.found and tag == "option" and self._select:
            self.found[-1][1].setdefault(self._select, []).append(told.get("value", ""))


def _values() -> dict[str, list[str]]:
    """What the places of addresses may hold, by their name."""
    stays = [stay_token(pk, full=True) for pk in _some(ParkingSession, "pk", 5)]
    orders, recoveries = _some(Order, "token"), _some(RecoveryOrder, "token")
    return {
        "token": [*stays, *orders, *recoveries, *_some(Prepayment, "token")],
        "berth_code": ["A-001", "B-001", "Y-001", "Y-002"],
        "tag": ["a" * 8],
        "code": [*_some(Device, "code"), *_some(RecoveryOrder, "code")],
        "number": [*_some(Order, "number"), *_some(Card, "number"), *_some(Statement, "number")],
        "sha256": _some(StoredImage, "sha256"),
        "provider": ["sandbox", "aliyun", "wechat", "alipay"],
        "out_trade_no": _some(SandboxTrade, "out_trade_no"),
        "kind": ["sensor", "debt", "lot"],
    }


def _links() -> Iterator[str]:
    for pk in _some(ParkingSession, "pk", 5):
        yield why_path(pk)
        yield object_path([pk])
        yield contest_path_of_stay(pk)
    yield from (berth_path(code) for code in ("A-001", "B-001", "Y-001", "Y-002"))
    yield from (f"/dues/{token}/" for token in _some(Demand, "token"))
    yield from (f"/merchant/debts/{pk}/" for pk in _some(Debt, "pk"))
    yield from (f"/merchant/disputes/{pk}/" for pk in _some(Dispute, "pk"))


def _some(model: Any, column: str, most: int = 8) -> list[Any]:
    return list(model.objects.order_by("-pk").values_list(column, flat=True)[:most])
