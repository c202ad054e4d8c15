"""What comes as JSON is read strictly, and everything that is wrong is named at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import pytest

from core.reading import Misfit, read


class Colour(StrEnum):
    blue = "blue"
    green = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Berth:
    number: int
    covered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    name: str
    side: Literal["left", "right"] = "left"
    colours: frozenset[Colour] = frozenset()
    berths: tuple[Berth, ...] = ()
    named: Mapping[str, Berth | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name.isspace():
            raise UnicodeError("a street has a name")  # a ValueError of a type of its own


def test_a_value_is_read_into_its_dataclass_and_those_within_it():
    street = {
        "name": "Long Lane",
        "colours": ["green"],
        "berths": [{"number": 1}, {"number": 2, "covered": True}],
        "named": {"first": {"number": 1}, "last": None},
    }

    assert read(Street, street) == Street(
        name="Long Lane",
        colours=frozenset({Colour.green}),
        berths=(Berth(number=1), Berth(number=2, covered=True)),
        named={"first": Berth(number=1), "last": None},
    )


def test_every_field_that_is_wrong_is_named_by_its_path():
    with pytest.raises(Misfit) as refused:
        read(
            Street,
            {
                "side": "middle",
                "colours": ["blue", "red"],
                "berths": [{"number": 1}, {"covered": True, "length": 5}],
                "named": {"first": {"number": "1"}, "last": 7},
            },
        )

    assert refused.value.faults == {
        "name": "is missing",
        "side": "must be 'left' or 'right'",
        "colours.1": "must be 'blue' or 'green'",
        "berths.1.number": "is missing",
        "berths.1.length": "is not known here",
        "named.first.number": "must be a whole number",
        "named.last": "must be an object",
    }
    assert "berths.1.number: is missing; " in str(refused.value)


@pytest.mark.parametrize("number", ["1", 1.0, 1.5, True, None, [1], {"number": 1}])
def test_only_a_whole_number_is_a_number(number: Any):
    with pytest.raises(Misfit) as refused:
        read(Berth, {"number": number})
    assert refused.value.faults == {"number": "must be a whole number"}


@pytest.mark.parametrize("covered", ["true", 1, 0, None, "yes"])
def test_only_true_and_false_are_flags(covered: Any):
    with pytest.raises(Misfit) as refused:
        read(Berth, {"number": 1, "covered": covered})
    assert refused.value.faults == {"covered": "must be true or false"}


@pytest.mark.parametrize("value", [None, [], "street", 5])
def test_what_is_no_object_at_all_is_refused_as_a_whole(value: Any):
    with pytest.raises(Misfit) as refused:
        read(Street, value)
    assert refused.value.faults == {"": "must be an object"}
    assert str(refused.value) == "must be an object"


def test_no_reason_repeats_what_was_sent():
    with pytest.raises(Misfit) as refused:
        read(Street, {"name": ["secret"], "side": "secret", "berths": "secret"})
    assert set(refused.value.faults) == {"name", "side", "berths"}
    assert "secret" not in str(refused.value)


def test_what_the_dataclass_itself_refuses_comes_as_it_was_raised():
    with pytest.raises(UnicodeError, match="a street has a name"):
        read(Street, {"name": " "})
