"""Plates are normalised without correcting and judged by their form (docs/rules.md 7)."""

import io
import json

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from core import plates
from core.management.commands.check_plate import Command
from core.plates import BadPlate, Colour, Kind, Plate

SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"

ordinary_texts = st.builds(
    lambda province, office, digits, letters, order: (
        province + office + "".join((list(letters) + list(digits))[:5][i] for i in order)
    ),
    st.sampled_from(plates.PROVINCES),
    st.sampled_from("ABCDEFGHJKLMNOPQRSTUVWXYZ"),
    st.text("0123456789", min_size=5, max_size=5),
    st.text(SERIAL_LETTERS, max_size=2),
    st.permutations(range(5)),
)


@pytest.mark.parametrize(
    ("text", "kind", "colours"),
    [
        ("沪A12345", "ordinary", ["blue", "yellow"]),
        ("沪AB1234", "ordinary", ["blue", "yellow"]),
        ("沪A1B3C5", "ordinary", ["blue", "yellow"]),
        ("粤BD1234", "ordinary", ["blue", "yellow"]),  # seven characters: D is no energy letter
        ("川O71775", "ordinary", ["blue", "yellow"]),  # security organs' office
        ("粤BD12345", "nev_small", ["green"]),
        ("粤BDA2345", "nev_small", ["green"]),
        ("京AK12345", "nev_small", ["green"]),
        ("粤B12345D", "nev_large", ["yellow_green"]),
        ("粤B12345H", "nev_large", ["yellow_green"]),
        ("苏A1234挂", "trailer", ["yellow"]),
        ("冀AB12C挂", "trailer", ["yellow"]),
        ("琼A6716学", "coach", ["yellow"]),
        ("鄂F8888警", "police", ["white"]),
        ("京AA123警", "police", ["white"]),
        ("粤ZR066港", "hong_kong", ["black"]),
        ("粤Z1234澳", "macau", ["black"]),
        ("沪A1707领", "consulate", ["black"]),
        ("闽D0001领", "consulate", ["black"]),
        ("蒙E0001领", "consulate", ["black"]),
        ("224578使", "embassy", ["black"]),
        ("使014578", "embassy", ["black"]),
        ("WJ12345", "armed_police", ["white"]),
        ("WJ京1234X", "armed_police", ["white"]),
        ("WJ京12345", "armed_police", ["white"]),
        ("CY21171", "military", ["white"]),
        ("民航B1234", "civil_aviation", ["green"]),
        ("京X1234应急", "emergency", ["white"]),
        ("川S1234应急", "emergency", ["white"]),
        ("沪A12345临", "other", ["white", "blue", "green", "yellow"]),
        ("苏0112345", "other", ["white", "blue", "green", "yellow"]),
    ],
)
def test_every_form_of_plate_has_its_kind_and_colours(text, kind, colours):
    checked = plates.check(text)

    assert (checked.valid, checked.text, checked.kind) == (True, text, kind)
    assert list(checked.colours) == colours
    assert checked.why.endswith(".")


@pytest.mark.parametrize(
    ("raw", "code", "suggestions"),
    [
        ("", "empty", ()),
        (" · ", "empty", ()),
        ("沪A1*345", "masked", ()),
        ("沪A·1••45", "masked", ()),
        ("滬A12345", "script", ("沪A12345",)),
        ("沪А12345", "script", ("沪A12345",)),  # a Cyrillic А
        ("沪A12I45", "letters_io", ("沪A12145", "沪A12L45", "沪A12T45")),
        ("沪AO2345", "letters_io", ("沪A02345", "沪AD2345", "沪AQ2345")),
        ("沪ABCD12", "letters_many", ("沪A8CD12", "沪ABC012")),
        ("沪I12345", "office", ("沪L12345", "沪T12345")),
        ("沪812345", "office", ("沪B12345",)),
        ("台A12345", "province", ()),
        ("A123456", "province", ()),
        ("沪A1234", "short", ()),
        ("沪A1123456", "long", ()),
        ("沪A1234567", "long", ()),
        ("粤BL12345", "new_energy", ()),
        ("粤B0123D5", "new_energy", ("粤BD12305",)),
        ("京A1707领", "consulate", ()),
        ("粤B1234港", "border", ()),
        ("京AE123警", "suffix", ()),
        ("琼AA671学", "suffix", ("琼A4671学",)),
        ("京A1234应急", "suffix", ()),
        ("WJ京1234I", "prefix", ("WJ京12341", "WJ京1234L", "WJ京1234T")),
        ("12345使", "suffix", ()),
        ("沪A12é45", "character", ()),
    ],
)
def test_an_impossible_text_is_refused_with_its_reason_and_near_plates(raw, code, suggestions):
    with pytest.raises(BadPlate) as refused:
        plates.parse(raw)

    assert refused.value.code == code
    assert refused.value.text == plates.REASONS[code]
    assert refused.value.suggestions == suggestions


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("沪a·12345", "沪A12345"),
        ("沪Ａ　１２３４５", "沪A12345"),
        (" 沪A-12.345 ", "沪A12345"),
        ("沪A\u200b12345", "沪A12345"),
        ("沪AO1I45", "沪AO1I45"),  # never O→0, I→1
        ("沪А1", "沪А1"),  # Cyrillic stays
        ("滬a1", "滬A1"),
        ("ı1ß", "ı1ß"),  # only the 26 letters have an upper case here
    ],
)
def test_normalising_undoes_ways_of_typing_and_nothing_else(raw, text):
    assert plates.normalise(raw) == text


