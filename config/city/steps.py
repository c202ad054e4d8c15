"""What can happen in the city, each thing a step: its name and plain values, no more.

A step finds what it is about by place, vehicle or turn (the nth of those there are), never by a
row's key, and does nothing where there is no such thing. So any part of a list of steps can be
played, and a violation can be shortened.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from accounts import leaving
from accounts import services as accounts
from accounts.models import Merchant, PlateHolding, User
from arrears import services as arrears
from arrears.models import Debt, Demand, Dispute, Look
from config.city.built import PASSWORD, PLATES, STREETS, terms
from config.city.world import LEASE, PARTS, Mail, Stand, World
from core.plates import Plate
from parking import services as parking
from parking.models import CameraTrust, ParkingSession, ReviewItem, StayPayment
from parking.states import PlateState, StayState
from payments import services as payments
from recovery import services as recovery
from recovery.models import RecoveryOrder

Step = tuple[str, dict[str, Any]]
T = TypeVar("T")
STEPS: dict[str, Callable[..., None]] = {}
ACTOR = "user:1"
KNOWN_AWAY = timedelta(minutes=15)
TAKES = timedelta(seconds=7)  # nothing happens in no time


def step(do: Callable[..., None]) -> Callable[..., None]:
    """The function's name is the step's."""
    STEPS[do.__name__] = do
    return do


def play(world: World, one: Step) -> None:
    """One step, and all that follows from it at once. What breaks is noted in `world.broken`."""
    name, values = one
    world.now += TAKES
    try:
        STEPS[name](world, **values)
    except Exception as error:
        world.note_broken(name, error)
    world.follow()


def nth(rows: Any, turn: int) -> Any:
    """The nth of these rows or things, counted round; None where there is none."""
    found = list(rows)
    return found[turn % len(found)] if found else None


# ── Time and outages ─────────────────────────────────────────────────────────────────────────
@step
def wait(world: World, s: int) -> None:
    world.wait(s)


@step
def fail(world: World, part: str) -> None:
    """One of our processes, or the provider, is away from now on."""
    if part in PARTS:
        world.out.setdefault(part, world.now)


@step
def mend(world: World, part: str) -> None:
    """It is back."""
    since = world.out.pop(part, None)
    if since is None:
        return
    asked, world.unanswered = world.unanswered, []
    if part == "provider":  # who did not ask does not know
        since = asked[0] if asked and asked[-1] - asked[0] >= KNOWN_AWAY else world.now
    world.witness.outage(part, since, world.now)
    if world.is_up("web"):
        for code, lock in world.locks.items():
            if not lock.away:
                world.report(code, "report")
    world.look_around()


# ── Vehicles and their sensors ───────────────────────────────────────────────────────────────
@step
def drive_in(world: World, v: int, berth: str, how: str = "now", seen: str = "right") -> None:
    """A vehicle takes a berth. Its sensor says so: now, late, twice, with a wrong clock, or not."""
    if berth in world.standing or v in world.where or v in world.in_lot:
        return
    stand = world.standing[berth] = Stand(v, world.now, seen)
    world.where[v] = berth
    world.witness.drives_in(berth, PLATES[v].text, world.now)
    stand.announced = berth not in world.dark and how != "lost"
    _sensor(world, berth, "VehicleArrived", "in", how)


@step
def drive_off(world: World, v: int, how: str = "now") -> None:
    """It leaves. Nobody drives over a lock."""
    berth = world.where.get(v)
    if berth is None or _is_locked(world, berth):
        return
    del world.where[v], world.standing[berth]
    world.left_at[v] = world.now
    world.witness.drives_off(berth, world.now)
    _sensor(world, berth, "VehicleLeft", "out", how)


@step
def flap(world: World, berth: str, s: int) -> None:
    """A sensor loses the vehicle above it for some seconds."""
    if berth not in world.standing or berth in world.dark or not world.is_up("web"):
        return
    _sensor(world, berth, "VehicleLeft", "", "now")
    world.follow()
    world.now += timedelta(seconds=s)
    _sensor(world, berth, "VehicleArrived", "", "now")


@step
def restart(world: World, berth: str) -> None:
    """A sensor starts anew, and says once more that a vehicle has arrived."""
    if berth in world.standing and berth not in world.dark:
        _sensor(world, berth, "VehicleArrived", "", "now")


@step
def go_dark(world: World, berth: str) -> None:
    """A sensor falls silent; what it should have said is lost."""
    world.dark.setdefault(berth, world.now)


@step
def wake_up(world: World, berth: str) -> None:
    """It is back, and says what it sees where that is not what it said last."""
    since = world.dark.pop(berth, None)
    if since is None or not world.is_up("web"):
        if since is not None:
            world.dark[berth] = since
        return
    world.witness.dark(berth, since, world.now)
    world.log_in(f"S-{berth}")
    stand = world.standing.get(berth)
    if stand and not stand.announced:
        stand.announced = True
        _sensor(world, berth, "VehicleArrived", "", "now")
    elif stand is None:
        _sensor(world, berth, "VehicleLeft", "", "now")


def _sensor(world: World, berth: str, action: str, way: str, how: str) -> None:
    if berth in world.dark or how == "lost":
        return
    at_ms = world.ms()
    if how == "clock":
        at_ms, way = 5_000, ""
    elif how == "ahead":
        at_ms, way = at_ms + 3_600_000, ""
    payload = {"berth_code": berth, "occurred_at_ms": at_ms}
    mail = Mail(f"S-{berth}", action, payload, world.new_id(), way)
    if how == "late":
        world.mail.append(mail)
        return
    world.hand_in(mail)
    if how == "double":
        world.hand_in(mail)
        world.hand_in(Mail(mail.device, action, payload, world.new_id(), way))


@step
def deliver(world: World, turn: int) -> None:
    """One of the messages that are late reaches the house, in whatever order."""
    mail = nth(world.mail, turn)
    if mail is not None and world.is_up("web") and mail.device[2:] not in world.dark:
        world.mail.remove(mail)
        world.hand_in(mail)


@step
def deliver_all(world: World) -> None:
    """The line is free: everything that waited comes, the newest first."""
    for _each in range(len(world.mail)):
        deliver(world, len(world.mail) - 1)


def _is_locked(world: World, berth: str) -> bool:
    orders = RecoveryOrder.objects.filter(berth_id=world.built.berths[berth])
    raised = orders.filter(state__in=RecoveryOrder.OPEN).values_list("device__code", flat=True)
    return any(world.locks[code].position == "raised" for code in raised)


# ── Cameras and handhelds ────────────────────────────────────────────────────────────────────
@step
def cover_eye(world: World, camera: str) -> None:
    """A camera is away."""
    if camera in world.links and camera.startswith("C-"):
        world.blind.add(camera)


@step
def open_eye(world: World, camera: str) -> None:
    if camera in world.blind and world.is_up("web"):
        world.blind.discard(camera)
        world.log_in(camera)
        world.look_around()


@step
def stop_camera(world: World, camera: str) -> None:
    """Its merchant's people let a camera bill nothing for now."""
    _let_bill(world, camera, bill=False)


