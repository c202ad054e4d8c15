"""The table of deeds: what people and machines ask of us, and how often each of them may.

For each: of one network (an IPv4 address, behind which thousands of telephones may stand, or one
IPv6 user), of one person who is logged in, of one browser, about one thing (a berth, a plate, a
phone), and of everybody together. `wrong`: how the waits grow after wrong tries, by what is tried
at. Which address is for which deed: config/doors.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 24 * 3600


class Rate(NamedTuple):
    """So many at most within any so many seconds."""

    most: int
    within_s: int


class Wait(NamedTuple):
    """Wrong tries: `free` ones cost nothing, then each waits twice as long as the one before it, up
    to the longest; one is forgotten every `forgets_s`."""

    free: int
    first_s: float
    longest_s: float
    forgets_s: float

    def after(self, wrong: float) -> float:
        """How long the next waits after so many wrong ones, in seconds."""
        if wrong <= self.free:
            return 0.0
        return float(min(self.longest_s, self.first_s * 2 ** min(30.0, wrong - self.free - 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One line of the table; `name` is how it is called in the log."""

    name: str
    network: tuple[Rate, ...]
    person: tuple[Rate, ...] = ()
    browser: tuple[Rate, ...] = ()
    thing: tuple[Rate, ...] = ()
    everywhere: tuple[Rate, ...] = ()
    wrong: Mapping[str, Wait] = field(default_factory=dict)


def per_minute(most: int) -> Rate:
    return Rate(most, MINUTE_S)


def per_hour(most: int) -> Rate:
    return Rate(most, HOUR_S)


def per_day(most: int) -> Rate:
    return Rate(most, DAY_S)


# ── Everybody ────────────────────────────────────────────────────────────────────────────────
LOOK = Deed(
    name="look",  # at a page or an interface that tells of no stranger; links are their own right
    network=(per_minute(600),),
)
PICTURE = Deed(name="picture", network=(per_minute(3000),))
BERTH = Deed(
    name="berth",  # who stands there; thing: the berth
    network=(per_minute(30), per_hour(200)),
    thing=(per_minute(60), per_hour(600)),
    everywhere=(per_minute(3000),),
)
HERE = Deed(
    name="here",  # the same by the berth's code; thing: the berth
    network=(per_minute(60), per_hour(600)),
    thing=(per_minute(60), per_hour(600)),
    everywhere=(per_minute(6000),),
)
PLATE = Deed(
    name="plate",  # is this plate's vehicle there; things: berth, plate
    network=(per_minute(20), per_hour(120)),
    everywhere=(per_minute(1200),),
    wrong={
        "network": Wait(free=10, first_s=5, longest_s=15 * MINUTE_S, forgets_s=2 * MINUTE_S),
        "berth": Wait(free=6, first_s=10, longest_s=HOUR_S, forgets_s=30 * MINUTE_S),
        "plate": Wait(free=6, first_s=10, longest_s=15 * MINUTE_S, forgets_s=30 * MINUTE_S),
    },
)
DRAFT = Deed(
    name="draft",  # begin to pay ahead, look for its berth
    network=(per_minute(60), per_hour(300)),
    everywhere=(per_minute(3000),),
)
PAY = Deed(
    name="pay",  # make an order of a bill, go to a provider
    network=(per_minute(60),),
    person=(per_minute(30),),
    everywhere=(per_minute(6000),),
)
CONTEST = Deed(
    name="contest",  # by whoever has not shown to hold the plate; thing: the stay
    network=(per_hour(10),),
    thing=(per_hour(5),),
    everywhere=(per_hour(2000),),
)
REPORT = Deed(
    name="report",  # say that a code on the street looks strange; thing: the berth
    network=(per_hour(10), per_day(30)),
    thing=(per_hour(20),),
    everywhere=(per_hour(500),),
)
OBJECT = Deed(
    name="object",  # by whoever has a right to it
    network=(per_hour(60),),
    person=(per_hour(30),),
    everywhere=(per_hour(5000),),
)

