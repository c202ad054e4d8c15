"""Nobody pays for time that nothing proves (docs/rules.md L2)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from arrears.models import Debt
from core import audit, outbox
from core import clock as business_clock
from core.models import OutboxEvent
from devices import services as devices
from devices.models import Command, Device, DeviceMessage
from devices.rules import frames
from devices.services import reception
from devices.services.connections import Link
from parking import services
from parking.models import Berth, BerthEvent, ParkingSession, ReviewItem, StayGap
from parking.words import spoken
from tests.conftest import BEGIN
from tests.street import OTHER_PLATE, PLATE, TEST, photograph


@pytest.fixture
def sensor(berth: Berth, merchant: Any, enrolled: Any) -> int:
    """A sensor in A-001 that is heard."""
    device_id: int = enrolled("S-1", "sensor", merchant)
    services.place_sensor(berth_id=berth.pk, device_id=device_id, actor=TEST)
    Device.objects.filter(pk=device_id).update(
        epoch=1, online=True, silent=False, state="active", last_heard_at=business_clock.real()
    )
    return device_id


@pytest.fixture
def falls_silent(run_reactions: Any) -> Callable[[int], None]:
    """The device was last heard of two minutes ago, and the platform notices."""

    def fall(device_id: int) -> None:
        heard_at = business_clock.real() - timedelta(minutes=2)
        Device.objects.filter(pk=device_id).update(last_heard_at=heard_at)
        assert devices.notice_silence() == 1
        run_reactions()

    return fall


def link_of(device_id: int, merchant: Any, kind: str = "sensor") -> Link:
    device = Device.objects.get(pk=device_id)
    return Link(
        device_id=device_id,
        device_code=device.code,
        kind=kind,
        merchant_id=merchant.pk,
        epoch=device.epoch,
        connection_id=0,
        credential_id=0,
    )


def say(link: Link, action: str, at_ms: int, number: int) -> list[Any]:
    payload = {"berth_code": "A-001", "occurred_at_ms": at_ms}
    call = frames.Call(f"m{number}", action, payload)
    answer: list[Any] = json.loads(reception.receive(link, call.encode(), call).frame)
    return answer


def now_ms() -> int:
    return int(business_clock.now().timestamp() * 1000)


# ── A silent sensor ──────────────────────────────────────────────────────────────────────────────
def test_hours_in_which_the_sensor_was_silent_are_not_billed(
    berth: Berth, sensor: int, stay_of: Any, clock: Any, falls_silent: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=62))
    falls_silent(sensor)  # last heard after 60 minutes
    clock.advance(timedelta(hours=6))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S-1")

    stay.refresh_from_db()
    assert (stay.fee_fen, stay.doubt) == (600, "sensor_gap")
    gap = StayGap.objects.get(stay=stay)
    assert abs((gap.began_at - stay.arrived_at).total_seconds() - 3600) < 30
    assert (gap.ended_at, gap.why) == (stay.left_at, "sensor_silent")
    assert stay.lines[-1]["text_code"] == "silent"
    assert spoken(stay.lines[-1]).amount_fen == 0
    assert ReviewItem.objects.get(stay=stay, state="open").why == "sensor_gap"
    assert services.quote_stay(stay.pk).amount_fen == 600  # whoever wants to pay may


def test_what_is_proven_after_a_gap_is_billed_again(
    berth: Berth,
    sensor: int,
    merchant: Any,
    stay_of: Any,
    clock: Any,
    falls_silent: Any,
    run_reactions: Any,
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=62))
    falls_silent(sensor)
    clock.advance(timedelta(hours=6))
    frame = frames.Call("h1", "Heartbeat", {})
    reception.receive(link_of(sensor, merchant), frame.encode(), frame)
    run_reactions()
    assert StayGap.objects.get().ended_at == clock.now()
    clock.advance(timedelta(minutes=60))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S-1")
    stay.refresh_from_db()
    assert stay.fee_fen == 1200


def test_no_debt_comes_of_a_gap_that_nobody_has_looked_at(
    berth: Berth, sensor: int, stay_of: Any, clock: Any, falls_silent: Any, run_reactions: Any
) -> None:
    stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=62))
    falls_silent(sensor)
    clock.advance(timedelta(hours=6))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S-1")
    for _day in range(4):
        run_reactions()
        clock.advance(timedelta(hours=24))
        outbox.sweep_once()
    assert not Debt.objects.exists()


def test_a_silence_is_not_billed_to_a_stay_that_becomes_known_later(
    berth: Berth, sensor: int, stay_of: Any, clock: Any, falls_silent: Any, run_reactions: Any
) -> None:
    clock.advance(timedelta(minutes=62))
    falls_silent(sensor)  # last heard after 60 minutes
    clock.advance(timedelta(hours=6))
    services.end_gaps(device_id=sensor, at=clock.now())
    services.open_stay(berth_id=berth.pk, occurred_at=BEGIN, said_by="device:S-1")
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S-1")
    stay = berth.stays.get()
    assert (stay.fee_fen, stay.doubt) == (600, "sensor_gap")
    assert StayGap.objects.get(stay=stay).ended_at == clock.now()


def test_a_berth_whose_other_sensor_is_heard_again_is_watched_again(
    berth: Berth, sensor: int, merchant: Any, enrolled: Any, stay_of: Any, clock: Any
) -> None:
    other = enrolled("S-2", "sensor", merchant)
    services.place_sensor(berth_id=berth.pk, device_id=other, actor=TEST)
    stay = stay_of(berth, PLATE)
    Device.objects.filter(pk__in=[sensor, other]).update(silent=True)
    services.open_gaps(device_id=other, since=clock.now())
    clock.advance(timedelta(hours=2))
    services.end_gaps(device_id=sensor, at=clock.now())
    assert StayGap.objects.get(stay=stay).ended_at == clock.now()


def test_another_sensor_of_the_berth_is_proof_enough(
    berth: Berth, sensor: int, merchant: Any, enrolled: Any, stay_of: Any, falls_silent: Any
) -> None:
    other = enrolled("S-2", "sensor", merchant)
    services.place_sensor(berth_id=berth.pk, device_id=other, actor=TEST)
    Device.objects.filter(pk=other).update(silent=False, last_heard_at=business_clock.real())
    stay_of(berth, PLATE)
    falls_silent(sensor)
    assert not StayGap.objects.exists()


@pytest.mark.parametrize(("is_heard", "hours"), [(True, 24), (False, 0)])
def test_a_stay_that_nobody_saw_leave_is_billed_up_to_the_last_proof(
    berth: Berth, sensor: int, stay_of: Any, clock: Any, is_heard: bool, hours: int
) -> None:
    Device.objects.filter(pk=sensor).update(silent=not is_heard)
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(hours=25))
    assert services.flag_long_stays() == 1
    clock.advance(timedelta(hours=5))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S-1")
    stay.refresh_from_db()
    assert (stay.fee_fen, stay.doubt) == (hours * 600, "no_departure")
    assert ReviewItem.objects.get(state="open").why == "no_departure"


def test_a_departure_that_is_told_a_day_late_is_a_departure(
    berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, PLATE)
    left_at = clock.now() + timedelta(hours=2)
    clock.advance(timedelta(hours=30))
    services.flag_long_stays()
    services.close_stay(berth_id=berth.pk, occurred_at=left_at, said_by="device:S-1")
    stay.refresh_from_db()
    assert (stay.fee_fen, stay.doubt, stay.left_at) == (1200, "", left_at)


# ── A wrong clock ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("off", [-(10**15), 7 * 24 * 3600 * 1000, -40 * 24 * 3600 * 1000])
def test_a_departure_with_a_wrong_clock_ends_the_stay_when_we_hear_it(
    berth: Berth, sensor: int, merchant: Any, clock: Any, off: int
) -> None:
    link = link_of(sensor, merchant)
    assert say(link, "VehicleArrived", now_ms(), 1)[0] == frames.RESULT
    clock.advance(timedelta(minutes=30))
    at_ms = max(60_000, now_ms() + off)
    assert say(link, "VehicleLeft", at_ms, 2)[0] == frames.RESULT

    stay = ParkingSession.objects.get()
    assert (stay.left_at, stay.fee_fen) == (clock.now(), 600)
    event = BerthEvent.objects.get(kind="left")
    assert (event.occurred_at, event.received_at) == (clock.now(), clock.now())
    assert event.device_at is not None
    assert int(event.device_at.timestamp() * 1000) == at_ms
    kept = DeviceMessage.objects.get(message_id="m2")
    assert (kept.refused, kept.corrected_at, kept.occurred_at) == ("", clock.now(), event.device_at)


def test_a_wrong_clock_said_twice_is_heard_once(
    berth: Berth, sensor: int, merchant: Any, clock: Any
) -> None:
    link = link_of(sensor, merchant)
    first = say(link, "VehicleArrived", 60_000, 1)
    clock.advance(timedelta(minutes=10))
    assert say(link, "VehicleArrived", 60_000, 1) == first
    assert BerthEvent.objects.count() == 1


def test_an_operator_admits_what_was_refused_in_order_with_one_key(
    berth: Berth, merchant: Any, enrolled: Any, clock: Any, operator_client: Any
) -> None:
    """The sensor spoke of its berth before anybody had placed it there."""
    device_id = enrolled("S-1", "sensor", merchant)
    Device.objects.filter(pk=device_id).update(epoch=1, online=True, silent=False, state="active")
    link = link_of(device_id, merchant)
    assert say(link, "VehicleArrived", now_ms(), 1)[0] == frames.ERROR
    clock.advance(timedelta(minutes=60))
    assert say(link, "VehicleLeft", now_ms(), 2)[0] == frames.ERROR
    services.place_sensor(berth_id=berth.pk, device_id=device_id, actor=TEST)

    ids = list(DeviceMessage.objects.exclude(refused="").values_list("pk", flat=True))
    operator_client.post(
        "/admin/devices/devicemessage/", {"action": "admit", "_selected_action": ids}
    )
    stay = ParkingSession.objects.get()
    assert (stay.arrived_at, stay.left_at, stay.fee_fen) == (
        BEGIN,
        BEGIN + timedelta(minutes=60),
        600,
    )
    assert DeviceMessage.objects.filter(admitted_at=None, pk__in=ids).count() == 0
    admitted = audit.trail(Device.objects.get(pk=device_id)).filter(action="message admitted")
    assert [one.facts for one in admitted] == [
        {"message": ids[0], "said": "VehicleArrived"},
        {"message": ids[1], "said": "VehicleLeft"},
    ]
    operator_client.post(
        "/admin/devices/devicemessage/", {"action": "admit", "_selected_action": ids}
    )
    assert ParkingSession.objects.count() == 1


# ── Pictures of arrival and departure ────────────────────────────────────────────────────────────
@pytest.fixture
def camera(berth: Berth, merchant: Any, enrolled: Any) -> int:
    device_id: int = enrolled("C-1", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=device_id, actor=TEST)
    return device_id


def take(
    camera: int, merchant: Any, berth: Berth, purpose: str, *, command_id: int | None = None
) -> int:
    return services.take_sighting(
        device_id=camera,
        kind="camera",
        merchant_id=merchant.pk,
        attendant=None,
        image_sha=photograph(9),
        occurred_at=business_clock.now(),
        purpose=purpose,
        berth_code=berth.code,
        command_id=command_id or Command.objects.latest("pk").pk,
    )


def test_a_departure_is_photographed_and_kept_as_evidence(
    berth: Berth, camera: int, merchant: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    run_reactions()
    assert Command.objects.latest("pk").payload == {"berth_code": "A-001", "purpose": "leaving"}
    sighting_id = take(camera, merchant, berth, "leaving")
    services.open_plate_review(sighting_id=sighting_id, why="no_plate")  # the berth is empty
    assert stay.sightings.get().purpose == "leaving"
    assert not ReviewItem.objects.filter(state="open").exists()


def test_a_departure_that_shows_another_vehicle_is_a_question(
    berth: Berth, camera: int, merchant: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    run_reactions()
    sighting_id = take(camera, merchant, berth, "leaving")
    services.settle_plate(sighting_id=sighting_id, plate=OTHER_PLATE, by=TEST, why="test")
    run_reactions()
    assert ReviewItem.objects.get(state="open", stay=stay).why == "readings_differ"


def test_a_departure_that_shows_who_came_next_is_no_question(
    berth: Berth, camera: int, merchant: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    run_reactions()
    order = Command.objects.latest("pk").pk
    clock.advance(timedelta(seconds=10))
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    run_reactions()
    clock.advance(timedelta(seconds=1))
    for purpose, command_id in (("leaving", order), ("arrival", None)):
        sighting_id = take(camera, merchant, berth, purpose, command_id=command_id)
        services.settle_plate(sighting_id=sighting_id, plate=OTHER_PLATE, by=TEST, why="test")
        run_reactions()
        clock.advance(timedelta(seconds=1))

    former, later = berth.stays.exclude(state="void").order_by("arrived_at")
    assert (former.pk, former.plate_text, former.fee_fen) == (stay.pk, PLATE.text, 600)
    assert (later.plate_text, later.state) == (OTHER_PLATE.text, "parked")
    assert [one.purpose for one in former.sightings.all()] == ["leaving"]
    assert not ReviewItem.objects.filter(state="open").exists()


def test_a_picture_that_was_ordered_for_one_and_taken_of_the_next_is_the_next_one_s(
    berth: Berth, camera: int, merchant: Any, clock: Any, run_reactions: Any
) -> None:
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    run_reactions()
    order = Command.objects.latest("pk").pk  # the camera takes its time
    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    clock.advance(timedelta(minutes=5))
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    clock.advance(timedelta(seconds=5))
    sighting_id = take(camera, merchant, berth, "arrival", command_id=order)
    services.settle_plate(sighting_id=sighting_id, plate=PLATE, by=TEST, why="test")
    former, later = berth.stays.order_by("arrived_at")
    assert (former.plate_text, later.plate_text) == ("", PLATE.text)


def test_a_camera_that_comes_back_within_the_stay_is_asked_again(
    berth: Berth, camera: int, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay_of(berth, None)
    run_reactions()
    services.image_failed(command_id=Command.objects.get().pk, reason="away")
    assert services.ask_again(device_id=camera) == 1
    assert services.ask_again(device_id=camera) == 0  # it is being asked
    assert Command.objects.filter(action="TakeImage").count() == 2


def test_a_departure_heard_of_late_is_not_photographed(
    berth: Berth, camera: int, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay_of(berth, PLATE, ago_min=60, minutes=30)
    run_reactions()
    assert not Command.objects.filter(payload__purpose="leaving").exists()
    assert OutboxEvent.objects.filter(topic="parking.vehicle_left").exists()


# ── Camera against sensor ────────────────────────────────────────────────────────────────────────
def test_a_vehicle_photographed_in_a_free_berth_is_one_question(
    berth: Berth, merchant: Any, enrolled: Any, seen: Any, clock: Any
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    for seed in (1, 2):
        sighting = seen(hand, merchant, berth=berth, seed=seed)
        services.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test")
    item = ReviewItem.objects.get(state="open")
    assert (item.kind, item.why, item.berth) == ("berth", "seen_at_free_berth", berth)


def test_the_arrival_that_comes_late_answers_it_and_takes_the_photograph(
    berth: Berth, merchant: Any, enrolled: Any, seen: Any, clock: Any
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    clock.advance(timedelta(minutes=10))
    sighting = seen(hand, merchant, berth=berth)
    services.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test")
    services.open_stay(berth_id=berth.pk, occurred_at=BEGIN, said_by="device:S-1")
    stay = ParkingSession.objects.get()
    assert (stay.plate_text, stay.sightings.get().pk) == (PLATE.text, sighting.pk)
    assert not ReviewItem.objects.filter(state="open").exists()


def test_the_merchant_answers_the_question_about_a_berth(
    berth: Berth, merchant: Any, enrolled: Any, seen: Any, merchant_client: Any, clock: Any
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    sighting = seen(hand, merchant, berth=berth)
    services.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test")
    item = ReviewItem.objects.get(state="open")
    page = merchant_client.get(
        f"/merchant/reviews/{item.pk}/", headers={"accept-language": "en"}
    ).content.decode()
    assert "A vehicle was photographed in a berth that is said to be free." in page
    merchant_client.post(f"/merchant/reviews/{item.pk}/", {"do": "keep"})
    item.refresh_from_db()
    assert (item.state, item.verdict) == ("settled", "keep")


def test_a_vehicle_seen_a_moment_after_it_left_is_no_question(
    berth: Berth, merchant: Any, enrolled: Any, seen: Any, stay_of: Any, clock: Any
) -> None:
    stay_of(berth, PLATE, minutes=30)
    clock.advance(timedelta(seconds=50))
    hand = enrolled("H-1", "handheld", merchant)
    sighting = seen(hand, merchant, berth=berth)
    services.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test")
    assert not ReviewItem.objects.filter(state="open").exists()