@step
def trust_camera(world: World, camera: str) -> None:
    """They let it bill again."""
    _let_bill(world, camera, bill=True)


def _let_bill(world: World, camera: str, *, bill: bool) -> None:
    trust = CameraTrust.objects.filter(device__code=camera).first()
    if trust is not None:
        world.ask(
            lambda: parking.set_billing(
                trust_id=trust.pk, bill=bill, actor=ACTOR, reason="cleaned" if bill else "dirty"
            )
        )


@step
def patrol(world: World, berth: str) -> None:
    """An attendant photographs what stands in a berth, or that nothing does."""
    if berth in world.built.berths and world.is_up("web"):
        world.take_image(f"H-{world.built.section_of[berth]}", berth, "capture", None)


@step
def run_errand(world: World, turn: int) -> None:
    """The attendant goes where the handheld sent them."""
    errand = nth(world.errands, turn)
    if errand is not None and world.is_up("web"):
        world.errands.remove(errand)
        device, berth, command = errand
        world.take_image(device, berth, "arrival", command)


# ── Owners ───────────────────────────────────────────────────────────────────────────────────
@step
def pay(
    world: World, v: int, how: str = "now", berth: str = "", dues: bool = False, most: int = 3
) -> None:
    """The owner pays for what is asked of the vehicle, `most` stays at once: where it stands, else
    what it left with (`dues`: in any case).

    `how`: now, late (the provider tells later), silent (it never does by itself), lost (its answer
    is lost), begun (and given up), counter. `berth` is a neighbour's whose sign was taken for one's
    own.
    """
    if not world.is_up("web"):
        return
    stays = _payable(world, v, berth, dues)[:most]
    if stays:
        own = not berth or world.where.get(v) == berth
        pay_for(world, v, [("parking.stay", pk) for pk in stays], how, own=own)


