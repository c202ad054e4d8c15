"""One vehicle is one, whether or not its colour was read (docs/rules.md 7, L12)."""

from typing import Any

import pytest
from django.db import transaction

from accounts import services as accounts
from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.models import BlacklistEntry, Debt, Demand
from core.plates import Colour, Plate, colours_of_one
from parking import selectors as parking
from parking.models import Berth
from tests.payments.threads import at_once
from tests.street import PLATE, TEST

BARE = Plate(PLATE.text, None)
YELLOW = Plate(PLATE.text, Colour.yellow)


@pytest.mark.parametrize(
    ("plate", "known", "joined"),
    [
        (BARE, [], {""}),
        (BARE, ["", "blue"], {"", "blue"}),
        (BARE, ["blue", "yellow"], {""}),
        (PLATE, [""], {"", "blue"}),
        (PLATE, ["", "yellow"], {"blue"}),
        (Plate(PLATE.text, Colour.green), ["", "yellow_green"], {"", "green", "yellow_green"}),
    ],
)
def test_a_colour_that_nobody_read_joins_the_one_vehicle_with_that_text(
    plate: Plate, known: list[str], joined: set[str]
) -> None:
    assert colours_of_one(plate, known) == joined


def live() -> list[tuple[str, int]]:
    rows = BlacklistEntry.objects.exclude(state="gone")
    return list(rows.values_list("plate_colour", "amount_fen"))


def test_the_holder_is_asked_for_a_stay_whose_colour_was_not_read(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any
) -> None:
    stay_of(berth, BARE, minutes=90)
    pass_time(hours=80)
    demand = Demand.objects.get()
    assert (demand.channel, demand.user) == ("sms", holder)
    assert SmsMessage.objects.get(template="demand")


@pytest.mark.parametrize("first", [BARE, PLATE])
def test_a_vehicle_is_listed_once_in_whatever_order_its_colour_became_known(
    holder: Any, section: Any, stay_of: Any, pass_time: Any, first: Plate
) -> None:
    second = PLATE if first is BARE else BARE
    stay_of(Berth.objects.get(code="A-001"), first, minutes=90)
    pass_time(hours=80)
    stay_of(Berth.objects.get(code="A-002"), second, minutes=90)
    pass_time(hours=80)
    assert live() == [("blue", 2400)]
    assert len(selectors.open_debts_of(PLATE)) == 2


def test_two_entries_that_were_one_vehicles_become_one(
    holder: Any, debt: Debt, pass_time: Any
) -> None:
    pass_time(seconds=1)
    BlacklistEntry.objects.create(plate_text=PLATE.text, plate_colour="", since=debt.opened_at)
    with transaction.atomic():
        services.relist(PLATE.text, "blue")
    assert live() == [("blue", 1200)]


def test_a_text_that_two_vehicles_carry_is_asked_about_and_billed_to_neither(
    section: Any, stay_of: Any, pass_time: Any
) -> None:
    stay_of(Berth.objects.get(code="A-001"), PLATE, ago_min=900, minutes=90)
    stay_of(Berth.objects.get(code="A-002"), YELLOW, ago_min=600, minutes=90)
    bare = stay_of(Berth.objects.get(code="A-003"), BARE, minutes=90)
    assert [one.code for one in parking.questions_about(bare.pk)] == ["two_vehicles"]
    pass_time(hours=80)
    assert not Debt.objects.filter(stay=bare).exists()
    assert sorted(live()) == [("blue", 1200), ("yellow", 1200)]


def test_nobody_is_asked_where_two_hold_a_plate_with_that_text(
    holder: Any, stranger: Any, berth: Berth, stay_of: Any
) -> None:
    from accounts import selectors as people

    accounts.prove_holding(
        user=stranger,
        plate_text=PLATE.text,
        plate_colour="yellow",
        method="licence seen",
        actor=TEST,
    )
    assert people.holder_of(PLATE.text, "") is None
    assert people.holder_of(PLATE.text, "blue") == holder
    assert people.holder_of(PLATE.text, "yellow") == stranger


@pytest.mark.django_db(transaction=True)
def test_two_debts_of_one_vehicle_at_once_make_one_entry_whatever_their_colours(
    transactional_db: None, section: Any, stay_of: Any, run_reactions: Any, clock: Any
) -> None:
    from arrears.models import PayWindow

    stays = [
        stay_of(Berth.objects.get(code="A-001"), BARE, minutes=90),
        stay_of(Berth.objects.get(code="A-002"), PLATE, ago_min=200, minutes=90),
    ]
    run_reactions()
    clock.move_to(max(PayWindow.objects.values_list("due_at", flat=True)))
    services.end_pay_windows()
    results = at_once(*[lambda pk=one.pk: services.open_debt(stay_id=pk) for one in stays])
    assert not any(isinstance(one, Exception) for one in results), results
    assert live() == [("blue", 2400)]
