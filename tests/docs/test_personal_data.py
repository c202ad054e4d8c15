"""Every field that may say something about a person is declared, with what it is for."""

import csv
from pathlib import Path

from django.apps import apps
from django.db import models
from django.utils import translation

from accounts import information
from accounts.models import User
from config.kept import KINDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXTS = (
    *(models.CharField, models.TextField, models.JSONField, models.FloatField),
    *(models.BinaryField, models.GenericIPAddressField, models.FileField),
)
OURS = {"core", "accounts", "devices", "payments", "parking", "arrears", "recovery", "monthlycard"}
LIBRARIES = {"admin"}


def declared() -> dict[tuple[str, str], str]:
    with (DOCS / "personal.csv").open() as file:
        return {(row["model"], row["field"]): row["data"] for row in csv.DictReader(file)}


def may_be_personal(field: models.Field) -> bool:
    """A text, a place, a file, or a person; numbers, times and states say nothing by themselves."""
    if field.is_relation:
        return field.related_model is User
    return isinstance(field, TEXTS) and not field.choices and field.name != "state"


def fields() -> set[tuple[str, str]]:
    return {
        (model._meta.label, field.name)
        for model in apps.get_models()
        if model._meta.app_label in OURS | LIBRARIES
        for field in model._meta.get_fields()
        if field.concrete and not field.auto_created and may_be_personal(field)
    }


def test_every_field_that_may_be_personal_has_its_line() -> None:
    missing = fields() - set(declared())
    assert not missing, f"docs/personal.csv: say what these are of a person, or - : {missing}"
    gone = set(declared()) - fields()
    assert not gone, f"docs/personal.csv names what is no field any more: {gone}"


def test_plates_and_phones_are_never_called_nothing() -> None:
    for (model, field), data in declared().items():
        names_somebody = any(word in field for word in ("plate", "phone", "user", "ip_address"))
        if names_somebody and field != "help_phone":
            assert data != "-", (model, field)


def test_every_kind_is_told_to_people_and_stands_in_the_map() -> None:
    kinds = set(declared().values()) - {"-"}
    assert kinds == {one.key for one in information.ALL}
    with translation.override("en"):
        told = (DOCS / "privacy.md").read_text()
        for one in information.ALL:
            row = f"| {one.key} | {one.what} | {one.why} | {one.basis} | "
            assert row in told, row
            assert f" | {one.how_long} | {one.who} |" in told
        for kind in KINDS:
            row = f"| {kind.name} | {kind.what} | {kind.why} | {kind.basis} | {kind.days} d |"
            assert row in told, row