def _payable(world: World, v: int, berth: str, dues: bool) -> list[int]:
    place = berth or world.where.get(v)
    if place and not dues:
        rows = ParkingSession.objects.filter(
            berth_id=world.built.berths[place], state=StayState.PARKED
        )
    else:
        rows = ParkingSession.objects.filter(
            plate_text=PLATES[v].text, plate_state=PlateState.SETTLED, state=StayState.DUE
        )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def pay_for(world: World, v: int, things: list[tuple[str, int]], how: str, *, own: bool) -> None:
    """Pay for these things: (payable, id) pairs."""
    if how == "counter":
        order = world.ask(lambda: payments.open_order(items=things, actor="owner"))
        if order is not None:
            world.ask(lambda: payments.pay_at_counter(order.pk, ACTOR))
        return
    world.lost_answers = int(how == "lost")
    number = _no_transaction(world, lambda: world.begin(v, things, for_own=own))
    world.lost_answers = 0
    if number and how != "begun" and world.pay(number) and how == "now":
        world.tell(number)


def _no_transaction(world: World, do: Callable[[], T]) -> T | None:
    """`World.ask` for what must not stand in a transaction: the provider is asked within."""
    try:
        return do()
    except Exception as error:
        code = getattr(error, "code", None)
        if code is None:
            raise
        world.refused[code] = world.refused.get(code, 0) + 1
        return None


@step
def pay_lock(world: World, turn: int, how: str = "now") -> None:
    """Who finds a lock before the wheel pays what it stands on."""
    order = nth(RecoveryOrder.objects.filter(state__in=RecoveryOrder.STANDING).order_by("pk"), turn)
    if order is None or not world.is_up("web"):
        return
    v = next(v for v, plate in enumerate(PLATES) if plate.text == order.plate_text)
    pay_for(world, v, [("recovery.order", order.pk)], how, own=True)


@step
def pay_begun(world: World, turn: int) -> None:
    """Somebody comes back to a payment that they had begun, and pays it after all."""
    trade = nth(world.trades, turn)
    if trade is not None and world.pay(trade.number):
        world.tell(trade.number)


@step
def tell(world: World, turn: int) -> None:
    """The provider tells of a payment, for the first time or again."""
    trade = nth(world.trades[-8:], turn)
    if trade is not None:
        world.tell(trade.number)


@step
def pay_ahead(world: World, v: int, minutes: int, how: str = "now", berth: str = "") -> None:
    """The owner declares place, time and plate, has them compared, and pays."""
    place = berth or world.where.get(v)
    if place is None or not world.is_up("web"):
        return
    section = world.built.sections[world.built.section_of[place]]
    plate = PLATES[v]

    def draft() -> Any:
        made = parking.draft_prepayment(
            plate_text=plate.text,
            plate_colour=plate.colour_text,
            minutes=minutes,
            section_id=section,
        )
        parking.candidate_berths(made.token)
        parking.choose_berth(made.token, place)
        return parking.submit_prepayment(made.token), made.pk

    answer = world.ask(draft)
    if answer is not None and answer[0].outcome == "confirmed":
        own = world.where.get(v) == place
        pay_for(world, v, [("parking.prepayment", answer[1])], how, own=own)


@step
def correct_payment(world: World, turn: int, v: int) -> None:
    """Who paid says for which vehicle it was meant; after it has left, a person does."""
    payment = nth(StayPayment.objects.select_related("stay").order_by("-pk")[:6], turn)
    if payment is None or not world.is_up("web"):
        return
    rows = ParkingSession.objects.filter(
        plate_text=PLATES[v].text, state__in=[StayState.PARKED, StayState.DUE]
    )
    meant = rows.exclude(pk=payment.stay_id).order_by("-pk").values_list("pk", flat=True).first()
    if payment.stay.state == StayState.PARKED:
        moved = world.ask(
            lambda: parking.correct_payment(
                payment_id=payment.pk,
                order_number=payment.order_number,
                to_stay_id=meant,
                actor="owner",
            )
        )
    else:
        moved = world.ask(
            lambda: parking.move_payment(
                payment_id=payment.pk, to_stay_id=meant, actor=ACTOR, reason="paid by mistake"
            )
        )
    if moved is not None:
        world.witness.meant_for_another(payment.order_number)


