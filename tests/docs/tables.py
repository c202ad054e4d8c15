"""Hands for the tests that hold our documents to the code: tables read cell by cell."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from core.environment import Account

DOCS = Path(settings.BASE_DIR) / "docs"


def table(name: str, head: str) -> list[list[str]]:
    """The rows of the first table with this head in one of our documents, cell by cell."""
    lines = (DOCS / name).read_text(encoding="utf-8").split(head, 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def rows_of_keys(accounts: Iterable[Account]) -> list[list[str]]:
    """The rows `variable, key, meaning` that a document owes these accounts."""
    return [
        [f"`{account.variable}`" if number == 0 else "", f"`{key}`", meaning]
        for account in accounts
        for number, (key, meaning) in enumerate(account.keys.items())
    ]
