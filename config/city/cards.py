"""Cards and lots as steps (P4): who applies, pays, ends, objects; what lots report, late, twice or
wrongly, check and deny."""

from typing import Any

from accounts import services as accounts
from accounts.models import PlateHolding
from config.city.built import ACTOR as SYSTEM
from config.city.built import BEGIN, PLATES, Built
from config.city.steps import ACTOR, nth, pay_for, step
from config.city.witness import Witness
from config.city.world import Visit, World
from monthlycard import services as cards
from monthlycard.models import (
    Card,
    CardObjection,
    Deduction,
    LotSystem,
    PassRecord,
    Plan,
    Statement,
)
from monthlycard.rules import StatementLine, Terms, signing
from monthlycard.rules.fees import PriceWindow
from monthlycard.selectors import lines_of
from monthlycard.services.lots import Report
from monthlycard.states import CardState, DeductionState, ObjectionState, StatementState
from parking import services as parking

PLAN = "month"
PRICE_FEN, DAYS, QUOTA_FEN = 30_000, 6, 9_000
# code, whose, closes: with each exit, or each Wednesday with three days for the check
LOTS = (("E", "yuyuan", "exit", 1), ("W", "jiangsu", "week", 3))
HOURLY = Terms(
    basis="duration", windows=(PriceWindow(starts="00:00", ends="00:00", unit_fen=1000),)
)


def build_lots(built: Built, witness: Witness) -> None:
    """Two lots of two merchants, and a plan of one of them that opens both."""
    lots = []
    for code, merchant, period, day in LOTS:
        section = parking.add_section(
            merchant_id=built.merchants[merchant],
            name=f"{code} 停车场",
            code=code,
            ground="own",
            tariff_id=next(iter(built.tariffs.values())),
            actor=SYSTEM,
            pay_window_s=24 * 3600,
        )
        lot, secret = cards.add_lot_system(
            code=code,
            maker="Alpha",
            section_id=section.pk,
            merchant_id=built.merchants[merchant],
            actor=SYSTEM,
        )
        agreement = cards.draft_agreement(
            lot=lot,
            actor=SYSTEM,
            terms=HOURLY.to_json(),
            period=period,
            period_day=day,
            silence_agrees_after_h=72,
            valid_from=BEGIN,
        )
        cards.sign_by_platform(agreement=agreement, actor=SYSTEM)
        signature = signing.sign_agreement(secret, agreement.terms_hash)
        cards.sign_by_lot(agreement=agreement, signature=signature, actor=SYSTEM)
        built.lots[code] = lot.pk
        lots.append(lot)
    plan = Plan.objects.create(
        merchant_id=built.merchants["yuyuan"],
        code=PLAN,
        name="通停卡",
        price_fen=PRICE_FEN,
        days=DAYS,
        quota_kind="money",
        quota=QUOTA_FEN,
        grace_days=1,
    )
    plan.lots.set(lots)
    witness.plan(BEGIN, PRICE_FEN, DAYS, QUOTA_FEN)


# ── Cards ────────────────────────────────────────────────────────────────────────────────────
@step
def apply_for_card(world: World, v: int, person: int, licence: bool = True) -> None:
    """Somebody applies for a card, with the photograph of the licence or without."""
    if not world.is_up("web"):
        return
    user, plate = accounts.owner_by_phone(f"1390000{person:04d}"), PLATES[v]
    evidence = world.photograph("licence") if licence else ""
    world.ask(
        lambda: cards.apply(
            user_id=user.pk,
            plan_code=PLAN,
            plate_text=plate.text,
            plate_colour=plate.colour_text,
            evidence_sha=evidence,
            actor=user.actor,
        )
    )


@step
def judge_card(world: World, turn: int, accept: bool = True) -> None:
    """A person looks at the licence that came with an application."""
    card = nth(Card.objects.filter(state=CardState.APPLIED).order_by("pk"), turn)
    if card is None or not world.is_up("web"):
        return
    if accept:
        world.ask(lambda: cards.accept_licence(card_id=card.pk, actor=ACTOR))
    else:
        world.ask(lambda: cards.refuse(card_id=card.pk, actor=ACTOR, reason="not legible"))