@step
def doubt(world: World, berth: str) -> None:
    """On the page of the stay somebody says: this is not my vehicle."""
    stay = _newest_stay(world, berth)
    if stay is not None and world.is_up("web"):
        world.ask(lambda: parking.doubt_plate(stay_id=stay.pk, actor="owner"))


@step
def object(world: World, v: int, turn: int, reason: str) -> None:
    """The owner objects to a stay, or takes an objection back."""
    if not world.is_up("web"):
        return
    text = PLATES[v].text
    if reason == "withdraw":
        said = nth(
            Dispute.objects.filter(state=Dispute.State.OPEN, plate_text=text).order_by("pk"), turn
        )
        if said is not None:
            world.ask(lambda: arrears.withdraw_dispute(dispute_id=said.pk, actor="owner"))
        return
    rows = ParkingSession.objects.filter(plate_text=text).exclude(state=StayState.VOID)
    stay = nth(rows.order_by("-pk")[:3], turn)
    if stay is not None:
        world.ask(lambda: arrears.object(stay_ids=[stay.pk], reason=reason, actor="owner"))


@step
def prove(world: World, v: int, person: int) -> None:
    """A person shows that the vehicle is theirs; a former holder has sold it."""
    if not world.is_up("web"):
        return
    user = accounts.owner_by_phone(f"1390000{person:04d}")
    plate: Plate = PLATES[v]
    world.ask(
        lambda: accounts.prove_holding(
            user=user,
            plate_text=plate.text,
            plate_colour=plate.colour_text,
            method="licence seen",
            actor=user.actor,
        )
    )


@step
def sell(world: World, v: int) -> None:
    """The holder says that the vehicle is no longer theirs."""
    held = (
        PlateHolding.objects.filter(plate_text=PLATES[v].text)
        .exclude(state=PlateHolding.State.ENDED)
        .first()
    )
    if held is not None and world.is_up("web"):
        user = User.objects.get(pk=held.user_id)
        world.ask(lambda: accounts.end_holding(user=user, holding_id=held.pk, actor=user.actor))


@step
def look_at_dues(world: World, v: int) -> None:
    """The proven holder opens the page of what is due."""
    plate = PLATES[v]
    held = PlateHolding.objects.filter(
        plate_text=plate.text, state=PlateHolding.State.PROVEN
    ).first()
    if held is not None and world.is_up("web"):
        pair = (held.plate_text, held.plate_colour)
        world.ask(lambda: arrears.deliver_on_page(plates=[pair], actor=f"user:{held.user_id}"))


@step
def opt_out(world: World, v: int, wanted: bool) -> None:
    held = PlateHolding.objects.filter(
        plate_text=PLATES[v].text, state=PlateHolding.State.PROVEN
    ).first()
    if held is not None and world.is_up("web"):
        accounts.want_reminders(user_id=held.user_id, wanted=wanted)


@step
def answer_text(world: World, person: int, text: str) -> None:
    """Somebody answers the last text that they got."""
    if world.is_up("web"):
        phone = f"1390000{person:04d}"
        world.ask(
            lambda: leaving.take_reply(
                provider="sandbox", number=world.new_id(), phone=phone, text=text
            )
        )


# ── Staff ────────────────────────────────────────────────────────────────────────────────────
@step
def answer_question(world: World, turn: int) -> None:
    """A person looks at a question and answers what is true, as far as they can see it."""
    rows = ReviewItem.objects.filter(state=ReviewItem.State.OPEN).select_related(
        "stay__berth", "sighting__berth"
    )
    item = nth(rows.order_by("pk"), turn)
    if item is None or not world.is_up("web"):
        return
    if item.kind == ReviewItem.Kind.STAY:
        world.ask(lambda: parking.settle_review(item_id=item.pk, verdict="keep", actor=ACTOR))
        return
    plate = _true_plate(world, item)
    if plate is None:
        verdict, said = "unreadable", {"plate_text": "", "plate_colour": ""}
    else:
        verdict = "plate"
        said = {"plate_text": plate.text, "plate_colour": plate.colour_text}
    world.ask(lambda: parking.settle_review(item_id=item.pk, verdict=verdict, actor=ACTOR, **said))


def _true_plate(world: World, item: ReviewItem) -> Plate | None:
    """Who stood there, as the photograph shows a person, or the vehicle that stands there still."""
    about = item.sighting if item.sighting is not None else item.stay
    berth = about.berth.code if about is not None and about.berth is not None else ""
    at = item.sighting.occurred_at if item.sighting is not None else None
    at = at or (item.stay.arrived_at if item.stay is not None else None)
    text = world.witness.who(berth, at) if at is not None else None
    return next((plate for plate in PLATES if plate.text == text), None)


