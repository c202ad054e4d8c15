"""Tells a story step by step: each with its requirement id, what was seen, and how long it took."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console


class StepFailed(Exception):
    """A step had no effect where its effect must be seen; the text says what was missing."""


class Stopped(Exception):
    """The story rightly ends here; `status` is the exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class Step:
    """One step: its ids, its title, what was seen, and whether it took effect."""

    ids: tuple[str, ...]
    title: str
    seen: dict[str, Any] = field(default_factory=dict)
    ok: bool = False
    error: str = ""
    took_ms: int = 0

    def saw(self, **facts: Any) -> None:
        """Note evidence, as the other side shows it."""
        self.seen |= facts


def must(condition: Any, text: str) -> None:
    """Raise StepFailed unless the effect is there."""
    if not condition:
        raise StepFailed(text)


class Teller:
    """Prints steps as they are told and keeps them for the report."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False)
        self.steps: list[Step] = []
        self.notes: dict[str, Any] = {}

    @contextmanager
    def step(self, *ids: str, title: str) -> Iterator[Step]:
        """One step; an exception inside marks it failed and goes on to the caller."""
        step = Step(ids, title)
        self.steps.append(step)
        began = time.monotonic()
        try:
            yield step
            step.ok = True
        except Stopped as stop:
            step.ok = True
            step.saw(stopped=str(stop))
            raise
        except Exception as error:
            step.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            step.took_ms = round((time.monotonic() - began) * 1000)
            self._print(step)

    def _print(self, step: Step) -> None:
        mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
        names = " ".join(step.ids)
        self.console.print(f"{mark} [bold]{names:<16}[/] {step.title}  [dim]{step.took_ms} ms[/]")
        for name, value in step.seen.items():
            self.console.print(f"    [dim]{name}[/] {value}", markup=True, soft_wrap=True)
        if step.error:
            self.console.print(f"    [red]{step.error}[/]", soft_wrap=True)

    def write(self, path: Path, **facts: Any) -> None:
        """The report as JSON."""
        report = {**facts, **self.notes, "steps": [asdict(step) for step in self.steps]}
        path.write_text(json.dumps(report, ensure_ascii=False, indent=2, default=str) + "\n")