# ── People who log in ────────────────────────────────────────────────────────────────────────
LOG_IN = Deed(
    name="log in",  # with a password or a code: each costs the hashing of one
    network=(per_minute(30), per_hour(300)),
    everywhere=(per_minute(600),),
    # A browser that has logged in by this name before is asked by itself alone; all others by
    # their network, the name from it, the name from anywhere, and all wrong ones together.
    wrong={
        "known": Wait(free=5, first_s=5, longest_s=15 * MINUTE_S, forgets_s=10 * MINUTE_S),
        "network": Wait(free=15, first_s=5, longest_s=15 * MINUTE_S, forgets_s=2 * MINUTE_S),
        "pair": Wait(free=5, first_s=5, longest_s=15 * MINUTE_S, forgets_s=10 * MINUTE_S),
        "name": Wait(free=20, first_s=5, longest_s=2 * MINUTE_S, forgets_s=5 * MINUTE_S),
        "sum": Wait(free=200, first_s=1, longest_s=20, forgets_s=10),
    },
)
FACTOR = Deed(
    name="factor",  # show a second factor, or anew who one is; thing: the person
    network=(per_minute(30), per_hour(300)),
    everywhere=(per_minute(600),),
    wrong={
        "who": Wait(free=5, first_s=5, longest_s=15 * MINUTE_S, forgets_s=10 * MINUTE_S),
    },
)
FORGOT = Deed(
    name="forgot",  # ask for a link to a new password; thing: the name
    network=(per_minute(5), per_hour(20)),
    thing=(per_hour(3), per_day(6)),
    everywhere=(per_hour(300),),
)
CODE = Deed(
    name="code",  # by text; thing: the phone, for browsers that never logged in with it
    network=(per_minute(10), per_hour(40)),
    browser=(per_hour(6), per_day(20)),
    thing=(per_hour(6), per_day(15)),
    everywhere=(per_hour(3000),),
)
CODE_FROM_HERE = Deed(
    name="code from here",  # thing: the phone, asked for from one network
    network=(),
    thing=(per_hour(3),),
)
OWN = Deed(
    name="own",  # change what is one's own
    network=(per_minute(120),),
    person=(per_minute(30), per_hour(200)),
)
CLAIM = Deed(
    name="claim",  # say that a plate is one's own, share it
    network=(per_hour(60),),
    person=(per_hour(10), per_day(20)),
    everywhere=(per_hour(3000),),
)
CARD = Deed(
    name="card",  # apply for a monthly card
    network=(per_hour(60),),
    person=(per_hour(10), per_day(20)),
    everywhere=(per_hour(3000),),
)
PHOTOGRAPH = Deed(
    name="photograph",  # of a licence, by its owner
    network=(per_hour(120),),
    person=(per_hour(20), per_day(60)),
    everywhere=(per_hour(6000),),
)

# ── Staff ────────────────────────────────────────────────────────────────────────────────────
STAFF = Deed(
    name="staff",  # the portal, the desk and their interfaces: behind a log-in, each deed its right
    network=(per_minute(3000),),
    person=(per_minute(600),),
)

GLANCE = Deed(
    name="glance",  # have a photograph read at the car: each costs the reader a second
    network=(per_minute(300),),
    person=(per_minute(20), per_hour(300)),
    everywhere=(per_minute(300),),
)
CALL = Deed(
    name="call",  # look somebody's things up for who is on the phone
    network=(),
    person=(per_minute(12), per_hour(120)),
    everywhere=(per_minute(300),),
)
CALL_TEXT = Deed(
    name="call text",  # send a caller a link; thing: the phone
    network=(),
    person=(per_hour(60),),
    thing=(per_hour(4), per_day(8)),
    everywhere=(per_hour(3000),),
)

# ── Machines ─────────────────────────────────────────────────────────────────────────────────
HEALTH = Deed(name="health", network=(per_minute(1200),))
NOTIFY = Deed(
    name="notify",  # a provider of payments or texts; what we refuse it sends again
    network=(per_minute(3000),),
)
IMAGE = Deed(
    name="image",  # thing: the device; many stand behind one address of their carrier
    network=(per_minute(6000),),
    thing=(per_minute(300),),
)
LOT = Deed(
    name="lot",  # thing: the lot
    network=(per_minute(3000),),
    thing=(per_minute(1200),),
)
# Sockets are counted by each process for itself, which holds them: nothing may wait for Valkey.
SOCKET = Deed(
    name="socket",  # open a live page's; how many stay open is said in core.live
    network=(per_minute(300),),
    everywhere=(per_minute(6000),),
)
FRAME = Deed(
    name="frame",  # thing: the device that says it; what comes faster is read later
    network=(),
    thing=(Rate(50, 1),),
)
