"""Terms are stored as JSON; what is no tariff is refused with the field that is wrong."""

import json
from datetime import UTC, datetime

import pytest

from core.money import MOST_FEN
from parking.rules.bill import TariffBill
from parking.rules.spans import seconds_of
from parking.rules.tariff import BadTariff, Tariff
from parking.rules.tariffs import names, ready

PLAIN = {"windows": [{"steps": [{"unit_fen": 1000}]}]}


def window(**changes):
    return {"steps": [{"unit_fen": 100}]} | changes


@pytest.mark.parametrize("name", names())
def test_a_tariff_survives_its_storage(name):
    stored = json.loads(json.dumps(ready(name).to_json()))

    assert Tariff.from_json(stored) == ready(name)
    assert Tariff.from_json(stored).to_json() == stored


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (None, "terms"),
        ({}, "windows"),
        ({"windows": []}, "windows"),
        ({"windows": {}}, "windows"),
        (PLAIN | {"colour": "red"}, "colour"),
        (PLAIN | {"rounding": "sideways"}, "rounding"),
        (PLAIN | {"free_s": 1.5}, "free_s"),
        (PLAIN | {"free_s": True}, "free_s"),
        (PLAIN | {"free_s": -1}, "free_s"),
        (PLAIN | {"free_s": 60, "free_scope": "day"}, "free_mode"),
        (PLAIN | {"free_scope": "window"}, "free_scope"),
        (PLAIN | {"debtors_lose_benefits": 1}, "debtors_lose_benefits"),
        (PLAIN | {"caps": [{"per": "week", "fen": 1}]}, "caps.0.per"),
        (PLAIN | {"caps": [{"per": "day", "fen": -1}]}, "caps.0.fen"),
        (PLAIN | {"caps": [{"per": "day"}]}, "caps.0.fen"),
        (PLAIN | {"caps": [{"per": "window", "fen": 1, "window": "night"}]}, "caps.0.window"),
        (PLAIN | {"exempt": {"disabled": -5}}, "exempt.disabled"),
        (PLAIN | {"new_energy": {"percent": 101}}, "new_energy.percent"),
        (PLAIN | {"classes": {"large": {"percent": -1}}}, "classes.large.percent"),
        (PLAIN | {"classes": {"large": {"percent": "150"}}}, "classes.large.percent"),
        (PLAIN | {"exempt": {"police": "always"}}, "exempt.police"),
        ({"windows": [window(start="25:00")]}, "windows.0.start"),
        ({"windows": [window(start=730)]}, "windows.0.start"),
        ({"windows": [window(end="08:00:30")]}, "windows.0.end"),
        *(
            ({"windows": [window(start=written)]}, "windows.0.start")
            for written in ("08", "2000", "T08:00", "24:00", "０8:00", "08:00+08:00")
        ),
        ({"windows": [window(days=["someday"])]}, "windows.0.days.0"),
        ({"windows": [window(days=[])]}, "windows.0.days"),
        ({"windows": [{}]}, "windows.0.steps"),
        ({"windows": [window(visit_fen=100)]}, "windows.0.steps"),
        ({"windows": [window(steps=[{"unit_fen": -1}])]}, "windows.0.steps.0.unit_fen"),
        ({"windows": [window(steps=[{"unit_fen": 1, "unit_s": 0}])]}, "windows.0.steps.0.unit_s"),
        ({"windows": [window(steps=[{"unit_fen": 1, "upto_s": 9}])]}, "windows.0.steps.0.upto_s"),
        ({"windows": [window(steps=[{"unit_fen": 1, "lump": True}])]}, "windows.0.steps.0.lump"),
        (
            {"windows": [window(steps=[{"unit_fen": 1}, {"unit_fen": 1}])]},
            "windows.0.steps.0.upto_s",
        ),
    ],
)
def test_terms_that_are_no_tariff_are_refused_by_field(terms, field):
    with pytest.raises(BadTariff) as refused:
        Tariff.from_json(terms)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"start": "08:00", "end": "20:00"}, {"start": "19:59", "end": "21:00"}),
        ({"start": "20:00", "end": "08:00"}, {"start": "07:00", "end": "09:00"}),
        ({}, {"start": "07:00", "end": "09:00"}),
        (
            {"start": "20:00", "end": "08:00", "days": ["workday"]},
            {"start": "07:00", "end": "09:00", "days": ["weekend"]},  # Friday's night on Saturday
        ),
    ],
)
def test_windows_that_overlap_are_refused(one, other):
    with pytest.raises(BadTariff) as refused:
        Tariff.from_json({"windows": [window(**one), window(**other)]})

    assert (refused.value.field, refused.value.message) == ("windows.1", "overlaps windows.0")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"start": "08:00", "end": "20:00"}, {"start": "20:00", "end": "08:00"}),
        ({"days": ["workday", "make_up"]}, {"days": ["weekend", "break"]}),
        ({"end": "12:00"}, {"start": "12:00", "end": "24:00"}),
    ],
)
def test_windows_that_only_touch_are_fine(one, other):
    Tariff.from_json({"windows": [window(**one), window(**other)]})


def test_a_class_whose_price_would_leave_half_a_fen_is_refused():
    with pytest.raises(BadTariff) as refused:
        Tariff.from_json(
            {"windows": [window(steps=[{"unit_fen": 225}])], "classes": {"large": {"percent": 150}}}
        )

    assert refused.value.field == "classes.large.percent"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"windows": [window(steps=[{"unit_fen": 1_000_001}])]}, "windows.0.steps.0.unit_fen"),
        ({"windows": [window(steps=[{"unit_fen": 1, "unit_s": 59}])]}, "windows.0.steps.0.unit_s"),
        ({"windows": [{"visit_fen": 1_000_001}]}, "windows.0.visit_fen"),
        (PLAIN | {"classes": {"large": {"percent": 1001}}}, "classes.large.percent"),
        *((PLAIN | {name: 10**30}, name) for name in ("free_s", "merge_gap_s")),
        (PLAIN | {"exempt": {"police": 10**30}}, "exempt.police"),
        (PLAIN | {"new_energy": {"free_s": 10**30}}, "new_energy.free_s"),
        (PLAIN | {"caps": [{"per": "day", "fen": 2**53}]}, "caps.0.fen"),
        (
            {"windows": [window(steps=[{"unit_fen": 1, "unit_s": 366 * 86400 + 1}])]},
            "windows.0.steps.0.unit_s",
        ),
        (
            {"windows": [window(steps=[{"unit_fen": 1, "upto_s": 10**15}, {"unit_fen": 1}])]},
            "windows.0.steps.0.upto_s",
        ),
        (PLAIN | {"classes": {"large": {"add_unit_fen": 10**7}}}, "classes.large.add_unit_fen"),
    ],
)
def test_prices_beyond_all_reason_are_refused(terms, field):
    with pytest.raises(BadTariff) as error:
        Tariff.from_json(terms)
    assert error.value.field == field


def test_a_hundred_years_at_the_dearest_tariff_are_still_an_amount_that_can_be_held():
    dearest = Tariff.from_json(
        {
            "windows": [window(steps=[{"unit_fen": 1_000_000, "unit_s": 60}])],
            "classes": {"large": {"percent": 1000, "add_unit_fen": 1_000_000}},
        }
    )
    came = datetime(1970, 1, 2, tzinfo=UTC)
    dear = TariffBill.of(dearest, seconds_of(came), {"vehicle_class": "large"})

    assert dear.amount(seconds_of(came) + 100 * 366 * 86_400) <= MOST_FEN
