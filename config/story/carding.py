"""Last act: a card for two lots of different makers, their statement, the deduction (P4)."""

import re
import time
from typing import Any

from config.persons.paying import pay_order
from config.story.arriving import keep_what_is_asked
from config.story.teller import must
from config.story.world import PATIENCE_S, World
from core.money import format_fen
from monthlycard.client import AskLot, ListLot, LotClient, PlatformSilent
from monthlycard.client.lots import Lot

PLAIN = ("沪B00001", "blue")  # a vehicle without a card


class PatientClient(LotClient):
    """A lot's line that says again what was not answered."""

    def _send(self, method: str, address: str, body: bytes, query: dict[str, Any]) -> bytes:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return super()._send(method, address, body, query)
            except PlatformSilent:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)


def buy_and_use_card(world: World) -> None:
    """The owner buys a card; two lots recognise it, report, check their statements to the fen."""
    number = _buy(world)
    by_list = ListLot(PatientClient(world.url, "lot-east", world.town.lots["lot-east"]))
    by_answer = AskLot(PatientClient(world.url, "lot-west", world.town.lots["lot-west"]))
    lots: tuple[Lot, ...] = (by_list, by_answer)
    _recognise(world, by_list, by_answer, number)
    _temporary(world, lots)
    _state(world, lots)
    _deduct(world, lots)


def _buy(world: World) -> str:
    tell, owner, plate = world.teller, world.owner, world.plate
    assert plate is not None
    with tell.step("P4.2", title="The owner applies for a card, proves the plate, pays") as step:
        page = owner.get("/cards/")
        page = owner.submit(
            page, page.form(having="plan"), plate=plate.text, colour=plate.colour or "blue"
        )
        pay_order(owner, page)
        page = world.wait(
            "the valid card on the owner's page",
            lambda: (p := owner.get("/cards/")) and "valid_until" not in p.html and _number(p.text),
        )
        step.saw(card=page)
    return page


def _number(text: str) -> str:
    found = re.search(r"\b(\d{12})\b", text)
    return found[1] if found else ""


def _recognise(world: World, by_list: ListLot, by_answer: AskLot, number: str) -> None:
    tell, plate = world.teller, world.plate
    assert plate is not None
    colour = plate.colour_text
    with tell.step("P4.3", "P4.4", title="Card-vehicle records reach the lot systems") as step:
        by_list.agree()
        by_answer.agree()
        came = world.wait("the record in the lot's list", by_list.sync)
        by_answer.sync()
        record = by_list.records[number]
        must(record.plate_text == plate.text, "the record names another plate")
        step.saw(records=came, version=record.version, lots=", ".join(record.lots))
    with tell.step("P4.1", "P4.5", title="One lot decides by its own list") as step:
        entry = by_list.enter(plate.text, colour)
        world.pass_time(minutes=100)
        out = by_list.leave(plate.text, colour)
        must(entry.barrier_opened and out.barrier_opened, "the barrier stayed shut")
        must((entry.flow, out.flow) == ("card", "card"), f"{entry.reason}, {out.reason}")
        step.saw(entry=f"{entry.flow} ({entry.reason})", exit=f"{out.flow} ({out.reason})")
    with tell.step("P4.6", "P4.13", title="The other maker's lot asks the platform") as step:
        entry = by_answer.enter(plate.text, colour)
        world.pass_time(minutes=130)
        out = by_answer.leave(plate.text, colour)
        must((entry.flow, out.flow) == ("card", "card"), f"{entry.reason}, {out.reason}")
        must(not by_answer.disagreements, "list and answer disagree")
        step.saw(entry=f"{entry.flow} ({entry.reason})", exit=f"{out.flow} ({out.reason})")


def _temporary(world: World, lots: tuple[Lot, ...]) -> None:
    with world.teller.step("P4.8", title="A vehicle without card passes as temporary") as step:
        for lot in lots:
            entry, out = lot.enter(*PLAIN), lot.leave(*PLAIN)
            must((entry.flow, out.flow) == ("temporary", "temporary"), "taken for a card vehicle")
            must(entry.barrier_opened and out.barrier_opened, "the barrier stayed shut")
        step.saw(reason=entry.reason)
    with world.teller.step("P4.7", title="The lots report entries and exits, some twice") as step:
        outcomes = []
        for lot in lots:
            batch = list(lot.unreported)
            outcomes += [row["outcome"] for row in lot.report()]
            lot.unreported = batch
            must({row["outcome"] for row in lot.report()} == {"again"}, "a record counted twice")
        must(set(outcomes) == {"stored"}, str(outcomes))
        step.saw(stored=len(outcomes), again=len(outcomes))


def _state(world: World, lots: tuple[Lot, ...]) -> None:
    with world.teller.step("P4.9", "P4.10", title="The week ends: statements are sent") as step:
        world.pass_time(days=7)
        for lot in lots:
            numbers = world.wait("the statement", lot.open_statements)
            found: dict[str, Any] = lot.client.get(f"statements/{numbers[0]}/")
            own_fen = sum(line.fee_fen for line in lot.own_lines())
            must(found["total_fen"] == own_fen, f"{found['total_fen']} is not {own_fen}")
            step.saw(**{lot.client.code: f"{found['total_fen']} fen, {found['exits']} visit"})
    with world.teller.step("P4.11", title="Each lot checks against its own records") as step:
        for lot in lots:
            answer = lot.check(lot.open_statements()[0])
            must(answer == {"agreed": True, "differences": []}, str(answer))
        step.saw(agreed=len(lots), differences=0)


def _deduct(world: World, lots: tuple[Lot, ...]) -> None:
    with world.teller.step("P4.12", title="The card is charged once; the owner sees it") as step:
        fees = {lot.client.code: sum(line.fee_fen for line in lot.own_lines()) for lot in lots}
        left_fen = 30000 - sum(fees.values())
        keep_what_is_asked(world)  # a misread photograph of the vehicle holds its card too
        shown = format_fen(left_fen)
        page = world.wait(
            f"{shown} left on the owner's page",
            lambda: (p := world.owner.get("/cards/")) and shown in p.text and p,
        )
        for fee_fen in fees.values():
            must(format_fen(fee_fen) in page.text, "a deduction is missing on the page")
        step.saw(**fees, left=shown)