@step
def answer_objection(world: World, turn: int, verdict: str) -> None:
    said = nth(Dispute.objects.filter(state=Dispute.State.OPEN).order_by("pk"), turn)
    if said is not None and world.is_up("web"):
        world.ask(
            lambda: arrears.settle_dispute(
                dispute_id=said.pk, verdict=verdict, answer="We have looked.", actor=ACTOR
            )
        )


@step
def look_at_debt(world: World, turn: int) -> None:
    """A person looks at what a debt rests on, and agrees where it is true."""
    looks = Look.objects.filter(state=Look.State.WAITING).select_related("debt__stay__berth")
    look = nth(looks.order_by("pk"), turn)
    if look is None or not world.is_up("web"):
        return
    stay = look.debt.stay
    if world.witness.who(stay.berth.code, stay.arrived_at) == look.debt.plate_text:
        world.ask(lambda: arrears.agree([look.pk], actor=ACTOR))
    else:
        world.ask(lambda: arrears.doubt(look.pk, actor=ACTOR))


@step
def leave_paper(world: World, turn: int) -> None:
    """An inspector leaves a paper demand at a vehicle."""
    waiting = Demand.objects.filter(state=Demand.State.MADE, channel="paper").order_by("pk")
    demand = nth(waiting, turn)
    if demand is None or not world.is_up("web"):
        return
    debts = list(demand.debts.filter(state=Debt.State.OPEN, demanded_at=None).order_by("pk"))
    if not debts:
        return
    mine = [debt for debt in debts if debt.merchant_id == debts[0].merchant_id]
    world.ask(
        lambda: arrears.deliver_on_paper(
            debt_ids=[debt.pk for debt in mine],
            named_fen=sum(debt.amount_fen for debt in mine),
            photograph=b"R-001",
            merchant_id=mine[0].merchant_id,
            actor=ACTOR,
        )
    )


@step
def close_by_hand(world: World, turn: int) -> None:
    """A person ends a stay whose vehicle has gone unseen, at the time that is true."""
    if not world.is_up("web"):
        return
    for stay in ParkingSession.objects.filter(state=StayState.PARKED).select_related("berth"):
        left = world.witness.left(stay.berth.code, stay.arrived_at)
        if left is not None and left < world.now - timedelta(hours=6):
            world.ask(
                lambda stay=stay, left=left: parking.close_by_hand(
                    stay_id=stay.pk,
                    left_at=max(left, stay.arrived_at),
                    actor=ACTOR,
                    reason="seen to be gone",
                )
            )
            return


@step
def void(world: World, turn: int) -> None:
    """A person cancels a stay."""
    stay = nth(ParkingSession.objects.exclude(state=StayState.VOID).order_by("-pk")[:6], turn)
    if stay is not None and world.is_up("web"):
        world.ask(lambda: parking.void_stay(stay_id=stay.pk, actor=ACTOR, reason="a mistake"))


@step
def waive(world: World, turn: int) -> None:
    debt = nth(Debt.objects.filter(state__in=Debt.LIVE).order_by("pk"), turn)
    if debt is not None and world.is_up("web"):
        world.ask(lambda: arrears.waive_debt(debt_id=debt.pk, actor=ACTOR, reason="kindness"))


@step
def correct(world: World, berth: str) -> None:
    """A person sees that the plate of a stay is another one, and corrects it."""
    stay = _newest_stay(world, berth)
    if stay is None or not world.is_up("web"):
        return
    text = world.witness.who(berth, stay.arrived_at)
    plate = next((plate for plate in PLATES if plate.text == text), None)
    if plate is not None:
        world.ask(
            lambda: parking.correct_plate(
                stay_id=stay.pk,
                plate_text=plate.text,
                plate_colour=plate.colour_text,
                actor=ACTOR,
                why="seen",
            )
        )


def _newest_stay(world: World, berth: str) -> ParkingSession | None:
    rows = ParkingSession.objects.filter(berth_id=world.built.berths[berth])
    return rows.exclude(state=StayState.VOID).order_by("-arrived_at").first()


@step
def raise_price(world: World, section: str, fen: int) -> None:
    """A new version of a tariff, from now on."""
    street = next(one for one in STREETS if one.code == section)
    made = world.ask(
        lambda: parking.publish_tariff(
            merchant_id=world.built.merchants[street.merchant],
            name=section,
            terms=terms(fen),
            valid_from=world.now,
            actor=ACTOR,
        )
    )
    if made is not None:
        world.witness.price(section, world.now, fen)


