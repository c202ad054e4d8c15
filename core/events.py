"""Domain events as values; each row declares its own in `events.py` (docs/rules.md 2)."""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

_KNOWN: dict[str, type["Event"]] = {}


@dataclass(frozen=True)
class Event:
    """Something happened. A subclass is a frozen dataclass whose fields are JSON values.

    Its topic is the row and the class in small letters (`parking.events.LeftUnpaid` is
    `parking.left_unpaid`): the stable name in the outbox, so a class is renamed only together with
    a migration of what still waits.
    """

    topic: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        row = cls.__module__.partition(".")[0]
        cls.topic = f"{row}.{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', cls.__name__).lower()}"
        _KNOWN[cls.topic] = cls

    def data(self) -> dict[str, Any]:
        """The fields, as they are stored."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """The event that was stored as `data`; what this version no longer knows is left out.

        Raises TypeError where a field is missing that has no default.
        """
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})


def of_topic(topic: str, data: dict[str, Any]) -> Event:
    """The stored event of this topic. Raises LookupError for a topic that no row declares."""
    return _KNOWN[topic].of(data)


@dataclass(frozen=True)
class OutageChanged(Event):
    """An outage was noticed, written, ended or corrected; `since` is the earliest time it touches.

    Times that counted meanwhile are another now, and what followed too early is set back.
    """

    outage_id: int
    since: str  # ISO 8601
