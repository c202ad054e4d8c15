"""CONTRIBUTING.md leads to places that are there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = re.findall(r"`([\w.]+/[\w./]*)`", TEXT)


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_a_place_that_a_recipe_names_is_there(path):
    found = list(ROOT.glob(path)) or list(ROOT.glob(f"*/{path}"))
    assert found, f"{path} is nowhere"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("arrears.rules.listing", ["place", "Owed"]),
        ("arrears.services.listing", ["relist"]),
        ("arrears.tables", ["DebtTable"]),
        ("config.wiring", ["REACTIONS", "PAYABLES", "SWEEPS"]),
        ("config.demo.day", ["NOTICE_DAYS_AGO"]),
    ],
)
def test_a_name_that_a_recipe_names_is_there(module, names):
    for name in names:
        assert f"`{name}`" in TEXT
        assert hasattr(import_module(module), name)