@step
def pay_card(world: World, turn: int, how: str = "now") -> None:
    """Its owner pays a card for the first time, or for another period."""
    states = [CardState.VERIFIED, CardState.ACTIVE, CardState.EXPIRED]
    card = nth(Card.objects.filter(state__in=states).order_by("pk"), turn)
    if card is not None and world.is_up("web"):
        pay_for(world, _vehicle_of(card), [("monthlycard.card", card.pk)], how, own=True)


def _vehicle_of(card: Card) -> int:
    return next(v for v, plate in enumerate(PLATES) if plate.text == card.plate_text)


@step
def edit_plan(world: World, fen: int, days: int, quota: int) -> None:
    """What is offered from now on is another thing; what was bought stays."""
    if world.is_up("web"):
        Plan.objects.filter(code=PLAN).update(price_fen=fen, days=days, quota=quota)
        world.witness.plan(world.now, fen, days, quota)


@step
def stop_card(world: World, turn: int, how: str = "end") -> None:
    """A card is ended by its owner, suspended by the operator, or goes on (`how`: resume)."""
    state = {"end": CardState.ACTIVE, "suspend": CardState.ACTIVE, "resume": CardState.SUSPENDED}
    card = nth(Card.objects.filter(state=state[how]).order_by("pk"), turn)
    if card is None or not world.is_up("web"):
        return
    do = {"end": cards.end_card, "suspend": cards.suspend, "resume": cards.resume}[how]
    world.ask(lambda: do(card_id=card.pk, actor=ACTOR, reason="a wish"))


@step
def share(world: World, v: int, person: int) -> None:
    """Who holds a vehicle lets another person see and pay its bills."""
    held = PlateHolding.objects.filter(
        plate_text=PLATES[v].text, state=PlateHolding.State.PROVEN
    ).first()
    if held is not None and world.is_up("web"):
        world.ask(
            lambda: accounts.share_plate(
                user=held.user,
                holding_id=held.pk,
                phone=f"1390000{person:04d}",
                actor=held.user.actor,
            )
        )


# ── Lots ─────────────────────────────────────────────────────────────────────────────────────
@step
def drive_into_lot(world: World, v: int, lot: str, how: str = "now") -> None:
    """A vehicle enters a lot, which asks for its card, and reports: now, late, or twice."""
    if v in world.where or v in world.in_lot:
        return
    answer = _ask(world, v, lot, "entry")
    visit = world.in_lot[v] = Visit(lot, world.now, answer["card"] or "" if answer else "")
    world.witness.enters(lot, PLATES[v].text, world.now)
    _report(world, v, visit, "entry", how)


@step
def drive_out_of_lot(world: World, v: int, how: str = "now") -> None:
    visit = world.in_lot.pop(v, None)
    if visit is None:
        return
    world.left_at[v] = world.now
    world.witness.exits(visit.lot, PLATES[v].text, world.now)
    _report(world, v, visit, "exit", how)


def _ask(world: World, v: int, lot: str, direction: str) -> dict[str, Any] | None:
    """What the platform says at the barrier; None while it is away."""
    if not world.is_up("web"):
        return None
    plate = PLATES[v]
    answer: dict[str, Any] | None = world.ask(
        lambda: cards.answer_question(
            lot=LotSystem.objects.get(code=lot),
            request_id=world.new_id(),
            direction=direction,
            plate_text=plate.text,
            plate_colour=plate.colour_text,
            at=world.now,
            lots_own=None,
        )
    )
    return answer


def _report(world: World, v: int, visit: Visit, direction: str, how: str) -> None:
    plate = PLATES[v]
    report = Report(
        record_id=world.new_id(),
        direction=direction,
        flow="card" if visit.card else "temporary",
        reason="",
        plate_text=plate.text,
        plate_colour=plate.colour_text,
        etc_plate_text="",
        card_number=visit.card,
        passed_at=world.now,
        count_today=None,
    )
    world.reports.append((visit.lot, report))
    if how == "late":
        return
    send_report(world, len(world.reports) - 1)
    if how == "double":
        world.reports.append((visit.lot, report))
        send_report(world, len(world.reports) - 1)


