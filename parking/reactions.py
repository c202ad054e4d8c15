"""What events set off here (config/wiring.py says which)."""

from functools import partial

from django.db import transaction

from core.outbox import Event
from parking import services
from parking.tasks import ask_reader
from payments import services as payments


def order_image(event: Event) -> None:
    """parking.vehicle_arrived: have the vehicle photographed (P2.2)."""
    services.order_image(stay_id=event.data["stay_id"])


def next_camera(event: Event) -> None:
    """devices.command_failed, devices.command_expired: ask the next camera (P2.2)."""
    if event.data.get("action") == "TakeImage":
        services.image_failed(command_id=event.data["command_id"], reason=event.topic)


def send_to_reader(event: Event) -> None:
    """parking.image_taken: have the plate read (P2.3)."""
    transaction.on_commit(partial(ask_reader, event.data["sighting_id"]), robust=True)


def return_money(event: Event) -> None:
    """parking.money_to_return: give back what a stay did not need (FEATURES 7)."""
    data = event.data
    payments.refund(
        item_id=data["item_id"],
        amount_fen=data["amount_fen"],
        reason=data["reason"],
        actor="system:parking.return_money",
        key=data["key"],
    )
