"""Every list of the portal: its page, its CSV and its XLSX say the same in the same words."""

import csv
import io
import re
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from openpyxl import load_workbook

from config import pictures
from core import sheets

LISTS = {  # list → its page, and what is its own in the page's address
    "stays": ("parking.stays", ""),
    "debts": ("arrears.debts", ""),
    "notices": ("arrears.debts", "notices-"),
    "money": ("payments.money", ""),
    "recovery": ("recovery.list", ""),
    "devices": ("devices.list", ""),
    "lots": ("monthlycard.lots", "lots-"),
    "statements": ("monthlycard.lots", "statements-"),
    "odd": ("monthlycard.lots", "odd-"),
}
# One cell of a page that is two of a file: a berth's code, a plate's colour, a period's two ends.
APART = {"Place": "Section", "Period": "From"}
HEAD = re.compile(r"<th[^>]*>(.*?)</th>", re.DOTALL)
CELL = re.compile(r'<td[^>]*data-label="([^"]*)"[^>]*>(.*?)</td>', re.DOTALL)


@pytest.fixture
def portal(morning: None) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = pictures.session_of(pictures.MERCHANT)
    return client


def words(markup: str) -> str:
    return " ".join(strip_tags(markup).split())


def shown(client: Client, name: str, language: str) -> tuple[list[str], list[dict[str, str]]]:
    """The heads and rows of a list as its page draws them."""
    page, prefix = LISTS[name]
    html = client.get(reverse(page), headers={"accept-language": language}).content.decode()
    place = html.index('id="list"') if not prefix else html.find(f'id="{name}"')
    part = html[place:].partition("<table")[2].partition("</table>")[0]
    heads = [words(one) for one in HEAD.findall(part) if "spoken" not in one]
    rows = [dict(CELL.findall(row)) for row in part.partition("<tbody>")[2].split("<tr>")]
    return heads, [{head: words(cell) for head, cell in row.items()} for row in rows if row]


def taken(client: Client, name: str, kind: str, language: str) -> list[list[str]]:
    """The lines of a list's file, everything as text."""
    page, prefix = LISTS[name]
    path = f"{reverse(page)}?{prefix}export={kind}"
    answer = client.get(path, headers={"accept-language": language})
    assert answer["Content-Type"] == sheets.KINDS[kind][0]
    assert name in answer["Content-Disposition"]
    assert answer["Content-Disposition"].endswith(f'.{kind}"')
    if kind == "csv":
        return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    sheet = load_workbook(io.BytesIO(answer.getvalue())).active
    return [[as_text(cell) for cell in row] for row in sheet.iter_rows()]


def as_text(cell: Any) -> str:
    if isinstance(cell.value, datetime):
        return f"{cell.value:%Y-%m-%d %H:%M:%S}"
    if cell.number_format == "0.00":
        return f"{cell.value:.2f}"
    return "" if cell.value is None else str(cell.value)


def test_a_page_and_its_files_have_the_same_columns_and_the_same_words(portal: Client) -> None:
    filled = set()
    for name in LISTS:
        heads, rows = shown(portal, name, "en")
        lines = taken(portal, name, "csv", "en")
        assert taken(portal, name, "xlsx", "en") == lines, name
        of_file = [head.removesuffix(" (yuan)") for head in lines[0]]
        wanted = [APART.get(head, head) for head in heads if head not in ("Files", "")]
        assert [head for head in of_file if head in wanted] == wanted, name
        assert len(lines) - 1 == len(rows), name
        for row, line in zip(rows, lines[1:], strict=True):
            told = dict(zip(of_file, line, strict=True))
            for head in {"State", "Kind", "Lock", "Outcome"} & set(heads):
                assert row[head].startswith(told[head] or "—"), (name, head)
                filled.add((name, head))
    assert {(name, "State") for name in ("stays", "debts", "recovery", "devices")} <= filled


def test_the_files_speak_the_reader_s_language(portal: Client) -> None:
    _heads, rows = shown(portal, "debts", "zh-hans")
    lines = taken(portal, "debts", "csv", "zh-hans")
    assert lines[0] == [
        *["欠费", "车牌", "颜色", "路段", "泊位", "起始", "催缴", "状态", "车辆", "金额（元）"]
    ]
    assert [line[7] for line in lines[1:]] == [row["状态"] for row in rows]
    assert {line[2] for line in lines[1:]} <= {"蓝牌", "绿牌", "黄牌", "黄绿牌", "白牌", "黑牌"}


def test_a_list_that_its_files_cut_says_so_on_the_page(
    portal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = {"accept-language": "en"}
    whole = portal.get(reverse("parking.stays"), headers=english).content.decode()
    assert "narrow the list" not in whole
    count = len(taken(portal, "stays", "csv", "en")) - 1
    monkeypatch.setattr(sheets, "MOST_ROWS", {"csv": 3, "xlsx": 2})
    page = portal.get(reverse("parking.stays"), headers=english).content.decode()
    for kind, most in sheets.MOST_ROWS.items():
        cut = f"{kind.upper()} holds the first {most} of these {count} rows: narrow the list."
        assert cut in page
        lines = taken(portal, "stays", kind, "en")
        assert len(lines) == 1 + most + 1
        assert lines[-1][0] == cut


def test_two_lists_of_a_page_are_turned_apart(
    portal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arrears.tables.NoticeTable.page_rows", 1)
    monkeypatch.setattr("arrears.tables.DebtTable.page_rows", 1)
    path = reverse("arrears.debts")
    first = portal.get(f"{path}?state=").context
    assert first["table"].next_url() == "?state=&page=2"
    turned = portal.get(f"{path}?state=&page=2&notices-page=x").context
    assert turned["table"].page.number == 2
    assert turned["notices"].page.number == 1
