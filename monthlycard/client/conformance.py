"""Does a lot system speak docs/lot-protocol.md? A suite that any maker can run (P4.13).

    python -m monthlycard.client.conformance URL CODE SECRET
        [--maker module:Class] [--vehicle PLATE]

Without `--maker` the reference is tried. Give it credentials made for tests: it reports passes.
With a vehicle that has a card at this lot the card flow is tried too.
"""

import argparse
import importlib
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests

from monthlycard.client.connection import PREFIX, LotClient
from monthlycard.client.lots import AskLot, ListLot
from monthlycard.rules import signing

STRANGER = ("沪B00001", "blue")  # no card opens anything for it


class BarrierResult(Protocol):
    """What a lot did at its barrier."""

    record_id: str
    flow: str
    reason: str
    card: str
    barrier_opened: bool


class Maker(Protocol):
    """What the suite asks of a lot system; `(base, code, secret)` makes one."""

    def now(self) -> datetime: ...
    def sync(self) -> int: ...
    def agree(self) -> int: ...
    def enter(self, plate: str, colour: str, *, at: datetime | None = None) -> Any: ...
    def leave(self, plate: str, colour: str, *, at: datetime | None = None) -> Any: ...
    def report(self, again: bool = False) -> list[dict[str, str]]: ...
    def open_statements(self) -> list[str]: ...
    def check(self, number: str) -> dict[str, Any]: ...


def list_lot(base: str, code: str, secret: str) -> Maker:
    """The reference that decides by its own list."""
    return ListLot(LotClient(base, code, secret))


