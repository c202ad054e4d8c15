"""Signs on paper, A4 sheets of eight to be cut along their lines; and pages of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from fpdf import FPDF

from core import qr
from core.errors import Refused

COLUMNS, ROWS = 2, 4
WIDTH_MM, HEIGHT_MM = 210 / COLUMNS, 297 / ROWS
MARGIN_MM, CODE_MM = 6, 48
MOST = 400  # signs of one file
FONTS = (  # of Debian's packages fonts-noto-cjk and fonts-wqy-zenhei; both may be embedded
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
)


class NoFont(Refused):
    """No font with Chinese characters is installed to print with."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "no_print_font",
            _("Nothing can be printed here yet: a font with Chinese characters is missing."),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One sign: what its code opens, and what stands beside it."""

    address: str
    title: str  # the street
    large: str  # the number that is painted on the ground
    code: str  # what can be typed instead
    chinese: str
    english: str
    phone: str = ""


def font() -> str:
    """The file of the font to print with. Raises NoFont."""
    wanted = [settings.BOWEI_PRINT_FONT] if settings.BOWEI_PRINT_FONT else FONTS
    found = next((path for path in wanted if Path(path).is_file()), None)
    if found is None:
        raise NoFont()
    return found


def sheets(signs: Sequence[Sign]) -> bytes:
    """The PDF of these signs, in their order, with the characters that it needs inside. Raises
    NoFont."""
    paper = FPDF(format="A4")
    paper.set_auto_page_break(False)
    paper.set_margin(0)
    paper.add_font("print", fname=font())
    paper.set_title("Bowei")
    for place, sign in enumerate(signs):
        on_page = place % (COLUMNS * ROWS)
        if not on_page:
            paper.add_page()
            _cuts(paper)
        _draw(paper, sign, on_page % COLUMNS * WIDTH_MM, on_page // COLUMNS * HEIGHT_MM)
    return bytes(paper.output())


def _cuts(paper: FPDF) -> None:
    paper.set_draw_color(170)
    paper.set_line_width(0.1)
    paper.set_dash_pattern(dash=2, gap=2)
    paper.line(WIDTH_MM, 0, WIDTH_MM, ROWS * HEIGHT_MM)
    for row in range(1, ROWS):
        paper.line(0, row * HEIGHT_MM, COLUMNS * WIDTH_MM, row * HEIGHT_MM)
    paper.set_dash_pattern()


def _draw(paper: FPDF, sign: Sign, x: float, y: float) -> None:
    paper.image(qr.png(sign.address), x=x + 2, y=y + 4, w=CODE_MM, h=CODE_MM)
    left, width = x + CODE_MM + 3, WIDTH_MM - CODE_MM - 3 - MARGIN_MM
    _line(paper, sign.title, left, y + 9, width, size=12)
    _line(paper, sign.large, left, y + 25, width, size=40)
    _line(paper, sign.code, left, y + 33, width, size=11, grey=True)
    _line(paper, sign.chinese, left, y + 42, width, size=13)
    _line(paper, sign.english, left, y + 47.5, width, size=10)
    real = settings.PUBLIC_URL + "/"
    wide = WIDTH_MM - 2 * MARGIN_MM
    if sign.phone:
        _line(paper, f"帮助 Help: {sign.phone}", x + MARGIN_MM, y + 58, wide, size=10)
    _line(paper, f"网址以 {real} 开头才是真的", x + MARGIN_MM, y + 64, wide, size=9)
    _line(
        paper, f"Real only if the address begins with {real}", x + MARGIN_MM, y + 69, wide, size=8
    )


def _line(
    paper: FPDF, text: str, x: float, y: float, width: float, *, size: float, grey: bool = False
) -> None:
    """A line with its foot at `y`, made smaller where it would not fit."""
    paper.set_font("print", size=size)
    if (wide := paper.get_string_width(text)) > width:
        paper.set_font("print", size=size * width / wide)
    shade: Any = 90 if grey else 0
    paper.set_text_color(shade)
    paper.text(x, y, text)


# ── Pages of text ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Row:
    """A row of a page: what it says, and what stands at its right end; `line` is drawn above."""

    left: str
    right: str = ""
    size: float = 10
    line: bool = False


PAGE_MARGIN_MM = 20


def page(rows: Sequence[Row]) -> bytes:
    """The PDF of these rows, one under the other, on as many A4 pages as they need. Raises
    NoFont."""
    sheet = FPDF(format="A4")
    sheet.set_margin(PAGE_MARGIN_MM)
    sheet.set_auto_page_break(True, margin=PAGE_MARGIN_MM)
    sheet.add_font("print", fname=font())
    sheet.set_title("Bowei")
    sheet.add_page()
    for row in rows:
        sheet.set_font("print", size=row.size)
        if row.line:
            sheet.ln(2)
            sheet.set_draw_color(170)
            sheet.line(PAGE_MARGIN_MM, sheet.get_y(), 210 - PAGE_MARGIN_MM, sheet.get_y())
            sheet.ln(1)
        right = sheet.get_string_width(row.right) + 4 if row.right else 0
        height = row.size * 0.6
        top = sheet.get_y()
        sheet.multi_cell(sheet.epw - right, height, row.left, new_x="LMARGIN", new_y="NEXT")
        if right and sheet.get_y() > top:
            sheet.set_xy(210 - PAGE_MARGIN_MM - right, sheet.get_y() - height)
            sheet.cell(right, height, row.right, align="R", new_x="LMARGIN", new_y="NEXT")
    return bytes(sheet.output())
