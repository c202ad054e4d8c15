"""Errors for people and machines (docs/rules.md 10): a stable code, facts, one sentence."""

import math
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext


class BoweiError(Exception):
    """The root of every expected refusal.

    `code` is stable and English, `message` a sentence in the reader's language (lazy), `facts`
    are JSON values that complete it and fill its `%(name)s` places. `keeps`: what was written
    before it was raised is to stay, whatever transaction it passes through.
    """

    status = 400
    keeps = False

    def __init__(self, code: str, message: Any, /, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self._message = message
        self.facts = facts

    @property
    def message(self) -> str:
        """The sentence for a person, with the facts filled in."""
        text = str(self._message)
        return text % self.facts if self.facts and "%(" in text else text

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Invalid(BoweiError):
    """The input cannot be understood; `fields` names each field with its sentence."""

    status = 400

    def __init__(
        self,
        code: str,
        message: Any,
        /,
        *,
        fields: dict[str, Any] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(code, message, **facts)
        self.fields = fields or {}


class Denied(BoweiError):
    """This person or device may not do this."""

    status = 403

    def __init__(self, code: str = "denied", message: Any = None, /, **facts: Any) -> None:
        super().__init__(code, message or _("You are not allowed to do this."), **facts)


class Missing(BoweiError):
    """There is no such thing, or it is not yours to see: the two look the same."""

    status = 404

    def __init__(self, code: str = "missing", message: Any = None, /, **facts: Any) -> None:
        super().__init__(code, message or _("We can't find this. Check the address."), **facts)


class LinkEnded(Missing):
    """The link was one of ours, and opens nothing any more; docs/links.md says when that is."""

    status = 410

    def __init__(self) -> None:
        super().__init__(
            "link_ended",
            _(
                "This link has ended. What you owe is under “Still to pay”: log in with your phone "
                "number, or scan the code at the berth."
            ),
        )


class Refused(BoweiError):
    """Understood and allowed, but not in this state of things."""

    status = 409


class TooMany(BoweiError):
    """Asked too often; `wait_s`, where it is a matter of time, says when to ask again."""

    status = 429

    def __init__(
        self,
        code: str = "too_many",
        message: Any = None,
        /,
        *,
        wait_s: float | None = None,
        **facts: Any,
    ) -> None:
        if wait_s is not None:
            facts["retry_after_s"] = max(1, math.ceil(wait_s))
            message = message or _("That was too often. Try again in %(wait)s.")
        message = message or _("That was too many attempts. Wait a little and try again.")
        super().__init__(code, message, **facts)

    @property
    def message(self) -> str:
        wait_s = self.facts.get("retry_after_s")
        if not wait_s:
            return super().message
        return str(self._message) % {**self.facts, "wait": _long(wait_s)}

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says to machines beside its body."""
        wait_s = self.facts.get("retry_after_s")
        return {"Retry-After": str(wait_s)} if wait_s else {}


def _long(seconds: int) -> str:
    if seconds < 120:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    minutes = math.ceil(seconds / 60)
    if minutes < 120:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = math.ceil(minutes / 60)
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}


class BadMove(Exception):
    """A programmer asked for a state change that the model's MOVES do not allow."""
