"""At least one request for each operation that succeeds; each makes what it needs beforehand."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import Any

from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from accounts.errors import AwaitsSecondPerson
from accounts.models import ActLimit, User
from arrears import services as arrears
from arrears.models import Assessment
from core import clock, images, outbox
from devices.models import Credential, Device, ReleaseCode
from monthlycard import services as monthlycard
from monthlycard.rules import signing
from parking import services as parking
from parking.links import stay_token
from parking.selectors import berth_path
from payments import services as payments
from payments.models import Order
from recovery import services as recovery
from recovery.models import RecoveryOrder
from tests.interfaces.conftest import THIRD_PLATE, Ask, Town
from tests.monthlycard.conftest import agreed
from tests.monthlycard.desk import deducted
from tests.people import TEST, logged_in, prove, staff
from tests.recovery.conftest import look as second_look
from tests.recovery.conftest import pay
from tests.street import OTHER_PLATE, PLATE, photograph
from tests.street import new_photograph as taken_now

ROOT = "/api/v1"
Recipe = Callable[[Town], Ask]
NEW = ("沪E66666", "blue")
RECIPES: list[Recipe] = []


def recipe(make: Recipe) -> Recipe:
    RECIPES.append(make)
    return make


def look(who: str, path: str, **query: Any) -> None:
    """An address without any value in it."""
    recipe(lambda town: Ask(getattr(town, who), "get", f"{ROOT}{path}", query=query))


# ── Arrears ─────────────────────────────────────────────────────────────────────────────────────
look("clerk", "/arrears/debts/")
look("clerk", "/arrears/debts/", state="open", plate=PLATE.text, page_size=1)
look("clerk", "/arrears/notices/")
look("driver", "/arrears/dues/")


@recipe
def one_debt(town: Town) -> Ask:
    return Ask(town.clerk, "get", f"{ROOT}/arrears/debts/{{id}}/", {"id": town.debt.pk})


@recipe
def waive(town: Town) -> Ask:
    path = f"{ROOT}/arrears/debts/{{id}}/waive/"
    body, key = {"reason": "hardship"}, {"Idempotency-Key": "once"}
    return Ask(town.clerk, "post", path, {"id": town.debt.pk}, body, headers=key)


@recipe
def object_to_a_stay(town: Town) -> Ask:
    body = {"stay_id": town.debt.stay_id, "reason": "amount", "text": "I left at ten."}
    return Ask(town.driver, "post", f"{ROOT}/arrears/disputes/", body=body)


@recipe
def decision(town: Town) -> Ask:
    stay = town.parked_again.pk
    arrears.assess(stay_id=stay)
    arrears.score(Assessment.objects.get(stay_id=stay).pk)
    return Ask(town.driver, "get", f"{ROOT}/arrears/decisions/{{stay_id}}/", {"stay_id": stay})


# ── Devices ─────────────────────────────────────────────────────────────────────────────────────
look("clerk", "/devices/")


@recipe
def commands(town: Town) -> Ask:
    path = f"{ROOT}/devices/{{code}}/commands/"
    return Ask(town.clerk, "get", path, {"code": town.raised.device.code})


@recipe
def new_photograph(town: Town) -> Ask:
    file = BytesIO()
    Image.new("RGB", (64, 48), "olive").save(file, "JPEG")
    return _photograph(town, file.getvalue())


@recipe
def photograph_again(town: Town) -> Ask:
    return _photograph(town, images.load(photograph(11)))


def _photograph(town: Town, data: bytes) -> Ask:
    path, values = f"{ROOT}/devices/images/{{sha256}}", {"sha256": sha256(data).hexdigest()}
    return Ask(town.camera, "put", path, values, data, kind="image/jpeg")


# ── Lots and cards ──────────────────────────────────────────────────────────────────────────────
look("driver", "/monthlycard/cards/")
for _path in ("time", "records", "agreement", "statements"):
    look("east", f"/monthlycard/lots/{_path}/")
look("east", "/monthlycard/lots/agreement/", version=1)
look("east", "/monthlycard/lots/records/", since=0)


@recipe
def apply_for_a_card(town: Town) -> Ask:
    prove(town.owner, *NEW)
    body = {"plan": town.lots.plan.code, "plate": NEW[0], "colour": NEW[1]}
    return Ask(town.driver, "post", f"{ROOT}/monthlycard/cards/", body=body)


@recipe
def send_a_licence(town: Town) -> Ask:
    ask = Ask(town.driver, "post", f"{ROOT}/monthlycard/licences/")
    return replace(ask, body=_licence(), kind=MULTIPART_CONTENT)


@recipe
def send_the_licence_of_an_application(town: Town) -> Ask:
    card = monthlycard.apply(
        user_id=town.owner.pk,
        plan_code=town.lots.plan.code,
        plate_text=NEW[0],
        plate_colour=NEW[1],
        evidence_sha="",
        actor=TEST,
    )
    path = f"{ROOT}/monthlycard/cards/{{number}}/licence/"
    ask = Ask(town.driver, "post", path, {"number": card.number})
    return replace(ask, body=_licence(), kind=MULTIPART_CONTENT)


def _licence() -> bytes:
    picture = BytesIO(images.load(taken_now()))
    picture.name = "licence.png"
    return encode_multipart(BOUNDARY, {"photograph": picture})


@recipe
def sign_an_agreement(town: Town) -> Ask:
    agreement = agreed(town.lots.east)
    signature = signing.sign_agreement(town.east.secret, agreement.terms_hash)
    body = {"version": agreement.version, "signature": signature}
    return Ask(town.east, "post", f"{ROOT}/monthlycard/lots/agreement/", body=body)


@recipe
def may_this_card_pass(town: Town) -> Ask:
    return _question(town, town.card.plate_text)


@recipe
def may_a_stranger_pass(town: Town) -> Ask:
    return _question(town, OTHER_PLATE.text)


def _question(town: Town, plate: str) -> Ask:
    body = {
        "request_id": f"q-{plate}",
        "direction": "entry",
        "plate": plate,
        "colour": "blue",
        "at": clock.now().isoformat(),
    }
    return Ask(town.east, "post", f"{ROOT}/monthlycard/lots/questions/", body=body)


@recipe
def report_passes(town: Town) -> Ask:
    one = {
        "direction": "entry",
        "flow": "temporary",
        "plate": "沪D44444",
        "at": clock.now().isoformat(),
    }
    records = [
        {**one, "record_id": "r-1", "etc_plate": "沪D44445"},
        {**one, "record_id": "r-2"},
        {**one, "record_id": "r-2"},
    ]
    return Ask(town.east, "post", f"{ROOT}/monthlycard/lots/passes/", body={"records": records})


def _statement(town: Town, **query: str) -> Ask:
    path = f"{ROOT}/monthlycard/lots/statements/{{number}}/"
    return Ask(town.east, "get", path, {"number": town.statement.number}, query=query)


recipe(_statement)
recipe(lambda town: _statement(town, file="csv"))
recipe(lambda town: _statement(town, file="xlsx"))


@recipe
def differ_about_a_statement(town: Town) -> Ask:
    path = f"{ROOT}/monthlycard/lots/statements/{{number}}/check/"
    body = {"checksum": town.statement.checksum, "lines": []}
    return Ask(town.east, "post", path, {"number": town.statement.number}, body)


@recipe
def agree_to_a_statement(town: Town) -> Ask:
    ask = differ_about_a_statement(town)
    lines = _statement(town).send().json()["lines"]
    return replace(ask, body={"checksum": town.statement.checksum, "lines": lines})


@recipe
def say_whose_visit(town: Town) -> Ask:
    assert agree_to_a_statement(town).send().status_code == 200
    town.statement.refresh_from_db()
    deduction = deducted(town.statement)
    path = f"{ROOT}/monthlycard/deductions/{{deduction_id}}/whose/"
    return Ask(town.driver, "post", path, {"deduction_id": deduction.pk}, {"mine": True})


# ── Paying ahead ────────────────────────────────────────────────────────────────────────────────
PREPAY = f"{ROOT}/parking/prepayments"
DRAFT = {"plate": THIRD_PLATE.text, "colour": "blue", "minutes": 60, "section": "B"}


@recipe
def draft(town: Town) -> Ask:
    return Ask(town.anyone, "post", f"{PREPAY}/", body=DRAFT)


def _drafted(town: Town, upto: str = "") -> dict[str, str]:
    """A draft that came so far: its berth chosen, or its plate confirmed."""
    made = draft(town).send().json()
    if upto:
        parking.candidate_berths(made["token"])
        parking.choose_berth(made["token"], town.corner.code)
    if upto == "confirmed":
        told = parking.submit_prepayment(made["token"], THIRD_PLATE.text, "blue")
        assert told.outcome == "confirmed"
    return {"token": made["token"]}


@recipe
def look_at_a_draft(town: Town) -> Ask:
    return Ask(town.anyone, "get", f"{PREPAY}/{{token}}/", _drafted(town, "confirmed"))


@recipe
def give_a_draft_up(town: Town) -> Ask:
    return Ask(town.anyone, "delete", f"{PREPAY}/{{token}}/", _drafted(town))


@recipe
def candidates(town: Town) -> Ask:
    return Ask(town.anyone, "get", f"{PREPAY}/{{token}}/candidates/", _drafted(town))


@recipe
def choose_a_berth(town: Town) -> Ask:
    body = {"berth": town.corner.code}
    return Ask(town.anyone, "post", f"{PREPAY}/{{token}}/berth/", _drafted(town, "chosen"), body)


@recipe
def submit(town: Town) -> Ask:
    values, body = _drafted(town, "chosen"), {"plate": THIRD_PLATE.text, "colour": "blue"}
    return Ask(town.anyone, "post", f"{PREPAY}/{{token}}/submit/", values, body)


@recipe
def submit_wrongly(town: Town) -> Ask:
    return replace(submit(town), body={"plate": "沪C33334", "colour": "blue"})


@recipe
def pay_ahead(town: Town) -> Ask:
    return Ask(town.anyone, "post", f"{PREPAY}/{{token}}/pay/", _drafted(town, "confirmed"))


# ── Stays ───────────────────────────────────────────────────────────────────────────────────────
STAYS = f"{ROOT}/parking/stays"
look("clerk", "/parking/stays/")
look("operator", "/parking/stays/")
look("clerk", "/parking/stays/", state="due", page_size=1)


@recipe
def who_stands_there(town: Town) -> Ask:
    path = f"{ROOT}/parking/berths/{{berth_code}}/"
    return Ask(town.anyone, "get", path, {"berth_code": town.berth.code})


@recipe
def who_stands_there_by_its_code(town: Town) -> Ask:
    path = f"{ROOT}/parking/berths/{{berth_code}}/{{tag}}/"
    code, tag = berth_path(town.berth.code).split("/")[2:4]
    return Ask(town.anyone, "get", path, {"berth_code": code, "tag": tag})


@recipe
def one_stay(town: Town) -> Ask:
    return Ask(town.clerk, "get", f"{STAYS}/{{id}}/", {"id": town.left.pk})


@recipe
def stay_by_link(town: Town) -> Ask:
    return Ask(town.anyone, "get", f"{STAYS}/{{token}}/", {"token": stay_token(town.left.pk)})


@recipe
def pay_by_link(town: Town) -> Ask:
    return Ask(town.anyone, "post", f"{STAYS}/{{token}}/pay/", {"token": stay_token(town.left.pk)})


@recipe
def close_a_stay(town: Town) -> Ask:
    body = {"left_at": clock.now().isoformat(), "reason": "seen leaving"}
    return Ask(town.clerk, "post", f"{STAYS}/{{id}}/close/", {"id": town.parked.pk}, body)


@recipe
def void_a_stay(town: Town) -> Ask:
    return Ask(town.clerk, "post", f"{STAYS}/{{id}}/void/", {"id": town.left.pk}, {"reason": "x"})


@recipe
def correct_a_plate(town: Town) -> Ask:
    body = {"plate": "沪D55555", "colour": "blue", "reason": "looked"}
    return Ask(town.clerk, "post", f"{STAYS}/{{id}}/plate/", {"id": town.parked.pk}, body)


@recipe
def move_a_payment(town: Town) -> Ask:
    order = payments.open_order(items=[("parking.stay", town.left.pk)], actor=TEST)
    payments.pay_at_counter(order.pk, TEST)
    body = {"order": order.number, "reason": "it was meant for nothing of ours"}
    return Ask(town.clerk, "post", f"{STAYS}/{{id}}/move/", {"id": town.left.pk}, body)


# ── Two persons ─────────────────────────────────────────────────────────────────────────────────
PROPOSALS = f"{ROOT}/accounts/proposals"
look("clerk", "/accounts/proposals/")


def _proposed(town: Town, by: User) -> dict[str, int]:
    """A void that weighs too much for this person."""
    ActLimit.objects.create(each_fen=0, day_fen=0, why="", said_by="", valid_from=clock.now())
    try:
        parking.void_stay(stay_id=town.left.pk, actor=by.actor, reason="x")
    except AwaitsSecondPerson as waits:
        return {"id": waits.facts["proposal"]}
    raise AssertionError


def _colleague(town: Town) -> User:
    return staff(town.merchant, "manager")


@recipe
def agree_to_a_proposal(town: Town) -> Ask:
    values = _proposed(town, _colleague(town))
    return Ask(town.clerk, "post", f"{PROPOSALS}/{{id}}/approve/", values)


@recipe
def refuse_a_proposal(town: Town) -> Ask:
    values, body = _proposed(town, _colleague(town)), {"reason": "it stood there"}
    return Ask(town.clerk, "post", f"{PROPOSALS}/{{id}}/refuse/", values, body)


@recipe
def withdraw_a_proposal(town: Town) -> Ask:
    colleague = _colleague(town)
    values = _proposed(town, colleague)
    return Ask(logged_in(colleague), "post", f"{PROPOSALS}/{{id}}/withdraw/", values)


@recipe
def void_too_much_for_one(town: Town) -> Ask:
    ActLimit.objects.create(each_fen=0, day_fen=0, why="", said_by="", valid_from=clock.now())
    return void_a_stay(town)


# ── Reviews ─────────────────────────────────────────────────────────────────────────────────────
REVIEWS = f"{ROOT}/parking/reviews"
VERDICT = {"verdict": "plate", "plate": "沪A12346", "colour": "blue"}
look("clerk", "/parking/reviews/")
look("operator", "/parking/reviews/")


@recipe
def a_photograph_s_reading(town: Town) -> Ask:
    path = f"{ROOT}/parking/sightings/{{id}}/"
    return Ask(town.clerk, "get", path, {"id": town.sighting.pk})


@recipe
def doubt_a_reading(town: Town) -> Ask:
    return Ask(town.clerk, "post", f"{REVIEWS}/", body={"sighting": town.sighting.pk})


@recipe
def one_review(town: Town) -> Ask:
    return Ask(town.operator, "get", f"{REVIEWS}/{{id}}/", {"id": town.review.pk})


@recipe
def settle_a_review(town: Town) -> Ask:
    return Ask(town.clerk, "post", f"{REVIEWS}/{{id}}/settle/", {"id": town.review.pk}, VERDICT)


@recipe
def undo_a_verdict(town: Town) -> Ask:
    settle_a_review(town).send()
    return Ask(town.clerk, "post", f"{REVIEWS}/{{id}}/undo/", {"id": town.review.pk})


# ── Money ───────────────────────────────────────────────────────────────────────────────────────
@recipe
def an_open_order(town: Town) -> Ask:
    order = payments.open_order(items=[("parking.stay", town.left.pk)], actor=TEST)
    return Ask(town.anyone, "get", f"{ROOT}/payments/orders/{{token}}/", {"token": order.token})


@recipe
def a_refunded_order(town: Town) -> Ask:
    ask = an_open_order(town)
    order = Order.objects.get(token=ask.values["token"])
    payments.pay_at_counter(order.pk, TEST)
    parking.void_stay(stay_id=town.left.pk, reason="x", actor=TEST)
    outbox.run_pending(raise_errors=True)
    assert ask.send().json()["refunds"]
    return ask


# ── Recovery ────────────────────────────────────────────────────────────────────────────────────
ORDERS = f"{ROOT}/recovery/orders"
LINK = f"{ROOT}/recovery/owner/{{token}}/"
look("clerk", "/recovery/orders/")
look("clerk", "/recovery/orders/", state="raised")
look("clerk", "/recovery/orders/", state="alarm", page_size=1)


@recipe
def bind_debts_to_a_lock(town: Town) -> Ask:
    body = {
        "plate_text": THIRD_PLATE.text,
        "plate_colour": "blue",
        "berth_code": town.corner.code,
        "device_code": town.free_lock.code,
        "second_look": second_look(THIRD_PLATE.text),
    }
    return Ask(town.clerk, "post", f"{ORDERS}/", body=body, headers={"Idempotency-Key": "once"})


def _bound(town: Town) -> RecoveryOrder:
    code = bind_debts_to_a_lock(town).send().json()["code"]
    return RecoveryOrder.objects.get(code=code)


@recipe
def one_order(town: Town) -> Ask:
    return Ask(town.clerk, "get", f"{ORDERS}/{{code}}/", {"code": town.raised.code})


@recipe
def the_lock_is_placed(town: Town) -> Ask:
    code = _bound(town).code
    body = {"sha256": taken_now()}
    return Ask(town.clerk, "post", f"{ORDERS}/{{code}}/place/", {"code": code}, body)


@recipe
def the_lock_is_placed_and_photographed_at_once(town: Town) -> Ask:
    ask = the_lock_is_placed(town)
    picture = BytesIO(images.load(taken_now()))
    picture.name = "lock.png"
    body = encode_multipart(BOUNDARY, {"photograph": picture})
    return replace(ask, body=body, kind=MULTIPART_CONTENT)


@recipe
def raise_the_lock(town: Town) -> Ask:
    order = _bound(town)
    recovery.place(order.pk, sha256=taken_now(), actor=TEST)
    return Ask(town.clerk, "post", f"{ORDERS}/{{code}}/raise/", {"code": order.code})


@recipe
def raise_the_lock_with_another_look(town: Town) -> Ask:
    body = {"second_look": second_look(THIRD_PLATE.text)}
    return replace(raise_the_lock(town), body=body)


@recipe
def lower_the_lock(town: Town) -> Ask:
    path, values = f"{ORDERS}/{{code}}/lower/", {"code": town.raised.code}
    return Ask(town.clerk, "post", path, values, {"reason": "somebody is ill"})


@recipe
def the_lock_was_fetched(town: Town) -> Ask:
    pay(("recovery.order", town.raised.pk))
    recovery.command_ended(
        order_code=town.raised.code, action="LowerLock", outcome="failed", details={"why": "jam"}
    )
    path, values = f"{ORDERS}/{{code}}/moved/", {"code": town.raised.code}
    return Ask(town.clerk, "post", path, values, {"sha256": taken_now()})


@recipe
def the_lock_was_lowered_by_hand(town: Town) -> Ask:
    pay(("recovery.order", town.raised.pk))
    path, values = f"{ORDERS}/{{code}}/by-hand/", {"code": town.raised.code}
    return Ask(town.clerk, "post", path, values, {"sha256": taken_now()})


@recipe
def by_the_link_on_the_lock(town: Town) -> Ask:
    return Ask(town.anyone, "get", LINK, {"token": town.raised.token})


@recipe
def after_paying_by_the_link(town: Town) -> Ask:
    pay(("recovery.order", town.raised.pk))
    assert by_the_link_on_the_lock(town).send().json()["settlement"]
    return by_the_link_on_the_lock(town)


@recipe
def pay_by_the_link_on_the_lock(town: Town) -> Ask:
    return Ask(town.anyone, "post", LINK, {"token": town.raised.token})


@recipe
def release_code(town: Town) -> Ask:
    device = town.raised.device_id
    key = Credential.objects.get(device_id=device)
    ReleaseCode.objects.filter(device_id=device).update(credential=key)
    pay(("recovery.order", town.raised.pk))
    Device.objects.filter(pk=device).update(online=False)
    return Ask(town.anyone, "post", f"{LINK}code/", {"token": town.raised.token})
