"""The interfaces held against their document: each operation asked by everybody, by chance.

Schemathesis makes the requests from the document, right ones and wrong ones, and judges each
answer: no error of ours, no status, kind, header or body that the document does not tell.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup

from config.fuzz.askers import Asker
from config.fuzz.doors import Doors
from config.fuzz.run import PATIENCE_S

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 3  # of an operation, an asker and a manner, at a time
NAMES = {"id": "pk", "stay_id": "pk"}  # of the document's places, as addresses call them


@dataclass(slots=True)
class Held:
    """What came of it."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)  # what is wrong → the first request


class Interfaces:
    """All operations of the document, against a web server."""

    def __init__(self, url: str, *, chance: int, doors: Doors, askers: list[Asker]) -> None:
        generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
        document = generator.get_schema(request=None, public=True)
        self.schema = schemathesis.openapi.from_dict(document)
        self.url, self.seed, self.doors, self.askers = url, chance, doors, askers
        self.held = Held()
        self.session = requests.Session()
        self.session.trust_env = False

    def hold(self, *, until_s: float, most: int, told: Callable[[Held], None]) -> Held:
        """Ask until that moment of the monotonic clock, or so many times."""
        for turn, operation, asker in self._turns():
            if time.monotonic() > until_s or self.held.cases >= most:
                return self.held
            self._ask(operation, asker, turn)
            told(self.held)
        raise AssertionError("The turns never end.")

    def _turns(self) -> Iterator[tuple[int, Any, Asker]]:
        """Each operation with each asker, in the order of chance; then again, otherwise."""
        found: list[Any] = list(self.schema.get_all_operations())
        operations = [one.ok() for one in found]
        turn = 0
        while True:
            pairs = [(one, asker) for one in operations for asker in self.askers]
            random.Random(f"{self.seed} {turn}").shuffle(pairs)
            for operation, asker in pairs:
                yield turn, operation, asker
            turn += 1

    def _ask(self, operation: Any, asker: Asker, turn: int) -> None:
        chance = random.Random(f"{self.seed} {turn} {operation.label} {asker.name}")
        mode = chance.choice((GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
        known = self._known(operation, chance) if chance.random() < 0.7 else None
        strategy = operation.as_strategy(generation_mode=mode, path_parameters=known)

        @seed(chance.randrange(2**32))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def each(case: Any) -> None:
            self._hold(case, asker)

        try:
            each()
        except Unsatisfiable:  # nothing about this operation can be made wrong in that manner
            return

    def _known(self, operation: Any, chance: random.Random) -> dict[str, Any] | None:
        """What may stand in the places of the address, of things that there are."""
        places = [one.name for one in operation.path_parameters]
        found = {}
        for name in places:
            kind = "int" if name in ("id", "stay_id", "pk") else "str"
            found[name] = self.doors.known(kind, NAMES.get(name, name), chance)
        return found or None

    def _hold(self, case: Any, asker: Asker) -> None:
        told = case.as_transport_kwargs(base_url=self.url)
        told = {name: told[name] for name in SENT if name in told}
        try:
            request = self.session.prepare_request(requests.Request(**told))
        except (requests.RequestException, UnicodeError):  # no such request can be written
            return
        sent: Any = request.body or b""
        body = sent.encode() if isinstance(sent, str) else bytes(sent)
        request.headers.update(asker.headers(request.method or "", request.path_url, body))
        answer = self.session.send(request, timeout=PATIENCE_S, allow_redirects=False)
        self.held.cases += 1
        self.held.statuses[answer.status_code] += 1
        self.held.operations.add(case.operation.label)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            for one in failures.exceptions:
                said = " ".join(str(one).split())[:300]
                what = f"{case.operation.label} {answer.status_code}: {said}"
                sent = f"{asker.name} {request.method} {request.path_url[:200]} {body[:200]!r}"
                self.held.faults.setdefault(what, sent)


SENT = ("method", "url", "headers", "params", "cookies", "data", "json", "files")
