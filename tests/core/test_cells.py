"""What anybody types stays a text in a file that a spreadsheet opens."""

import pytest

from core import cells
from monthlycard.rules import statement

# the statement's rule is the protocol's own, for the lots' systems; here they say the same
pytestmark = pytest.mark.parametrize("plain", [cells.plain, statement.plain], ids=["ours", "lots"])


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_would_run_stays_a_text(plain, first):
    assert plain(f"{first}HYPERLINK(1)") == f"'{first}HYPERLINK(1)"


@pytest.mark.parametrize("text", ["", "沪A12345", "-12.50", "0", "a=1", "'=1+1", "a\nb", "负 -1"])
def test_every_other_text_stays_as_it_is(plain, text):
    assert plain(text) == text


def test_a_character_that_no_workbook_may_hold_is_replaced(plain):
    assert plain("a\x00b\x1f") == "a\ufffdb\ufffd"
