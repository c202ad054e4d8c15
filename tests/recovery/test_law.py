"""A lock is up only while all that allowed it holds (docs/rules.md L6)."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import formats, timezone

from arrears import services as arrears
from arrears.models import BlacklistEntry
from arrears.selectors import object_path
from core import clock as business_clock
from core import images, outbox
from parking import services as parking
from parking.models import Berth, Section
from payments import services as payments
from payments.models import Attempt
from recovery import services
from recovery.errors import LockNotDown, NoPhotograph, NotEligible, NotNew
from recovery.models import EvidencePhoto, LockTerms, RecoveryOrder
from tests.recovery.conftest import bind, look, make_debt, pay, say, told
from tests.street import OTHER_PLATE, PLATE, TEST, new_photograph

pytestmark = pytest.mark.django_db


def how(order: RecoveryOrder) -> tuple[str, str]:
    found = RecoveryOrder.objects.get(pk=order.pk)
    return found.state, found.ended_by


@pytest.fixture
def follow(run_reactions):
    """All that follows from what happened, reactions and sweeps, without any time going by."""

    def all_of_it() -> None:
        for _round in range(3):
            outbox.sweep_once()
            run_reactions()

    return all_of_it


def begin_to_pay(order: RecoveryOrder, state: str) -> Attempt:
    payment = payments.open_order(items=[("recovery.order", order.pk)], actor="owner")
    attempt = payments.begin_attempt(
        order_id=payment.pk, provider="sandbox", return_url="/", actor="owner"
    )
    Attempt.objects.filter(pk=attempt.pk).update(state=state)
    return attempt


def refused_to_rise(order: RecoveryOrder) -> set[str]:
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    with pytest.raises(NotEligible) as refusal:
        services.raise_lock(order.pk, actor="user:1")
    assert told(order) == []
    return set(refusal.value.facts["rules"])


# ── Going up ──────────────────────────────────────────────────────────────────────────────────
def test_no_lock_within_the_time_that_the_demand_gave(section, berth, stay_of, merchant, lock):
    LockTerms.objects.create(merchant=merchant, floor_fen=1000)
    debt = make_debt(stay_of(berth, minutes=110), demanded=False)
    arrears.deliver_on_paper(
        debt_ids=[debt.pk],
        named_fen=debt.amount_fen,
        photograph=images.load(new_photograph()),
        merchant_id=merchant.pk,
        actor="user:1",
    )
    debt.refresh_from_db()
    stay_of(berth)
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, berth, lock)
    assert refusal.value.facts["rules"] == ["grace_over"]
    until = timezone.localtime(debt.demanded_at + timedelta(hours=settings.BOWEI_GRACE_H))
    assert formats.date_format(until, "SHORT_DATETIME_FORMAT") in str(refusal.value)


def test_no_lock_for_less_than_fifty_yuan_unless_the_merchant_says_otherwise(
    standing, merchant, lock
):
    LockTerms.objects.all().delete()
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, standing, lock)
    assert refusal.value.facts["rules"] == ["debt_enough"]
    assert "24.00" in str(refusal.value) and "50.00" in str(refusal.value)
    LockTerms.objects.create(merchant=merchant, floor_fen=2401)
    with pytest.raises(NotEligible):
        bind(merchant, standing, lock)
    LockTerms.objects.update(floor_fen=2400)
    assert bind(merchant, standing, lock).state == "bound"


def test_no_lock_for_a_vehicle_that_is_not_listed(standing, merchant, lock):
    BlacklistEntry.objects.update(state="pending")
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, standing, lock)
    assert refusal.value.facts["rules"] == ["listed"]


@pytest.mark.parametrize("state", ["pending", "unknown"])
def test_no_lock_rises_while_a_payment_is_under_way(order, state):
    begin_to_pay(order, state)
    assert refused_to_rise(order) == {"no_payment"}


def test_no_lock_rises_while_the_plate_is_in_question(order):
    parking.doubt_plate(stay_id=order.stay_id, actor="owner")
    assert "no_question" in refused_to_rise(order)


def test_no_lock_rises_while_the_owner_objects_to_the_stay_before_it(order):
    arrears.object(stay_ids=[order.stay_id], reason="other", actor="owner")
    assert refused_to_rise(order) == {"undisputed"}


def test_no_lock_rises_by_a_look_of_eleven_minutes_ago_but_by_a_new_one(order):
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    business_clock.advance(timedelta(minutes=11))
    with pytest.raises(NotEligible) as refusal:
        services.raise_lock(order.pk, actor="user:1")
    assert refusal.value.facts["rules"] == ["second_look"]
    with pytest.raises(NotEligible):
        services.look_again(order.pk, second_look=look("沪A·12346"), actor="user:1")
    services.look_again(order.pk, second_look=look(), actor="user:1")
    assert services.raise_lock(order.pk, actor="user:1").state == "raising"


# ── The second look ───────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "given", [{"typed": "沪A12345"}, {"typed": "沪A12345", "sha256": "0" * 64}]
)
def test_a_typed_plate_alone_is_no_second_look(standing, merchant, lock, given):
    with pytest.raises(NotEligible) as refusal:
        bind(merchant, standing, lock, second_look=given)
    assert refusal.value.facts["rules"] == ["second_look"]


def test_a_photograph_is_one_second_look_and_no_other(order, merchant, lock):
    used = EvidencePhoto.objects.get(order=order)
    assert (used.purpose, used.by, used.berth_id) == ("second_look", "user:1", order.berth_id)
    again = {"typed": "沪A12345", "sha256": used.sha256}
    with pytest.raises(NotEligible):
        services.look_again(order.pk, second_look=again, actor="user:1")
    with pytest.raises(NotNew):
        services.place(order.pk, sha256=used.sha256, actor="user:1")


@pytest.mark.parametrize("purpose", ["arrival", "leaving"])
def test_the_photograph_that_told_the_plate_is_no_second_look(
    standing, merchant, lock, seen, enrolled, purpose
):
    camera = enrolled("H-1", "handheld", merchant)
    picture = seen(camera, merchant, berth=standing, seed=7, purpose=purpose)
    parking.settle_plate(sighting_id=picture.pk, plate=PLATE, by=TEST, why="test")
    with pytest.raises(NotEligible):
        bind(merchant, standing, lock, second_look={"sha256": picture.image_sha})


def test_a_terminal_s_photograph_of_another_berth_is_no_second_look(
    standing, merchant, lock, seen, enrolled
):
    elsewhere = Berth.objects.get(code="A-003")
    picture = seen(enrolled("H-1", "handheld", merchant), merchant, berth=elsewhere, seed=7)
    parking.settle_plate(sighting_id=picture.pk, plate=PLATE, by=TEST, why="test")
    given = {"sha256": picture.image_sha, "typed": PLATE.text}
    with pytest.raises(NotEligible):
        bind(merchant, standing, lock, second_look=given)


def test_what_was_read_outweighs_what_was_typed(standing, merchant, lock, seen, enrolled):
    picture = seen(enrolled("H-1", "handheld", merchant), merchant, berth=standing, seed=7)
    parking.settle_plate(sighting_id=picture.pk, plate=OTHER_PLATE, by=TEST, why="test")
    given = {"sha256": picture.image_sha, "typed": PLATE.text}
    with pytest.raises(NotEligible):
        bind(merchant, standing, lock, second_look=given)


# ── Going down ────────────────────────────────────────────────────────────────────────────────
def question(order: RecoveryOrder) -> None:
    parking.doubt_plate(stay_id=order.stay_id, actor="owner")


def question_about_a_debt(order: RecoveryOrder) -> None:
    parking.doubt_plate(stay_id=order.bound.first().stay_id, actor="owner")


def objection_to_the_stay(order: RecoveryOrder) -> None:
    arrears.object(stay_ids=[order.stay_id], reason="not_mine", actor="owner")


def part_payment(order: RecoveryOrder) -> None:
    LockTerms.objects.update(floor_fen=2000)
    pay(("parking.stay", order.bound.first().stay_id))


def higher_floor(order: RecoveryOrder) -> None:
    LockTerms.objects.update(floor_fen=2401)


def delisting(order: RecoveryOrder) -> None:
    BlacklistEntry.objects.update(state="suspended")


def unclear_payment(order: RecoveryOrder) -> None:
    begin_to_pay(order, "unknown")


def another_ground(order: RecoveryOrder) -> None:
    Section.objects.filter(pk=order.section_id).update(ground="road")


def departure(order: RecoveryOrder) -> None:
    business_clock.advance(timedelta(minutes=20))
    parking.close_stay(berth_id=order.berth_id, occurred_at=business_clock.now(), said_by=TEST)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (question, "question"),
        (question_about_a_debt, "question"),
        (objection_to_the_stay, "dispute"),
        (part_payment, "too_little"),
        (higher_floor, "too_little"),
        (delisting, "delisted"),
        (unclear_payment, "unclear"),
        (another_ground, "ground"),
        (departure, "left"),
    ],
)
def test_a_raised_lock_goes_down_by_itself_and_says_why(raised, follow, happens, why):
    happens(raised)
    follow()
    assert how(raised) == ("lowering", why)
    assert told(raised) == ["RaiseLock", "LowerLock"]
    assert raised.__class__.objects.get(pk=raised.pk).move.state == "open"


def test_a_lock_stays_up_while_all_of_it_holds(raised, follow):
    begin_to_pay(raised, "pending")  # at the cashier; the payment itself lowers
    follow()
    business_clock.advance(timedelta(hours=2))
    follow()
    assert how(raised) == ("raised", "")


def test_an_objection_on_the_stay_s_page_does_what_the_page_promises(raised, follow, client):
    path, english = object_path([raised.stay_id]), {"Accept-Language": "en"}
    assert "a raised lock goes down" in client.get(path, headers=english).content.decode()
    assert client.post(path, {"reason": "other", "text": "wrong"}).status_code == 302
    follow()
    assert how(raised) == ("lowering", "dispute")
    assert told(raised) == ["RaiseLock", "LowerLock"]


# ── Photographs and the end ───────────────────────────────────────────────────────────────────
def test_a_picture_from_before_shows_neither_placing_nor_fetching(merchant, standing, lock):
    before = new_photograph()
    order = bind(merchant, standing, lock)
    with pytest.raises(NotNew):
        services.place(order.pk, sha256=before, actor="user:1")
    placed = new_photograph()
    services.place(order.pk, sha256=placed, actor="user:1")
    services.place(order.pk, sha256=placed, actor="user:1")  # said twice
    services.raise_lock(order.pk, actor="user:1")
    say(order, "raised")
    meanwhile = new_photograph()
    pay(("recovery.order", order.pk))
    say(order, "lowered")
    for old in (placed, meanwhile):
        with pytest.raises(NotNew):
            services.confirm_move(order.pk, actor="user:1", sha256=old)
    assert services.confirm_move(order.pk, actor="user:1", sha256=new_photograph())
    assert sorted(order.photographs.values_list("purpose", flat=True)) == [
        "fetching",
        "placing",
        "second_look",
    ]


def test_a_lock_that_is_up_is_not_taken_away_and_may_be_lowered_by_hand(raised):
    pay(("recovery.order", raised.pk))
    with pytest.raises(LockNotDown):
        services.confirm_move(raised.pk, actor="user:1", sha256=new_photograph())
    assert services.lowered_by_hand(raised.pk, actor="user:1", sha256=new_photograph())
    assert how(raised)[0] == "lowered"
    assert not Berth.objects.get(pk=raised.berth_id).lock_up
    assert services.confirm_move(raised.pk, actor="user:1", sha256=new_photograph())


def test_numbers_in_a_form_are_no_position(raised, merchant_client):
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    answer = merchant_client.post(
        f"/api/v1/recovery/orders/{raised.code}/moved/",
        {"latitude": 31.2, "longitude": 121.4},
        content_type="application/json",
    )
    assert answer.status_code == 409
    assert how(raised)[0] == "lowered"


@pytest.mark.parametrize(("latitude", "fetched"), [(31.2208, True), (31.2211, False), (0.0, False)])
def test_a_device_s_position_counts_near_the_berth_alone(raised, latitude, fetched):
    Berth.objects.filter(pk=raised.berth_id).update(latitude=31.22, longitude=121.43)
    pay(("recovery.order", raised.pk))
    say(raised, "lowered")
    place = (latitude, 121.43)
    if fetched:
        assert services.confirm_move(raised.pk, actor="device:L-1", position=place)
    else:
        with pytest.raises(NoPhotograph):
            services.confirm_move(raised.pk, actor="device:L-1", position=place)
    assert how(raised)[0] == ("moved" if fetched else "lowered")
