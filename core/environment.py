"""What the environment says: secrets out of files, and of an outside service one JSON object."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

FORMER = "former"
FORMER_MEANS = (
    "accounts that this one took the place of: each with the keys above and `until`, the last day "
    "on which its messages, queries and refunds count"
)

FROM_FILES = ("BOWEI_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


def with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, and for each `NAME_FILE` of ours a `NAME` that is what this file holds.

    So secrets come as files from Docker, Kubernetes, systemd's credentials or a vault's agent, and
    stand in no process's environment. Raises ImproperlyConfigured in a sentence that names the
    variable, never a value.
    """
    found = dict(environment)
    for variable, path in environment.items():
        name = variable.removesuffix("_FILE")
        if name == variable or not name.startswith(FROM_FILES) or not path:
            continue
        if environment.get(name):
            raise ImproperlyConfigured(f"{name} and {variable} are both set: one must go.")
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"{variable} names a file that can't be read.") from error
        if not found[name]:
            raise ImproperlyConfigured(f"{variable} names an empty file.")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The variable, its keys and what each means; the documents show the same (tests/docs).

    Of `either`, one group must be there whole; all its keys stand in `optional` too. With
    `known_by`, the keys that tell accounts apart, those that this one took the place of may stand
    under `former`, each whole and with `until`, the last day of its use.
    """

    variable: str
    needed: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    either: tuple[tuple[str, ...], ...] = ()
    known_by: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, str]:
        """Every key with its meaning, in the order in which people are told of them."""
        former = {FORMER: FORMER_MEANS} if self.known_by else {}
        return {**self.needed, **self.optional, **former}

    def name_of(self, said: Mapping[str, Any]) -> str:
        """What tells this account from others of the same service."""
        return "/".join(str(said.get(key, "")) for key in self.known_by)[:64]

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
            self._complete(said, set(self.keys))
            for former in said.get(FORMER, []):
                self._former(former)
        return said

    def _former(self, said: Any) -> None:
        if not isinstance(said, dict):
            raise ImproperlyConfigured(f"{self.variable}: each of {FORMER} is a JSON object.")
        self._complete(said, {*self.needed, *self.optional, "until"})
        try:
            date.fromisoformat(said["until"])
        except (KeyError, TypeError, ValueError) as error:
            raise ImproperlyConfigured(
                f"{self.variable}: each of {FORMER} says until which day, as 2026-12-31."
            ) from error

    def _complete(self, said: Mapping[str, Any], keys: set[str]) -> None:
        if unknown := sorted(set(said) - keys):
            raise ImproperlyConfigured(f"{self.variable} knows no key {', '.join(unknown)}.")
        if missing := [key for key in self.needed if not said.get(key)]:
            raise ImproperlyConfigured(f"{self.variable} lacks {', '.join(missing)}.")
        if self.either and not any(all(said.get(key) for key in group) for group in self.either):
            groups = " or ".join(" with ".join(group) for group in self.either)
            raise ImproperlyConfigured(f"{self.variable} lacks {groups}.")
