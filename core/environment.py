"""What the environment says about an outside service: one variable that holds a JSON object."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The variable, its keys and what each means; the documents show the same (tests/docs).

    Of `either`, one group must be there whole; all its keys stand in `optional` too.
    """

    variable: str
    needed: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    either: tuple[tuple[str, ...], ...] = ()

    @property
    def keys(self) -> dict[str, str]:
        """Every key with its meaning, in the order in which people are told of them."""
        return {**self.needed, **self.optional}

    def read(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """What is set, {} where nothing is.

        Raises ImproperlyConfigured in a sentence that names variable and keys, never a value.
        """
        text = environment.get(self.variable, "").strip()
        if not text:
            return {}
        try:
            said = json.loads(text)
        except ValueError as error:
            raise ImproperlyConfigured(f"{self.variable} is not JSON.") from error
        if not isinstance(said, dict):
            raise ImproperlyConfigured(f"{self.variable} must be a JSON object.")
        if said:
            self._complete(said)
        return said

    def _complete(self, said: Mapping[str, Any]) -> None:
        if unknown := sorted(set(said) - set(self.keys)):
            raise ImproperlyConfigured(f"{self.variable} knows no key {', '.join(unknown)}.")
        if missing := [key for key in self.needed if not said.get(key)]:
            raise ImproperlyConfigured(f"{self.variable} lacks {', '.join(missing)}.")
        if self.either and not any(all(said.get(key) for key in group) for group in self.either):
            groups = " or ".join(" with ".join(group) for group in self.either)
            raise ImproperlyConfigured(f"{self.variable} lacks {groups}.")
