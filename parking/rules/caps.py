"""What a tariff's caps take off the charges of a stay."""

from parking.rules.charges import Charge, Walk
from parking.rules.lines import Line, sum_line
from parking.rules.spans import DAY_S, day_end
from parking.rules.tariff import CapPer


def cuts(walk: Walk, charges: list[Charge]) -> list[tuple[tuple[int, int], Line]]:
    """What the caps take off: each charge is cut to the least room that a cap leaves it."""
    caps = walk.tariff.caps
    room: dict[tuple[int, int], int] = {}
    cut: dict[tuple[int, int], list[int]] = {}  # by cap and bucket: fen, first start, last
    for charge in charges:
        if not charge.fen:
            continue
        keys = [
            (at, _bucket(walk, cap.per, charge))
            for at, cap in enumerate(caps)
            if cap.window in (None, charge.label)
        ]
        for key in keys:
            if key not in room:
                room[key] = caps[key[0]].fen * walk.prices.cap_percent // 100
        # Cut once, by the cap that leaves least, and count what is left against all of them:
        # two caps that each took the same fen off would give it back twice.
        tightest = min(keys, key=lambda key: room[key], default=None)
        if tightest is None:
            continue
        taken = min(charge.fen, room[tightest])
        for key in keys:
            room[key] -= taken
        if taken < charge.fen:
            known = cut.setdefault(tightest, [0, charge.start, charge.start, charge.end])
            known[0] += charge.fen - taken
            known[2:] = [charge.start, charge.end]
    return [
        ((last, 1), sum_line(f"cap_{caps[at].per}", "cap", -fen, start, end))
        for (at, _), (fen, start, last, end) in cut.items()
    ]


def _bucket(walk: Walk, per: CapPer, charge: Charge) -> int:
    if per is CapPer.day:
        return day_end(charge.start)
    if per is CapPer.h24:
        return (charge.start - walk.arrived) // DAY_S
    return charge.span_start if per is CapPer.window else 0
