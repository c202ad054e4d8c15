"""P2.5, P2.6: equality confirms, the rest is corrected at once, nothing read is given away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plates import PROVINCES, Colour, Plate
from parking.rules.comparison import Verdict, compare

BLUE = Plate("沪A12345", Colour.blue)

plate = st.builds(
    lambda province, office, serial, colour: Plate(province + office + serial, colour),
    st.sampled_from(PROVINCES),
    st.sampled_from("ABCDEFGH"),
    st.text("0123456789ABCDEF", min_size=5, max_size=6),
    st.sampled_from([None, *Colour]),
)


@pytest.mark.parametrize(
    "declared", [BLUE, Plate("沪A12345")], ids=["same colour", "unknown colour"]
)
def test_an_equal_plate_is_confirmed(declared):
    compared = compare(BLUE, declared)

    assert (compared.verdict, compared.differs) == (Verdict.confirm, frozenset())


@pytest.mark.parametrize(
    ("declared", "differs", "near_miss"),
    [
        (Plate("浙A12345", Colour.blue), {"province"}, False),
        (Plate("沪B12345", Colour.blue), {"office"}, False),
        (Plate("沪A12346", Colour.blue), {"serial"}, False),
        (Plate("沪AZ2345", Colour.blue), {"serial"}, False),  # 1 and Z are not alike
        (Plate("沪A1Z345", Colour.blue), {"serial"}, True),  # 2 and Z are
        (Plate("沪A1Z34S", Colour.blue), {"serial"}, True),
        (Plate("沪ATZ34S", Colour.blue), {"serial"}, False),  # three apart: another plate
        (Plate("浙B99999", Colour.blue), {"province", "office", "serial"}, False),
        (Plate("沪A12345", Colour.yellow), {"colour"}, True),
        (Plate("沪AD12345", Colour.green), {"serial", "length", "colour"}, False),
    ],
)
def test_a_different_plate_is_corrected_and_the_part_named(declared, differs, near_miss):
    compared = compare(BLUE, declared)

    assert compared.verdict is Verdict.correct
    assert (compared.differs, compared.near_miss) == (differs, near_miss)


def test_a_near_miss_is_weighed_with_the_readers_own_confusions():
    declared = Plate("沪A12346", Colour.blue)

    def often(shown, said):
        return 0.03 if (shown, said) == ("6", "5") else 0.0

    assert compare(BLUE, declared, confusion=often).near_miss
    assert not compare(BLUE, declared, confusion=lambda shown, said: 0.0001).near_miss


@pytest.mark.parametrize("read", [None, BLUE])
def test_without_a_confident_reading_there_is_no_verdict(read):
    assert compare(read, BLUE, read_confident=False).verdict is Verdict.abstain
    assert compare(None, BLUE).verdict is Verdict.abstain


@given(plate, plate)
def test_a_verdict_never_says_what_was_read(read, declared):
    compared = compare(read, declared)

    assert (compared.verdict is Verdict.confirm) == (not compared.differs)
    assert read.text not in repr(compared)
    assert read.text[2:] not in repr(compared)
