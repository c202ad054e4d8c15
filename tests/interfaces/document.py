"""The document of the interfaces, and what of an answer it does not say."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

METHODS = ("get", "post", "put", "patch", "delete")
formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@dataclass(frozen=True)
class Document:
    """What `/api/schema/` serves, as it stands."""

    body: dict[str, Any]

    def operations(self) -> set[tuple[str, str]]:
        """Method and address of each, such as ("get", "/api/v1/arrears/debts/{id}/")."""
        return {
            (method, path)
            for path, item in self.body["paths"].items()
            for method in METHODS
            if method in item
        }

    def operation(self, method: str, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.body["paths"][path][method]
        return found

    def faults(self, method: str, path: str, answer: Any) -> Iterator[str]:
        """What is wrong with this answer: its status, its kind, or places in its body."""
        where = f"{method.upper()} {path} {answer.status_code}"
        told = self.operation(method, path)["responses"].get(str(answer.status_code))
        if told is None:
            yield f"{where}: the status is not documented: {answer.content[:200]!r}"
            return
        told = self.followed(told)
        if "content" not in told:
            if answer.content:
                yield f"{where}: no body is documented: {answer.content[:200]!r}"
            return
        kind = answer["Content-Type"].split(";")[0]
        if kind not in told["content"]:
            yield f"{where}: {kind} is not documented"
        elif kind.endswith("json"):
            schema = {**told["content"][kind]["schema"], "components": _closed(self)}
            checked = Draft202012Validator(schema, format_checker=formats)
            for error in checked.iter_errors(json.loads(answer.content)):
                yield f"{where}: {error.json_path}: {error.message[:300]}"

    def followed(self, told: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in told:
            return told
        _hash, _components, kind, name = told["$ref"].split("/")
        found: dict[str, Any] = self.body["components"][kind][name]
        return found


def document() -> Document:
    return Document(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@cache
def _components(text: str) -> Any:
    return _strict(json.loads(text))


def _closed(of: Document) -> Any:
    return _components(json.dumps(of.body["components"], default=str))


def _strict(schema: Any) -> Any:
    """The same, with no room for fields that are not named."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(one) for name, one in schema.items()}
    if isinstance(strict.get("properties"), dict):
        strict.setdefault("additionalProperties", False)
    return strict
