"""What anybody types stays a text in a file that a spreadsheet opens."""

import pytest

from core import cells
from monthlycard.rules import statement

# the statement's rule is the protocol's own, for the lots' systems; here they say the same
each = pytest.mark.parametrize("plain", [cells.plain, statement.plain], ids=["ours", "lots"])


@each
@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_would_run_stays_a_text(plain, first):
    assert plain(f"{first}HYPERLINK(1)") == f"'{first}HYPERLINK(1)"


@each
@pytest.mark.parametrize("text", ["", "沪A12345", "-12.50", "0", "a=1", "'=1+1", "a\nb", "负 -1"])
def test_every_other_text_stays_as_it_is(plain, text):
    assert plain(text) == text


@each
def test_a_character_that_no_workbook_may_hold_is_replaced(plain):
    assert plain("a\x00b\x1f") == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    "code",
    [
        "0012",
        "3-12",
        "1E5",
        "1.5e3",
        "621700123456789",
        "1/2",
        "2026-03-02",
        "8:30",
        "1.2.3",
        "MAR-1",
        "dec12",
        "Sept/2",
    ],
)
def test_a_code_that_a_spreadsheet_would_take_for_something_else_is_marked_as_a_text(code):
    assert cells.coded(code) == f"'{code}"


@pytest.mark.parametrize(
    "code", ["", "12", "A-3-12", "B-001", "E5", "Marina", "0", "12.50", "沪A12345", "3-"]
)
def test_a_code_that_stays_what_it_is_is_left_alone(code):
    assert cells.coded(code) == code