@step
def change_guard(world: World, section: str, number: int) -> None:
    """An attendant lays the handheld down, somebody new takes it; who left may do nothing more."""
    street = next(one for one in STREETS if one.code == section)
    device, name = f"H-{section}", f"{street.merchant}-guard-{number}"
    if not world.is_up("web"):
        return
    merchant = Merchant.objects.get(pk=world.built.merchants[street.merchant])
    world.say(device, "AttendantLogout", {})
    made = world.ask(
        lambda: accounts.create_staff(
            username=name, password=PASSWORD, merchant=merchant, role="attendant", actor=ACTOR
        )
    )
    if made is None:
        User.objects.filter(username=name).update(is_active=number % 2 == 0)
    world.say(device, "AttendantLogin", {"username": name, "password": PASSWORD})


# ── Locks ────────────────────────────────────────────────────────────────────────────────────
@step
def bind(world: World, berth: str, turn: int = 0) -> None:
    """A merchant binds the debts of the vehicle in a berth to a lock."""
    stand, section = world.standing.get(berth), world.built.section_of[berth]
    code = nth([one for one in sorted(world.locks) if one[2] == section], turn)
    if stand is None or code is None or not world.is_up("web"):
        return
    street = next(one for one in STREETS if one.code == section)
    plate = PLATES[stand.vehicle]
    world.ask(
        lambda: recovery.bind(
            merchant_id=world.built.merchants[street.merchant],
            plate_text=plate.text,
            plate_colour=plate.colour_text,
            berth_id=world.built.berths[berth],
            device_id=world.built.device_ids[code],
            second_look={"typed": plate.text, "sha256": world.photograph(berth)},
            actor=ACTOR,
        )
    )


@step
def put_lock(world: World, turn: int) -> None:
    """The lock is laid before the wheel, and photographed."""
    order = nth(RecoveryOrder.objects.filter(state=RecoveryOrder.State.BOUND).order_by("pk"), turn)
    if order is not None and world.is_up("web"):
        sha256 = world.photograph(order.berth.code)
        world.ask(lambda: recovery.place(order.pk, sha256=sha256, actor=ACTOR))


@step
def lift_lock(world: World, turn: int) -> None:
    """A person has it raised; one who has not just looked looks again, or is refused."""
    order = nth(RecoveryOrder.objects.filter(state=RecoveryOrder.State.PLACED).order_by("pk"), turn)
    if order is None or not world.is_up("web"):
        return
    if turn % 2:
        stand = world.standing.get(order.berth.code)
        typed = PLATES[stand.vehicle].text if stand else ""
        look = {"typed": typed, "sha256": world.photograph(order.berth.code)}
        world.ask(lambda: recovery.look_again(order.pk, second_look=look, actor=ACTOR))
    world.ask(lambda: recovery.raise_lock(order.pk, actor=ACTOR))


@step
def fetch_lock(world: World, turn: int) -> None:
    """The merchant takes a lock away whose order has ended."""
    states = ["paid", "lowering", "lowered"]
    order = nth(RecoveryOrder.objects.filter(state__in=states).order_by("pk"), turn)
    if order is not None and world.is_up("web"):
        sha256 = world.photograph(order.berth.code)
        world.ask(lambda: recovery.confirm_move(order.pk, sha256=sha256, actor=ACTOR))


@step
def lower_lock(world: World, turn: int) -> None:
    """Somebody has it lowered at once."""
    order = nth(RecoveryOrder.objects.filter(state__in=RecoveryOrder.STANDING), turn)
    if order is not None and world.is_up("web"):
        world.ask(lambda: recovery.emergency_lower(order.pk, actor=ACTOR, reason="a wish"))


@step
def lose_lock(world: World, code: str) -> None:
    """A lock is out of reach."""
    if code in world.locks:
        world.locks[code].away = True


@step
def find_lock(world: World, code: str) -> None:
    """It is back, and says where it is."""
    lock = world.locks.get(code)
    if lock is None or not lock.away or not world.is_up("web"):
        return
    if lock.position == "raised" and world.now - lock.heard_at >= LEASE:
        lock.position = "lowered"
        world.witness.lock(code, None)
    lock.away = False
    world.log_in(code)
    world.report(code, "report" if lock.position == "raised" else "lease")
    world.look_around()
