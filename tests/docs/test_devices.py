"""docs/devices.md is what makers build by: its tables say what the protocol's classes say."""

import re
from pathlib import Path
from typing import Any

import pytest

from devices.rules import kinds, protocol

TEXT = (Path(__file__).parents[2] / "docs" / "devices.md").read_text()
ALL = protocol.MESSAGES | protocol.COMMANDS


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below `heading`, without its head."""
    below = TEXT.split(f"\n## {heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", below, re.M)
    assert lines, heading
    rows = [line.strip("|").split("|") for line in lines[0].splitlines()[2:]]
    return [[cell.strip() for cell in row] for row in rows]


def written_fields(payload: str) -> dict[str, tuple[bool, list[str]]]:
    """Of a payload's cell: field → may it be left out, and the words it may be."""
    found: dict[str, tuple[bool, list[str]]] = {}
    words = re.findall(r"\(([^)]*)\)", payload)
    for part in re.sub(r"\([^)]*\)", "()", payload).replace("`", "").split(","):
        if part.strip():
            name = part.strip().removesuffix("()").strip()
            listed = re.findall(r"`(\w+)`", words.pop(0)) if "()" in part else []
            found[name.rstrip("*")] = (name.endswith("*"), listed)
    return found


def written_actions() -> dict[str, tuple[str, dict[str, tuple[bool, list[str]]]]]:
    rows = table("What devices say") + table("What devices are told")
    return {
        action: (row[1], written_fields(row[2]))
        for row in rows
        for action in re.findall(r"`(\w+)`", row[0])
    }


def spoken(schema: dict[str, Any]) -> str:
    """A field's schema in the document's words."""
    if "anyOf" in schema:
        (schema,) = [one for one in schema["anyOf"] if one.get("type") != "null"]
    if "enum" in schema:
        return "word"
    match schema["type"]:
        case "number":
            return f"number {schema['minimum']:g} to {schema['maximum']:g}"
        case "integer":
            return f"integer {schema['minimum']} to {schema['maximum']}"
        case "string" if "pattern" in schema:
            return f"text of {schema['maxLength']} that fits `{schema['pattern']}`"
        case "string":
            return f"text {schema.get('minLength', 0)} to {schema['maxLength']}"
        case "array":
            return f"list of at most {schema['maxItems']} of {spoken(schema['items'])}"
        case "boolean":
            return "true or false"
    return str(schema["type"])


def example(schema: dict[str, Any]) -> Any:
    """A value that the schema takes."""
    if "anyOf" in schema:
        schema = schema["anyOf"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "pattern" in schema:
        return "a" * 64
    kinds: dict[str, Any] = {"string": "x", "array": [], "boolean": True, "object": {"a": 1}}
    return kinds.get(schema["type"], schema.get("minimum"))


def parsed(action: str, payload: dict[str, Any]) -> protocol.Message:
    parse = protocol.parse if action in protocol.MESSAGES else protocol.parse_command
    return parse(action, payload)


def test_every_action_stands_in_the_document_with_those_who_say_or_hear_it() -> None:
    written = written_actions()
    assert set(written) == set(ALL)
    for action, (by, _fields) in written.items():
        told = set(kinds.NAMES) if by == "all" else {kind.strip() for kind in by.split(",")}
        assert told == set(kinds.who_may(ALL[action])), action


@pytest.mark.parametrize("action", ALL)
def test_a_payload_built_by_the_document_is_taken_with_and_without_what_it_calls_optional(
    action: str,
) -> None:
    _by, written = written_actions()[action]
    properties = protocol.schema_of(ALL[action])["properties"]
    assert set(written) == set(properties)
    whole = {name: example(properties[name]) for name in written}
    assert parsed(action, whole).payload() == whole
    optional = {name for name, (may_be_left_out, _words) in written.items() if may_be_left_out}
    for name in written:
        without, null = {k: v for k, v in whole.items() if k != name}, {**whole, name: None}
        if name in optional:
            assert parsed(action, without) == parsed(action, null)
            continue
        for payload in (without, null):
            with pytest.raises(protocol.InvalidPayload) as refused:
                parsed(action, payload)
            assert list(refused.value.fields) == [name]
    assert parsed(action, {name: whole[name] for name in whole if name not in optional})


@pytest.mark.parametrize("action", ALL)
def test_the_words_that_a_field_may_be_are_those_of_the_document(action: str) -> None:
    _by, written = written_actions()[action]
    for name, schema in protocol.schema_of(ALL[action])["properties"].items():
        assert written[name][1] == schema.get("enum", []), name


def test_the_type_unit_and_length_of_every_field_stand_in_the_document() -> None:
    written = {row[0].strip("`"): row[1] for row in table("Fields")}
    known = {
        name: spoken(schema)
        for message in ALL.values()
        for name, schema in protocol.schema_of(message)["properties"].items()
    }
    assert written == known


def test_an_unknown_field_is_named_in_the_refusal() -> None:
    with pytest.raises(protocol.InvalidPayload) as refused:
        protocol.parse("CommandResult", {"command_id": 1, "result": "done"})
    assert set(refused.value.fields) == {"outcome", "result"}
    assert "outcome, result" in refused.value.text
