"""Outbox event handlers: pictures, readings and refunds (see config/wiring.py)."""

from datetime import UTC, datetime
from functools import partial

from django.db import transaction

from core import clock
from core.wiring import concerned
from devices.events import CommandExpired, CommandFailed, DeviceBack, DeviceSilent
from parking import services
from parking.events import (
    ArrivedAgain,
    ImageTaken,
    MoneyToReturn,
    PlateCorrected,
    SeenOtherwise,
    StayVoided,
    StopKnown,
    VehicleArrived,
    VehicleLeft,
)
from parking.tasks import ask_reader
from payments import services as payments


def order_image(event: VehicleArrived) -> None:
    """parking.vehicle_arrived: have the vehicle photographed (P2.2)."""
    services.order_image(stay_id=event.stay_id)


def order_leaving_image(event: VehicleLeft) -> None:
    """parking.vehicle_left: have the berth photographed while the vehicle goes."""
    services.order_leaving_image(stay_id=event.stay_id)


def look_again(event: ArrivedAgain) -> None:
    """parking.arrived_again: have whatever stands there photographed (P2.2)."""
    services.order_image(stay_id=event.stay_id, again=True)


def tell_anew(event: SeenOtherwise) -> None:
    """parking.seen_otherwise: it may be another vehicle than before, or proof of the same."""
    services.tell_anew(sighting_id=event.sighting_id)


def tell_corrected_anew(event: PlateCorrected) -> None:
    """parking.plate_corrected: what looked like two vehicles may be one."""
    services.tell_anew(stay_id=event.stay_id)


def sensor_silent(event: DeviceSilent) -> None:
    """devices.device_silent: what stands in its berth is not proven from then on."""
    since = datetime.fromtimestamp(event.since_ms / 1000, tz=UTC)
    services.open_gaps(device_id=event.device_id, since=since)


def device_back(event: DeviceBack) -> None:
    """devices.device_back: its berth is watched again, and what it was to photograph still is."""
    services.end_gaps(device_id=event.device_id, at=clock.now())
    services.ask_again(device_id=event.device_id)


@concerned(lambda event: event.action == "TakeImage")
def next_camera(event: CommandFailed | CommandExpired) -> None:
    """devices.command_failed, devices.command_expired: ask the next camera (P2.2)."""
    services.image_failed(command_id=event.command_id, reason=event.topic)


def send_to_reader(event: ImageTaken) -> None:
    """parking.image_taken: have the plate read (P2.3)."""
    transaction.on_commit(partial(ask_reader, event.sighting_id), robust=True)


def price_next(event: StopKnown) -> None:
    """parking.stop_known: the stop that continues this one costs what it adds to it, also where we
    hear of this one later."""
    services.price_next(stay_id=event.stay_id)


def price_after_void(event: StayVoided) -> None:
    """parking.stay_voided: what follows a stay that never was costs what it costs without it."""
    services.price_next(stay_id=event.stay_id)


def price_after_former(event: PlateCorrected) -> None:
    """parking.plate_corrected: what follows it of the vehicle that it was taken for is priced
    without it."""
    if event.old_text:
        services.price_next(stay_id=event.stay_id, plate_text=event.old_text)


def return_money(event: MoneyToReturn) -> None:
    """parking.money_to_return: give back what a stay did not need (docs/features.md 7)."""
    payments.refund(
        item_id=event.item_id,
        amount_fen=event.amount_fen,
        reason=event.reason,
        actor="system:parking.return_money",
        key=event.key,
    )
