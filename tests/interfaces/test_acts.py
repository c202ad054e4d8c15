"""Every act that the application offers, and who may do it: docs/acts.csv is the whole of it.

An address, a method or a deed of the desk without a line there fails, and so does a line without
its address. Each is then tried by everybody.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver

from accounts.errors import AwaitsSecondPerson
from accounts.models import ActLimit, PlateHolding, User
from accounts.rules import may
from accounts.services import create_staff, share_plate
from arrears import services as arrears
from core import clock
from parking import services as parking
from parking.models import Permit
from payments import services as payments
from payments.models import Payout, PayoutTerms, Refund
from tests.interfaces.conftest import Town
from tests.pages.test_desk_rights import written
from tests.people import PASSWORD, TEST, logged_in, staff, with_rights

TABLE = Path(__file__).resolve().parents[2] / "docs" / "acts.csv"
WHO = {"anybody", "link", "person", "holder", "proposer", "provider", "camera", "lot"}
NUMBERS = {"pk", "code", "number", "stay_id"}  # what differs from address to address
WHOSE = {"public", "self", "list", "own", "all"}
LOG_INS = ("/login/", "/me/login/", "/admin/login/")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What a look or a refusal may write all the same: who was there, and that they were refused.
TRACES = {"core_auditentry"}


@dataclass(frozen=True)
class Act:
    address: str
    methods: tuple[str, ...]
    who: frozenset[str]
    whose: str
    does: str

    @property
    def route(self) -> str:
        return self.address.partition("?")[0]

    @property
    def roles(self) -> list[str]:
        return [one.removeprefix("staff:") for one in self.who if one.startswith("staff:")]

    @property
    def rights(self) -> list[str]:
        return [one.removeprefix("desk:") for one in self.who if one.startswith("desk:")]


def table() -> list[Act]:
    with TABLE.open() as file:
        return [
            Act(
                row["address"],
                tuple(row["methods"].split()),
                frozenset(row["who"].split()),
                row["whose"],
                row["act"],
            )
            for row in csv.DictReader(file)
        ]


ACTS = table()
OURS = [act for act in ACTS if not act.address.startswith("desk ")]
DESK = {act.address.removeprefix("desk "): act for act in ACTS if act.address.startswith("desk ")}


# ── The table is the whole ───────────────────────────────────────────────────────────────────────
def addresses(resolver: Any = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address beside the desk's own."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern
        elif not route.startswith("admin/"):
            yield from addresses(pattern, route)


def methods_of(pattern: URLPattern) -> set[str] | None:
    """The methods of a class of views; None for a function, which is asked."""
    view = pattern.callback
    if actions := getattr(view, "actions", None):
        return {one.upper() for one in actions} - {"HEAD"}
    cls = getattr(view, "cls", None)
    return {one for one in METHODS if hasattr(cls, one.lower())} if cls else None


def deeds() -> dict[str, list[str]]:
    """Every deed of the desk → the rights it asks for."""
    found: dict[str, list[str]] = {}
    request: Any = RequestFactory().get("/admin/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    for desk in admin.site._registry.values():
        label = desk.model._meta.label_lower
        for name, deed in desk.deeds():  # type: ignore[attr-defined]
            if name == "delete_selected" and not desk.has_delete_permission(request):
                continue  # Django's own, which nobody is offered there
            found[f"{label} {name}"] = list(deed.allowed_permissions)
        for one in desk.urls:
            theirs = one.callback.__module__.partition(".")[0] in desk.THEIRS  # type: ignore[attr-defined]
            asked = getattr(one.callback, "allowed_permissions", None)
            if not theirs and asked and f"{label} {one.callback.__name__}" not in found:
                found[f"{label} {one.callback.__name__}"] = list(asked)
        for deed in ("add", "change", "delete"):
            may_do = getattr(desk, f"has_{deed}_permission")
            if may_do(request):
                found[f"{label} {deed}"] = [deed]
    return found


def right_of(label: str, deed: str) -> str:
    app, model = label.split(".")
    return f"{app}.{deed}_{model}"


def test_each_address_and_method_has_a_line_and_each_line_an_address():
    missing, said = [], {route: set() for route, _pattern in addresses()}
    for act in OURS:
        assert act.who <= WHO | {one for one in act.who if re.match(r"(staff|desk):", one)} | {
            "desk"
        }, act
        assert act.whose in WHOSE, act
        assert act.does, act
        assert act.route in said, f"{act.address}: no such address"
        said[act.route] |= set(act.methods)
    for route, pattern in addresses():
        wanted = methods_of(pattern)
        if not said[route] or (wanted is not None and wanted != said[route]):
            missing.append(f"{route}: {sorted(wanted or [])} in code, {sorted(said[route])} here")
    assert missing == []


def test_each_deed_of_the_desk_has_a_line_with_its_rights():
    told = {name: sorted(act.rights) for name, act in DESK.items()}
    done = {
        name: sorted({right_of(name.split()[0], one) for one in rights} - {""})
        for name, rights in deeds().items()
    }
    assert told == done


# ── Everybody tries ──────────────────────────────────────────────────────────────────────────────
@dataclass
class Person:
    name: str
    client: Any
    role: str = ""
    ours: bool = False
    rights: frozenset[str] = frozenset()
    kind: str = ""

    def is_let_in(self, act: Act) -> bool:
        """What the table says of them."""
        if act.who & {"anybody", "link", "provider"}:
            return True
        if self.kind in ("camera", "lot"):
            return self.kind in act.who
        if "person" in act.who and self.kind != "nobody":
            return True
        if "desk" in act.who and self.kind == "desk":
            return True
        if self.kind in act.who:  # holder, proposer
            return True
        if any(may(self.role, role) for role in act.roles):
            return self.ours or act.whose in ("list", "self")
        return any(set(right.split("+")) <= self.rights for right in act.rights)


@pytest.fixture
def everybody(town: Town, stranger: User, other_merchant: Any) -> list[Person]:
    found = [
        Person("nobody", Client(), kind="nobody"),
        Person("owner", town.driver, kind="holder"),
        Person("another owner", logged_in(stranger)),
        Person("our owner", town.clerk, role="owner", ours=True),
        Person("desk without rights", logged_in(with_rights("none")), kind="desk"),
        Person("our camera", town.camera, kind="camera"),
        Person("our lot", town.east, kind="lot"),
    ]
    for role in ("manager", "cashier", "attendant"):
        found.append(Person(f"our {role}", logged_in(staff(town.merchant, role)), role, True))
    for role in ("owner", "attendant"):
        found.append(Person(f"their {role}", logged_in(staff(other_merchant, role)), role))
    return found


def of_the_desk(act: Act) -> list[Person]:
    """Who may look at all that this is about, and who holds the very right."""
    found = []
    for number, right in enumerate(act.rights):
        held = right.split("+")
        looks = {right_of(".".join(_model(one)), "view") for one in held} - set(held)
        for name, rights in (("looks", looks), ("may", looks | {*held})):
            user = with_rights(f"{name}-{number}-{uuid4().hex[:8]}", *rights)
            found.append(
                Person(f"desk that {name}", logged_in(user), "", False, frozenset(rights), "desk")
            )
    return found


def _model(right: str) -> tuple[str, str]:
    app, _dot, codename = right.partition(".")
    return app, codename.rpartition("_")[2]


def things(town: Town) -> dict[str, Any]:
    """What the addresses of own things are about: all of them our merchant's, or the owner's."""
    holding = PlateHolding.objects.get(user=town.owner, state="proven")
    share = share_plate(user=town.owner, holding_id=holding.pk, phone="13700000009", actor=TEST)
    [dispute] = arrears.object(debt_ids=[town.debt.pk], reason="amount", text="x", actor="owner")
    order = payments.open_order(items=[("parking.stay", town.left.pk)], actor=TEST)
    ActLimit.objects.create(
        each_fen=0, day_fen=0, why="", said_by="", valid_from="2026-01-01T00:00Z"
    )
    proposer = create_staff(
        username="proposer",
        password=PASSWORD,
        merchant=town.merchant,
        role="manager",
        actor=TEST,
    )
    with pytest.raises(AwaitsSecondPerson) as waits:
        parking.void_stay(stay_id=town.parked.pk, actor=proposer.actor, reason="x")
    ActLimit.objects.all().delete()
    cash: dict[str, Any] = {"merchant_id": town.merchant.pk, "actor": proposer.actor}
    shift = payments.begin_shift(opening_fen=0, **cash)
    payments.count_shift(shift_id=shift.pk, counted_fen=0, why="", **cash)
    terms = PayoutTerms.objects.create(
        merchant=town.merchant, valid_from="2026-01-01T00:00Z", why="", said_by=""
    )
    payout = Payout.objects.create(
        number="S260302TESTS",
        merchant=town.merchant,
        terms=terms,
        state="approved",
        until=clock.today(),
        drawn_at=clock.now(),
        approved_at=clock.now(),
    )
    permit = parking.ask_permit(
        Permit(
            merchant=town.merchant,
            plate_text="沪A12345",
            kind="staff",
            why="x",
            since=clock.now(),
            until=clock.now() + timedelta(days=1),
        ),
        sections=[],
        actor=TEST,
    )
    stays = "api/v1/parking/stays/"
    return {
        "permit_id": permit.pk,
        "holding_id": holding.pk,
        "share_id": share.pk,
        "proposal_id": waits.value.facts["proposal"],
        "stay_id": town.left.pk,
        "review_id": town.review.pk,
        "debt_id": town.debt.pk,
        "dispute_id": dispute.pk,
        "order_id": town.raised.pk,
        "number": town.card.number,
        "merchant/money/take/<path:number>/": order.number,
        "merchant/money/slip/<path:number>/": order.number,
        "attend/bill/<path:number>/": order.number,
        "merchant/payouts/<str:number>/": payout.number,
        "shift_id": shift.pk,
        "merchant/cards/statements/<str:number>/<str:kind>/": town.statement.number,
        "lots": town.statement.number,
        "kind": "csv",
        "factor_id": 1,
        "refund_id": 1,
        "code": town.raised.code,
        "api/v1/devices/<str:code>/commands/": town.raised.device.code,
        "api/v1/accounts/": waits.value.facts["proposal"],
        stays: town.left.pk,
        "api/v1/parking/sightings/": town.sighting.pk,
        "api/v1/parking/reviews/": town.review.pk,
        "api/v1/arrears/debts/": town.debt.pk,
        "api/v1/arrears/decisions/": town.debt.stay_id,
        "proposer": proposer,
    }


def path_of(act: Act, found: dict[str, Any]) -> str:
    """The address with our thing in it."""

    def value(part: re.Match[str]) -> str:
        name = part[1]
        if "/lots/statements/" in act.route and name == "number":
            return str(found["lots"])
        for key in sorted(found, key=len, reverse=True):
            if (
                "/" in key
                and act.route.startswith(key)
                and name in ("pk", "code", "number", "stay_id")
            ):
                return str(found[key])
        return str(found.get(name, "nothing"))

    return "/" + PARAMETER.sub(value, act.route)


def ask(person: Person, method: str, path: str, body: dict[str, str]) -> Any:
    if isinstance(person.client, Client):
        return getattr(person.client, method.lower())(
            path, body if method in ("GET", "POST") else {}
        )
    headers = person.client.headers(method, path, b"{}" if method != "GET" else b"")
    send = getattr(Client(), method.lower())
    if method == "GET":
        return send(path, headers=headers)
    return send(path, b"{}", content_type="application/json", headers=headers)


def is_refused(answer: Any) -> bool:
    to = answer.headers.get("Location", "")
    return answer.status_code in (401, 403, 404) or to.startswith(LOG_INS)


# What cannot be tried here as it should be, with who holds it shown elsewhere.
ELSEWHERE = {
    "merchant/money/hand-back/<int:refund_id>/": "tests/payments/test_pages.py",
    "cards/deductions/<int:deduction_id>/": "tests/monthlycard/test_corrections.py",
    "cards/deductions/<int:deduction_id>/pay/": "tests/monthlycard/test_corrections.py",
    "api/v1/monthlycard/deductions/<int:deduction_id>/whose/": (
        "tests/monthlycard/test_questions.py"
    ),
    "attend/paper/<int:demand_id>/": "tests/recovery/test_attend_acts.py",
    "merchant/debts/disputes/<int:dispute_id>/": "",
    "me/data/<int:request_id>/withdraw/": "tests/accounts/test_own_data.py",
    "me/data/<int:request_id>/file/": "tests/accounts/test_own_data.py",
    "account/factor/<int:factor_id>/remove/": "tests/accounts/test_log_in.py",
    "api/v1/devices/images/<sha256:sha256>": "tests/devices/test_doors.py",
}


def test_each_act_lets_in_whom_its_line_names_and_nobody_else(
    town: Town, everybody: list[Person]
) -> None:
    found, faults = things(town), []
    proposer = Person("proposer", logged_in(found["proposer"]), "manager", True, kind="proposer")
    assert Refund.objects.count() == 0
    for act in OURS:
        if act.who & {"anybody", "link", "provider"} or act.route in ELSEWHERE:
            continue
        path = path_of(act, found)
        body = dict([act.address.partition("?")[2].split("=")]) if "?" in act.address else {}
        for person in [*everybody, proposer, *of_the_desk(act)]:
            if person is proposer and "proposer" not in act.who:
                continue
            for method in act.methods:
                with transaction.atomic():
                    answer, tables = written(lambda: ask(person, method, path, body))  # noqa: B023
                    transaction.set_rollback(True)
                let_in = not is_refused(answer)
                wanted = person.is_let_in(act)
                # A form that is not filled in is said before it is asked whose it is.
                if let_in and not wanted and answer.status_code in (302, 400):
                    let_in = bool(tables - TRACES)
                if let_in != wanted:
                    faults.append(f"{method} {path}: {person.name} {answer.status_code}")
                elif not let_in and tables - TRACES:
                    faults.append(f"{method} {path}: {person.name} wrote {tables}")
        cache.clear()
    assert not faults, "\n".join(faults)


def test_what_a_link_opens_no_other_address_opens(town: Town) -> None:
    for act in OURS:
        if "link" not in act.who:
            continue
        for method in act.methods:
            answer = ask(Person("nobody", Client()), method, path_of(act, {}), {})
            assert answer.status_code in (400, 404), (method, act.route)
        cache.clear()


def test_no_method_is_answered_that_no_line_names(town: Town) -> None:
    found = things(town)
    said: dict[str, set[str]] = {}
    for act in OURS:
        said.setdefault(act.route, set()).update(act.methods)
    for route, pattern in addresses():
        if methods_of(pattern) is not None or pattern.callback.__module__.startswith("drf_"):
            continue
        act = next(one for one in OURS if one.route == route)
        for method in {"GET", "POST"} - said[route]:
            with transaction.atomic():
                person = Person("our owner", town.clerk)
                answer, tables = written(lambda: ask(person, method, path_of(act, found), {}))  # noqa: B023
                transaction.set_rollback(True)
            assert answer.status_code in (403, 404, 405) or not tables, (method, route, tables)
        cache.clear()


def test_a_deed_of_the_desk_is_done_with_its_right_and_offered_to_nobody_else(
    town: Town, rf: RequestFactory
) -> None:
    request: Any = rf.get("/admin/")
    for number, (name, act) in enumerate(DESK.items()):
        label, deed = name.split()
        desk: Any = next(
            one for one in admin.site._registry.values() if one.model._meta.label_lower == label
        )
        view = right_of(label, "view")
        for rights, may_do in (({view}, False), ({view, *act.rights}, True)):
            request.user = with_rights(f"{'does' if may_do else 'looks'}-{number}", *rights)
            if deed in ("add", "change", "delete"):
                assert getattr(desk, f"has_{deed}_permission")(request) is may_do, name
            else:
                asked = deeds()[name]
                assert all(desk.holds(request, one) for one in asked) is (
                    may_do or set(act.rights) <= {view}
                ), name
