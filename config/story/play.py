"""The whole story, act by act."""

from config.demo.town import Town
from config.story import arriving, carding, locking, owing
from config.story.teller import Teller
from config.story.world import World
from core.plates import Plate


def play(url: str, photo: bytes, typed: Plate | None, town: Town, teller: Teller) -> None:
    """Tell the story; returns when every step took effect. Raises StepFailed, Stopped."""
    world = World(url=url, photo=photo, typed=typed, town=town, teller=teller)
    try:
        stay = arriving.arrive(world, "A-002", "C-A1", world.city)
        order = arriving.pay_ahead(world, stay)
        arriving.flap(world, stay, order, "C-A1")
        arriving.leave_early(world, stay, order)
        owing.prove_plate(world)
        owing.owe(world)
        locking.notice(world)
        locking.recover(world)
        carding.buy_and_use_card(world)
    finally:
        teller.notes["misread"] = world.misread