@step
def send_report(world: World, turn: int) -> None:
    """A lot sends one of the reports that it still has."""
    waiting = nth(world.reports, turn)
    if waiting is not None and world.is_up("web"):
        lot, report = waiting
        world.reports.remove(waiting)
        world.ask(lambda: cards.take_passes(lot=LotSystem.objects.get(code=lot), reports=[report]))


@step
def check_statement(world: World, turn: int, deny: bool = False) -> None:
    """A lot fetches a statement and checks it; it may deny that the last visit was one of its."""
    states = [StatementState.SENT, StatementState.DISPUTED]
    rows = Statement.objects.filter(state__in=states).select_related("lot")
    statement = nth(rows.order_by("pk"), turn)
    if statement is None or not world.is_up("web"):
        return
    cards.note_fetched(statement)
    own: list[StatementLine] = lines_of(statement)
    if deny and own:
        own = [line for line in own if line.visit != own[-1].visit]
    world.ask(
        lambda: cards.answer_statement(
            lot=statement.lot,
            number=statement.number,
            seen_checksum=statement.checksum,
            own=own,
            actor="lot:city",
        )
    )


@step
def settle_statement(world: World, turn: int) -> None:
    """The operator settles with a lot what they counted differently."""
    rows = Statement.objects.filter(state=StatementState.DISPUTED)
    statement = nth(rows.order_by("pk"), turn)
    if statement is not None and world.is_up("web"):
        world.ask(
            lambda: cards.settle_statement(statement_id=statement.pk, actor=ACTOR, why="agreed")
        )


@step
def correct_visit(world: World, turn: int, out: bool = True) -> None:
    """A person takes a visit out of its statement, or brings it back."""
    statement = nth(Statement.objects.order_by("-pk")[:4], turn)
    item = nth(statement.items.order_by("pk"), turn) if statement is not None else None
    if item is not None and world.is_up("web"):
        world.ask(
            lambda: cards.correct_statement(
                statement_id=statement.pk, visits=[item.visit], out=out, actor=ACTOR, why="looked"
            )
        )


@step
def object_to_card(world: World, turn: int, before: bool = False) -> None:
    """The owner objects to a deduction, or (`before`) to what is not deducted yet."""
    if not world.is_up("web"):
        return
    if before:
        waiting = PassRecord.objects.filter(statement=None, card__isnull=False)
        one = nth(waiting.select_related("lot").order_by("pk"), turn)
        if one is not None:
            world.ask(
                lambda: cards.object_to_use(
                    card_id=one.card_id,
                    lot_code=one.lot.code,
                    reason="not_me",
                    text="",
                    actor="owner",
                )
            )
        return
    row = nth(Deduction.objects.order_by("-pk")[:5], turn)
    if row is not None:
        world.ask(
            lambda: cards.object_to_deduction(
                deduction_id=row.pk, visits=[], reason="not_me", text="", actor="owner"
            )
        )


@step
def answer_about_card(world: World, turn: int, upheld: bool) -> None:
    said = nth(CardObjection.objects.filter(state=ObjectionState.OPEN).order_by("pk"), turn)
    if said is not None and world.is_up("web"):
        world.ask(
            lambda: cards.answer_objection(
                objection_id=said.pk, upheld=upheld, answer="We have looked.", actor=ACTOR
            )
        )


@step
def pay_deduction(world: World, turn: int, how: str = "now") -> None:
    """Its owner pays what a card did not cover."""
    states = [DeductionState.DUE, DeductionState.OVERDUE, DeductionState.DISPUTED]
    rows = Deduction.objects.filter(state__in=states).select_related("card").order_by("pk")
    row = nth(rows, turn)
    if row is not None and world.is_up("web"):
        pay_for(world, _vehicle_of(row.card), [("monthlycard.deduction", row.pk)], how, own=True)
