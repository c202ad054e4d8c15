"""Hands for the tests of arrears: past stays, paying, and time that passes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts import services as accounts
from arrears import services
from arrears.models import Assessment, Debt, ListingRule, Look
from arrears.services.looks import REST
from arrears.states import DebtState, LookState
from core import clock as business_clock
from core import outbox, plates
from parking import services as parking
from parking.models import Berth, ParkingSession
from payments import services as payments
from tests.street import PLATE, TEST

Pay = Callable[..., None]
CLERK = "user:1"


def sweep(name: str) -> int:
    """One sweep of the wiring, by its function's name."""
    return int(getattr(services, name)())


def look_at_all() -> list[int]:
    """A person looks at all that waits, and the moment for taking it back passes."""
    rows = Look.objects.filter(state=LookState.WAITING, debt__state=DebtState.OPEN)
    agreed = services.agree(rows.values_list("pk", flat=True), actor=CLERK)
    if agreed:
        business_clock.advance(REST)
    return agreed


@pytest.fixture
def pass_time(clock: Any, run_reactions: Callable[[], int]) -> Callable[..., None]:
    """Time passes and everything follows: `pass_time(hours=73)`.

    A person looks at the evidence of each debt as it comes; with `pass_time.people_look = False`
    nobody does.
    """

    def go(**span: float) -> None:
        run_reactions()
        business_clock.advance(timedelta(**span))
        follow()
        if go.people_look and look_at_all():  # type: ignore[attr-defined]
            follow()

    def follow() -> None:
        for _round in range(4):
            outbox.sweep_once()
            run_reactions()

    go.follow = follow  # type: ignore[attr-defined]
    go.people_look = True  # type: ignore[attr-defined]
    return go


@pytest.fixture(autouse=True)
def _whole(writes_are_whole: None) -> None:
    """No service of a test here writes or locks in pieces."""


@pytest.fixture(autouse=True)
def _any_debt_lists(request: pytest.FixtureRequest) -> None:
    """Here any debt lists, however small; `listing_by_default` is for tests of the rule itself."""
    if "listing_by_default" in request.fixturenames or "db" not in request.fixturenames:
        return
    request.getfixturevalue("clock")
    services.set_rule(ListingRule(amount_fen=1, count=1, why="tests"), actor=TEST)


@pytest.fixture
def listing_by_default() -> None:
    """The listing rule is what holds until somebody has said another."""


@pytest.fixture
def pay(run_reactions: Callable[[], int]) -> Pay:
    """Somebody pays for stays at the counter."""

    def go(*stays: ParkingSession, follow: bool = True) -> None:
        order = payments.open_order(items=[("parking.stay", one.pk) for one in stays], actor=TEST)
        payments.pay_at_counter(order.pk, TEST)
        if follow:
            run_reactions()

    return go


@pytest.fixture
def holder(owner: Any) -> Any:
    """The owner, shown to hold PLATE."""
    accounts.prove_holding(
        user=owner,
        plate_text=PLATE.text,
        plate_colour=str(PLATE.colour),
        method="licence seen",
        actor=TEST,
    )
    return owner


@pytest.fixture
def past(clock: Any) -> Callable[..., None]:
    """Imports marked simulated stays: `past(plate, berth, [None, 300])`, oldest first; None for
    never paid."""

    def go(plate: plates.Plate, berth: Berth, delays_h: list[float | None]) -> None:
        rows = []
        now = business_clock.now()
        for at, delay_h in enumerate(reversed(delays_h), start=1):
            arrived: datetime = now - timedelta(days=20 * at)
            left = arrived + timedelta(hours=3)
            rows.append(
                {
                    "plate": plate.text,
                    "colour": str(plate.colour),
                    "berth": berth.code,
                    "arrived_at": arrived.isoformat(),
                    "left_at": left.isoformat(),
                    "paid_at": ""
                    if delay_h is None
                    else (left + timedelta(hours=delay_h)).isoformat(),
                }
            )
        parking.import_history(rows, simulated=True, actor=TEST)

    return go


@pytest.fixture
def scored() -> Callable[[ParkingSession], Assessment]:
    """The worker's part: scores a stay that waits for it."""

    def go(stay: ParkingSession) -> Assessment:
        row = Assessment.objects.get(stay=stay)
        services.score(row.pk)
        row.refresh_from_db()
        return row

    return go


@pytest.fixture
def debt(berth: Berth, stay_of: Any, pass_time: Any) -> Debt:
    """A debt of PLATE for ninety minutes on A-001, just opened."""
    stay = stay_of(berth, minutes=90)
    pass_time(hours=73)
    return Debt.objects.get(stay=stay)