def ask_lot(base: str, code: str, secret: str) -> Maker:
    """The reference that asks."""
    return AskLot(LotClient(base, code, secret))


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: right, wrong (with what was seen) or skipped (with the reason)."""

    step: str
    outcome: str  # right, wrong, skipped
    note: str = ""


class Skipped(Exception):
    """A step that cannot be tried here."""


@dataclass
class Suite:
    """The steps, in their order; each raises AssertionError or Skipped."""

    base: str
    code: str
    secret: str
    maker: Maker
    vehicle: tuple[str, str] | None = None

    def run(self) -> Iterator[StepResult]:
        steps: list[Callable[[], None]] = [
            self.a_false_signature_is_refused,
            self.an_old_request_is_refused,
            self.a_repeated_request_is_refused,
            self.answers_are_signed,
            self.the_agreement_is_signed,
            self.the_list_is_fetched_once,
            self.a_question_has_one_answer,
            self.a_vehicle_without_card_is_temporary,
            self.a_vehicle_with_card_passes,
            self.records_count_once,
            self.statements_are_checked,
        ]
        for step in steps:
            name = step.__name__.replace("_", " ")
            try:
                step()
            except Skipped as reason:
                yield StepResult(name, "skipped", str(reason))
            except Exception as error:  # whatever a maker's system does, the next step is tried
                yield StepResult(name, "wrong", f"{type(error).__name__}: {error}")
            else:
                yield StepResult(name, "right")

    # ── What the platform must do ───────────────────────────────────────────────────────────────
    def a_false_signature_is_refused(self) -> None:
        _expect(self._send("GET", "time/", secret="guessed"), 401, "bad_signature")
        sent = {"records": [{"record_id": "x"}]}
        _expect(self._send("POST", "passes/", {}, instead=sent), 401, "bad_signature")

    def an_old_request_is_refused(self) -> None:
        _expect(self._send("GET", "time/", age_s=signing.TOLERANCE_S + 5), 401, "bad_signature")

    def a_repeated_request_is_refused(self) -> None:
        nonce = secrets.token_urlsafe(12)
        _expect(self._send("GET", "time/", nonce=nonce), 200)
        _expect(self._send("GET", "time/", nonce=nonce), 401, "bad_signature")

    def answers_are_signed(self) -> None:
        nonce = secrets.token_urlsafe(12)
        answer = self._send("GET", "time/", nonce=nonce)
        expected = signing.sign_answer(
            self.secret, status=answer.status_code, nonce=nonce, body=answer.content
        )
        assert signing.equal(answer.headers[signing.SIGNATURE], expected), "signed otherwise"

    def a_question_has_one_answer(self) -> None:
        asked = self._question(*STRANGER)
        first = _expect(self._send("POST", "questions/", asked), 200)
        again = _expect(self._send("POST", "questions/", asked), 200)
        assert first == again, f"{first}, then {again}"
        assert (first["admit"], first["reason"]) == ("temporary", "no_card"), first
        other = {**asked, "plate": "沪B00002"}
        _expect(self._send("POST", "questions/", other), 409, "record_differs")

    # ── What the lot must do ────────────────────────────────────────────────────────────────────
    def the_agreement_is_signed(self) -> None:
        if self._send("GET", "agreement/").status_code == 409:
            raise Skipped("there is no agreement yet")
        version = self.maker.agree()
        found = _expect(self._send("GET", "agreement/", query=f"?version={version}"), 200)
        assert found["signed_by_lot"], "the signature did not arrive"

    def the_list_is_fetched_once(self) -> None:
        self.maker.sync()
        assert self.maker.sync() == 0, "the same records came again: keep the cursor"

    def a_vehicle_without_card_is_temporary(self) -> None:
        at = self.maker.now()
        for movement in (
            self.maker.enter(*STRANGER, at=at),
            self.maker.leave(*STRANGER, at=at + timedelta(minutes=5)),
        ):
            assert (movement.flow, movement.reason) == ("temporary", "no_card"), movement
            assert movement.barrier_opened, "the barrier stayed shut"

    def a_vehicle_with_card_passes(self) -> None:
        if self.vehicle is None:
            raise Skipped("no vehicle with a card was named")
        at = self.maker.now()
        for movement in (
            self.maker.enter(*self.vehicle, at=at),
            self.maker.leave(*self.vehicle, at=at + timedelta(minutes=5)),
        ):
            assert (movement.flow, movement.reason) == ("card", "valid"), movement
            assert movement.card, "without the card's number"
            assert movement.barrier_opened, "the barrier stayed shut"

    def records_count_once(self) -> None:
        first = self.maker.report()
        assert first, "nothing was reported"
        assert {row["outcome"] for row in first} == {"stored"}, first
        again = self.maker.report(again=True)
        assert {row["outcome"] for row in again} == {"again"}, again

    def statements_are_checked(self) -> None:
        numbers = self.maker.open_statements()
        if not numbers:
            raise Skipped("no statement waits")
        for number in numbers:
            answer = self.maker.check(number)
            assert answer["agreed"], f"{number}: {answer['differences']}"

    # ── The suite's own hand ────────────────────────────────────────────────────────────────────
    def _question(self, plate: str, colour: str) -> dict[str, Any]:
        return {
            "request_id": f"suite-{secrets.token_hex(8)}",
            "direction": "entry",
            "plate": plate,
            "colour": colour,
            "at": self.maker.now().isoformat(),
            "own_list": None,
        }

    def _send(
        self,
        method: str,
        address: str,
        body: dict[str, Any] | None = None,
        *,
        query: str = "",
        secret: str = "",
        nonce: str = "",
        age_s: int = 0,
        instead: dict[str, Any] | None = None,
    ) -> requests.Response:
        """A request of the suite's own, with the fault that is asked for."""
        path = f"{PREFIX}/{address}{query}"
        data = b"" if body is None else json.dumps(body).encode()
        nonce = nonce or secrets.token_urlsafe(12)
        now = str(int((time.time() - age_s) * 1000))
        headers = {
            signing.LOT: self.code,
            signing.TIME: now,
            signing.NONCE: nonce,
            signing.SIGNATURE: signing.sign_request(
                secret or self.secret, method=method, path=path, time=now, nonce=nonce, body=data
            ),
            "Content-Type": "application/json",
        }
        sent = json.dumps(instead).encode() if instead is not None else data
        return requests.request(method, self.base + path, data=sent, headers=headers, timeout=10)


def _expect(answer: requests.Response, status: int, code: str = "") -> Any:
    body = answer.json()
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {body}"
    assert not code or body["code"] == code, f"{body['code']} instead of {code}"
    return body


def main(arguments: list[str] | None = None) -> int:
    """0 where nothing was wrong, 1 otherwise; one line a step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("url")
    parser.add_argument("code")
    parser.add_argument("secret")
    parser.add_argument("--maker", default="monthlycard.client.conformance:ask_lot")
    parser.add_argument(
        "--vehicle", help="a plate with a card at this lot: 沪A12345 or 沪A12345:green"
    )
    options = parser.parse_args(arguments)
    module, _colon, name = options.maker.partition(":")
    maker = getattr(importlib.import_module(module), name)
    plate, _colon, colour = (options.vehicle or "").partition(":")
    suite = Suite(
        options.url,
        options.code,
        options.secret,
        maker(options.url, options.code, options.secret),
        (plate, colour or "blue") if plate else None,
    )
    wrong = 0
    for result in suite.run():
        wrong += result.outcome == "wrong"
        print(f"{result.outcome:8}{result.step}{': ' if result.note else ''}{result.note}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
