"""JSON from outside, read into a dataclass: tariffs, agreements, what devices say.

The dataclass is the schema: its fields are read strictly (no text is a number, no number a flag)
and what it has no field for is refused. Whoever reads needs Pydantic; the dataclasses do not.
"""

import json
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

TOO_DEEP: Final = "is nested too deeply"
LONGEST_REASON: Final = 200
REASONS: Final = {
    "bool_type": "must be true or false",
    "dataclass_type": "must be an object",
    "dict_type": "must be an object",
    "enum": "must be {expected}",
    "frozen_set_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "json_invalid": TOO_DEEP,
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "string_pattern_mismatch": "must fit {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be shorter than {min_length}",
    "string_type": "must be a text",
    "too_long": "must have at most {max_length} entries",
    "tuple_type": "must be a list",
    "unexpected_keyword_argument": "is not known here",
    "value_error": "{error}",
}
"""Why a field is refused, by Pydantic's name of it; where none stands, in Pydantic's words."""


class Misfit(ValueError):
    """A value that does not fit its dataclass.

    `faults` has every field that is wrong and why, by its path: `windows.0.start`. The value as a
    whole has the path "". No reason repeats what was sent, which may be a secret.
    """

    def __init__(self, faults: dict[str, str]) -> None:
        reasons = (f"{path}: {reason}" if path else reason for path, reason in faults.items())
        super().__init__("; ".join(reasons))
        self.faults = faults


def read(kind: type[T], value: Any) -> T:
    """The `kind` that `value`, as `json` decodes it, stands for.

    Raises Misfit; what `__post_init__` of `kind` raises as a ValueError comes as it was raised.
    """
    try:
        return reader(kind).validate_json(json.dumps(value), strict=True, extra="forbid")
    except ValidationError as error:
        faults: dict[str, str] = {}
        for fault in error.errors(include_url=False, include_input=False):
            known = fault.get("ctx", {})
            if not fault["loc"] and fault["type"] == "value_error":
                raise known["error"] from None
            reason = REASONS.get(fault["type"])
            path = ".".join(str(part) for part in fault["loc"])
            faults[path] = (reason.format(**known) if reason else fault["msg"])[:LONGEST_REASON]
        raise Misfit(faults) from None
    except RecursionError:
        raise Misfit({"": TOO_DEEP}) from None


def reader(kind: type[T]) -> TypeAdapter[T]:
    """What reads and writes a `kind`, made once."""
    return _reader(kind)  # type: ignore[arg-type] # a class can be hashed


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
