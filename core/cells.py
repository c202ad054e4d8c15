"""Cells of CSV and XLSX files: texts that a spreadsheet can open and never runs as a formula."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FORMULA: Final = re.compile("[=+\\-@\t\r\n＝＋－＠]")  # CJK keyboards type the wide ones
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what a workbook may not hold


def plain(text: str) -> str:
    """`text` for one cell: a leading ' keeps a spreadsheet from running what somebody typed."""
    text = _CONTROL.sub("\ufffd", text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
