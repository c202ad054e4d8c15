"""Cells of CSV and XLSX files: texts that a spreadsheet can open and never runs as a formula."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FORMULA: Final = re.compile("[=+\\-@\t\r\n＝＋－＠]")  # CJK keyboards type the wide ones
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what a workbook may not hold
# What a spreadsheet takes from a bare text: lost zeros and digits, powers of ten, days, times.
_TAKEN: Final = re.compile(
    r"0\d+|\d{12,}|[\d.]+[eE][+-]?\d+|\d+(?:[-/:]\d+){1,2}|\d+\.\d+\.\d+"
    r"|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*[- /.]?\d+",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """`text` for one cell: a leading ' keeps a spreadsheet from running what somebody typed."""
    text = _CONTROL.sub("\ufffd", text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def coded(text: str) -> str:
    """`text` for a cell without a type, as CSV has: a code that reads as a number or a day, `0012`,
    `3-12` or `1E5`, gets the leading ' too, for a spreadsheet would keep something else."""
    return f"'{text}" if _TAKEN.fullmatch(text) else plain(text)