@given(ordinary_texts)
def test_every_serial_with_at_most_two_letters_is_ordinary(text):
    assert plates.check(text).kind == Kind.ordinary


@given(st.text(max_size=12))
def test_any_text_is_answered_and_suggestions_are_possible_plates(text):
    checked = plates.check(text)

    assert checked.why
    assert plates.normalise(checked.text) == checked.text
    assert checked.valid == (checked.kind is not None)
    for near in checked.suggestions:
        assert plates.check(near).valid


def test_text_and_colour_are_the_identity():
    assert plates.parse("沪A12345", "blue") == Plate("沪A12345", Colour.blue)
    assert plates.parse("沪A12345") == Plate("沪A12345", None) != Plate("沪A12345", Colour.blue)
    assert plates.parse("粤B12345D").colour == Colour.yellow_green  # there is only one


def test_green_means_the_yellow_and_green_of_a_large_new_energy_plate():
    assert plates.parse("粤B12345D", "green").colour is Colour.yellow_green


@pytest.mark.parametrize(
    ("text", "colour"),
    [("沪A12345", "green"), ("粤BD12345", "blue"), ("鄂F8888警", "blue"), ("沪A12345", "pink")],
)
def test_a_colour_that_the_form_excludes_is_refused(text, colour):
    with pytest.raises(BadPlate) as refused:
        plates.parse(text, colour)

    assert refused.value.code == "colour"


def test_an_old_black_plate_of_a_foreign_owned_firm_is_read_as_it_is():
    assert plates.parse("辽B60000", "black") == Plate("辽B60000", Colour.black)


def test_same_text_is_the_same_vehicle_unless_the_colours_exclude_each_other():
    blue, yellow = Plate("沪A12345", Colour.blue), Plate("沪A12345", Colour.yellow)

    assert plates.same_vehicle(blue, Plate("沪A12345"))
    assert plates.same_vehicle(
        Plate("粤B12345D", Colour.green), Plate("粤B12345D", Colour.yellow_green)
    )
    assert not plates.same_vehicle(blue, yellow)
    assert not plates.same_vehicle(blue, Plate("沪A12346", Colour.blue))


@pytest.mark.parametrize("text", ["鄂F8888警", "WJ京1234X", "CY21171", "京X1234应急"])
def test_police_military_and_emergency_are_exempt(text):
    assert plates.exempt(plates.parse(text))


@pytest.mark.parametrize("text", ["沪A12345", "粤BD12345", "沪A1707领", "224578使", "琼A6716学"])
def test_nobody_else_is_exempt(text):
    assert not plates.exempt(plates.parse(text))


@pytest.mark.parametrize(
    ("text", "parts", "display", "masked"),
    [
        ("沪A12345", ("沪", "A", "12345"), "沪A·12345", "沪A·1••45"),
        ("粤BD12345", ("粤", "B", "D12345"), "粤B·D12345", "粤B·D•••45"),
        ("鄂F8888警", ("鄂", "F", "8888警"), "鄂F·8888警", "鄂F·8••8警"),
        ("WJ京1234X", ("京", "WJ", "1234X"), "WJ京·1234X", "WJ京·1••4X"),
        ("CY21171", ("", "CY", "21171"), "CY·21171", "CY·2••71"),
        ("224578使", ("", "224", "578使"), "224·578使", "224·••8使"),
        ("京X1234应急", ("京", "X", "1234应急"), "京X·1234应急", "京X·1••4应急"),
        ("台A1234", ("台", "A", "1234"), "台A1234", "台•••34"),
    ],
)
def test_a_plate_is_shown_whole_to_its_holder_and_masked_to_others(text, parts, display, masked):
    plate = Plate(text)

    assert plates.parts(text) == parts
    assert (plate.display, plate.masked) == (display, masked)
    assert text not in f"{plate} {plate!r}"  # what slips into a log is masked


def test_the_command_prints_what_a_program_reads():
    out = io.StringIO()

    call_command(Command(), "沪a·12345", "--json", stdout=out)

    assert json.loads(out.getvalue()) == {
        "valid": True,
        "text": "沪A12345",
        "kind": "ordinary",
        "colours": ["blue", "yellow"],
        "why": "Seven characters, a serial of digits with at most two letters: an ordinary plate.",
    }


def test_the_command_answers_a_person_with_near_plates():
    out = io.StringIO()

    call_command(Command(), "沪A12I45", stdout=out)

    assert out.getvalue() == (
        "沪A12I45: not a plate. The letters I and O never stand in a serial; 1 and 0 do."
        " Near to it: 沪A12145, 沪A12L45, 沪A12T45.\n"
    )
