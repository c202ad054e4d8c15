"""What a tariff's caps take off the charges of a stay, and what other stays have used of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from parking.rules.charges import Charge, Walk
from parking.rules.lines import Line, sum_line
from parking.rules.spans import DAY_S, day_end
from parking.rules.tariff import Cap, CapOver, CapPer, Label

Key = tuple[int, int]  # a cap's place in the tariff, and its bucket


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier stay of the vehicle is charged for one moment after its own caps; `here`:
    on the same section."""

    start: int
    label: Label
    fen: int
    here: bool


def cuts(
    walk: Walk, charges: list[Charge], before: Sequence[Kept] = ()
) -> list[tuple[tuple[int, int], Line]]:
    """What the caps take off: each charge is cut to the least room that a cap leaves it. `before`
    is what the vehicle's stays before this one have used of caps that it shares with them."""
    _kept, cut = _cut(walk, charges, before)
    caps = walk.tariff.caps
    return [
        ((last, 1), sum_line(_code(caps[at]), "cap", -fen, start, end))
        for (at, _), (fen, start, last, end) in cut.items()
    ]


def kept(walk: Walk, charges: list[Charge], before: Sequence[Kept], *, here: bool) -> list[Kept]:
    """What of these charges is left by the caps, as a later stay counts it."""
    left, _cuts = _cut(walk, charges, before)
    return [Kept(one.start, one.label, fen, here) for one, fen in zip(charges, left, strict=True)]


def _code(cap: Cap) -> str:
    return f"cap_{cap.per}" if cap.over is CapOver.stay else "cap_vehicle"


def _cut(
    walk: Walk, charges: list[Charge], before: Sequence[Kept]
) -> tuple[list[int], dict[Key, list[int]]]:
    """What is left of each charge, and what each cap took: fen, first start, last start, end."""
    caps = walk.tariff.caps
    room: dict[Key, int] = {}
    cut: dict[Key, list[int]] = {}
    left: list[int] = []
    for charge in charges:
        left.append(charge.fen)
        if not charge.fen:
            continue
        keys = [
            (at, _bucket(walk, cap.per, charge))
            for at, cap in enumerate(caps)
            if cap.window in (None, charge.label)
        ]
        for key in keys:
            if key not in room:
                whole = caps[key[0]].fen * walk.prices.cap_percent // 100
                room[key] = max(0, whole - _used(caps[key[0]], key[1], before))
        # Cut once, by the cap that leaves least, and count what is left against all of them:
        # two caps that each took the same fen off would give it back twice.
        tightest = min(keys, key=lambda key: room[key], default=None)
        if tightest is None:
            continue
        left[-1] = taken = min(charge.fen, room[tightest])
        for key in keys:
            room[key] -= taken
        if taken < charge.fen:
            known = cut.setdefault(tightest, [0, charge.start, charge.start, charge.end])
            known[0] += charge.fen - taken
            known[2:] = [charge.start, charge.end]
    return left, cut


def _used(cap: Cap, day: int, before: Sequence[Kept]) -> int:
    """What of a day's cap that stays share is used before this one."""
    if cap.over is CapOver.stay:
        return 0
    return sum(
        one.fen
        for one in before
        if day_end(one.start) == day
        and cap.window in (None, one.label)
        and (one.here or cap.over is CapOver.merchant)
    )


def _bucket(walk: Walk, per: CapPer, charge: Charge) -> int:
    if per is CapPer.day:
        return day_end(charge.start)
    if per is CapPer.h24:
        return (charge.start - walk.arrived) // DAY_S
    return charge.span_start if per is CapPer.window else 0
