"""One dialect: how interfaces are named, and that their document is one."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import translation

from tests.interfaces.document import Document

PUBLISHED_BEFORE = {"/api/v1/devices/images/{sha256}"}  # devices in the street know it by this


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_document_is_made_without_a_warning_in_both_languages(
    language: str, tmp_path: Path
) -> None:
    with translation.override(language):
        call_command(
            "spectacular", file=str(tmp_path / "schema.yaml"), validate=True, fail_on_warn=True
        )


def test_every_address_ends_with_a_slash(told: Document) -> None:
    assert {path for path in told.body["paths"] if not path.endswith("/")} == PUBLISHED_BEFORE


def test_what_is_taken_ends_with_in_and_what_is_answered_with_out(told: Document) -> None:
    schemas = told.body["components"]["schemas"]
    objects = {name for name, schema in schemas.items() if schema.get("type") == "object"}
    pages = {name for name in objects if name.startswith("Paginated") and name.endswith("OutList")}
    assert {name for name in objects - pages if not name.endswith(("In", "Out"))} == set()


def test_every_refusal_is_a_problem_document(told: Document) -> None:
    for method, path in told.operations():
        for status, answer in told.operation(method, path)["responses"].items():
            if status >= "400":
                kinds = told.followed(answer)["content"]
                assert set(kinds) == {"application/problem+json"}, (method, path, status)
