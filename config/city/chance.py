"""What happens next in the city: drawn from a seed, with the world before the eyes."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from config.city.built import PLATES, STREETS
from config.city.steps import Step
from config.city.world import PARTS, World
from core.calendar import CITY

# What may go wrong in the street. Not what is wrong in the house: that is what the laws find.
FAULTS = {
    "flap": "a sensor loses its vehicle for seconds, or begins anew",
    "double": "a sensor says everything twice",
    "reorder": "messages come late, the newer before the older",
    "clock": "a sensor's clock stands in 1970, or an hour ahead",
    "gap": "a sensor loses a message, or is silent for hours",
    "camera": "a camera is away, sees nothing, or no colour",
    "misread": "the reader is unsure, or sure of another vehicle's plate",
    "late_payment": "the provider tells late, or never until it is asked",
    "unknown_payment": "the provider's answer is lost, or a payment is begun and left",
    "twice_paid": "a payment is told twice, or made twice",
    "wrong_berth": "somebody pays for the neighbour's berth",
    "objection": "owners object, take it back, say that it is not their vehicle",
    "sale": "vehicles are sold",
    "staff": "staff cancel, waive, correct, come and go",
    "price": "prices change",
    "card": "cards are ended, suspended, objected to; plans change; lots report late, twice, deny",
    "lock_away": "a lock is out of reach",
    "outage": "each process of ours, and the provider, is away for a while",
}
ON_THE_WAY = timedelta(minutes=15)  # from one street to another
Draw = tuple[float, Callable[[], Step | None]]


class Chance:
    """Draws steps. The same seed in the same city draws the same steps."""

    def __init__(self, seed: int, faults: Sequence[str]) -> None:
        self.rng = random.Random(seed)
        self.faults = frozenset(faults)

    def next(self, world: World) -> Step:
        draws = [*self._usual(world), *self._unusual(world)]
        weights = [weight for weight, _draw in draws]
        while True:
            _weight, draw = self.rng.choices(draws, weights)[0]
            found = draw()
            if found is not None:
                return found

    # ── What happens every day ───────────────────────────────────────────────────────────────
    def _usual(self, world: World) -> list[Draw]:
        local = world.now.astimezone(CITY)
        night = local.hour < 7 or local.hour >= 22
        return [
            (22, lambda: self._wait(night)),
            (2 if night else 9, lambda: self._drive_in(world)),
            (2 if night else 9, lambda: self._drive_off(world)),
            (1 if night else 8, lambda: self._pay(world)),
            (0 if night else 3, lambda: self._pay_ahead(world)),
            (0 if night else 0.7, lambda: self._turn("pay_lock", **self._how())),
            (0 if night else 5, lambda: self._turn("answer_question")),
            (0 if night else 4, lambda: self._turn("look_at_debt")),
            (0 if night else 2, lambda: self._turn("leave_paper")),
            (1, lambda: ("look_at_dues", {"v": self._vehicle()})),
            (0.5, lambda: ("prove", {"v": self._vehicle(), "person": self.rng.randrange(9)})),
            (2 if world.errands else 0, lambda: self._turn("run_errand")),
            (1, lambda: ("patrol", {"berth": self._berth(world)})),
            (0 if night else 1, lambda: self._turn("close_by_hand")),
            (0 if night else 3, lambda: self._bind(world)),
            (0 if night else 2, lambda: self._turn("put_lock")),
            (0 if night else 2, lambda: self._turn("lift_lock")),
            (1.5, lambda: self._turn("fetch_lock")),
            (0 if night else 1, lambda: self._apply()),
            (0 if night else 2, lambda: self._turn("judge_card", accept=self.rng.random() < 0.9)),
            (0 if night else 1.5, lambda: self._turn("pay_card", **self._how())),
            (0.5 if night else 3, lambda: self._into_lot(world)),
            (1.5 * len(world.in_lot), lambda: self._out_of_lot(world)),
            (2 if world.reports else 0, lambda: self._turn("send_report")),
            (1.5, lambda: self._turn("check_statement")),
            (0.5, lambda: self._turn("settle_statement")),
            (0.7, lambda: self._turn("pay_deduction", **self._how())),
        ]

    def _wait(self, night: bool) -> Step:
        least, most = (1800, 14_400) if night else (30, self.rng.choice([120, 900, 3600, 7200]))
        return "wait", {"s": self.rng.randrange(least, most)}

    def _vehicle(self) -> int:
        return self.rng.randrange(len(PLATES))

    def _berth(self, world: World) -> str:
        return self.rng.choice(sorted(world.built.berths))

    def _turn(self, name: str, **more: Any) -> Step:
        return name, {"turn": self.rng.randrange(8), **more}

    def _drive_in(self, world: World) -> Step | None:
        free = [one for one in sorted(world.built.berths) if one not in world.standing]
        away = self._away(world)
        if not free or not away:
            return None
        values: dict[str, Any] = {"v": self.rng.choice(away), "berth": self.rng.choice(free)}
        seen = self._seen(values["v"])
        if seen != "right":
            values["seen"] = seen
        return "drive_in", self._told(values)

    def _away(self, world: World) -> list[int]:
        """Vehicles that can come now."""
        back_since = world.now - ON_THE_WAY
        return [
            v
            for v in range(len(PLATES))
            if v not in world.where
            and v not in world.in_lot
            and world.left_at.get(v, back_since) <= back_since
        ]

    def _drive_off(self, world: World) -> Step | None:
        if not world.where:
            return None
        return "drive_off", self._told({"v": self.rng.choice(sorted(world.where))})

    def _told(self, values: dict[str, Any]) -> dict[str, Any]:
        """How the sensor says it."""
        ways = {"double": "double", "reorder": "late", "gap": "lost", "clock": "clock"}
        odd = [way for fault, way in ways.items() if fault in self.faults]
        if odd and self.rng.random() < 0.25:
            how = self.rng.choice(odd)
            values["how"] = "ahead" if how == "clock" and self.rng.random() < 0.4 else how
        return values

    def _seen(self, vehicle: int) -> str:
        chance = self.rng.random()
        if "misread" in self.faults and chance < 0.16:
            other = self.rng.choice([v for v in range(len(PLATES)) if v != vehicle])
            return "weak" if chance < 0.1 else str(other)
        if "camera" in self.faults and chance > 0.92:
            return "blind" if chance > 0.96 else "grey"
        return "right"

    def _pay(self, world: World) -> Step:
        about = sorted({*world.where, *world.left_at})  # who has never come has nothing to pay
        values: dict[str, Any] = {"v": self.rng.choice(about) if about else self._vehicle()}
        if values["v"] % 3 == 2 and self.rng.random() < 0.8:  # some pay when they must
            values["v"] -= 1
        values |= self._how()
        if values["v"] in world.where and self.rng.random() < 0.2:
            values["dues"] = True
        elif "wrong_berth" in self.faults and world.standing and self.rng.random() < 0.08:
            values["berth"] = self.rng.choice(sorted(world.standing))
        return "pay", values

    def _how(self) -> dict[str, str]:
        hows = ["now", "now", "now", "counter"]
        if "late_payment" in self.faults:
            hows += ["late", "silent"]
        if "unknown_payment" in self.faults:
            hows += ["lost", "begun"]
        how = self.rng.choice(hows)
        return {} if how == "now" else {"how": how}

    def _pay_ahead(self, world: World) -> Step | None:
        if not world.where:
            return None
        values: dict[str, Any] = {"v": self.rng.choice(sorted(world.where))}
        values["minutes"] = self.rng.choice([30, 60, 120, 240])
        if "late_payment" in self.faults and self.rng.random() < 0.3:
            values["how"] = self.rng.choice(["late", "silent"])
        return "pay_ahead", values

    def _bind(self, world: World) -> Step | None:
        own = [one.code for one in STREETS if one.locks]
        there = [one for one in sorted(world.standing) if world.built.section_of[one] in own]
        return ("bind", {"berth": self.rng.choice(there)}) if there else None

    def _apply(self) -> Step:
        values = {"v": self._vehicle(), "person": self.rng.randrange(9)}
        return "apply_for_card", values | ({} if self.rng.random() < 0.8 else {"licence": False})

    def _into_lot(self, world: World) -> Step | None:
        away = self._away(world)
        if not away:
            return None
        values = {"v": self.rng.choice(away), "lot": self.rng.choice(sorted(world.built.lots))}
        return "drive_into_lot", self._reported(values)

    def _out_of_lot(self, world: World) -> Step | None:
        if not world.in_lot:
            return None
        return "drive_out_of_lot", self._reported({"v": self.rng.choice(sorted(world.in_lot))})

    def _reported(self, values: dict[str, Any]) -> dict[str, Any]:
        if "card" in self.faults and self.rng.random() < 0.25:
            values["how"] = self.rng.choice(["late", "late", "double"])
        return values

    # ── What goes wrong ──────────────────────────────────────────────────────────────────────
    def _unusual(self, world: World) -> list[Draw]:
        rng, stands = self.rng, sorted(world.standing)
        odd: list[tuple[str, float, Callable[[], Step | None]]] = [
            ("flap", 3, lambda: self._at(stands, "flap", s=rng.randrange(5, 100))),
            ("flap", 1, lambda: self._at(stands, "restart")),
            ("reorder", 4 if world.mail else 0, lambda: self._turn("deliver")),
            ("gap", 0.5, lambda: ("go_dark", {"berth": self._berth(world)})),
            ("gap", 0.6 * len(world.dark), lambda: self._at(sorted(world.dark), "wake_up")),
            ("camera", 0.2, lambda: ("cover_eye", {"camera": rng.choice(self._cameras(world))})),
            (
                "camera",
                1.0 * len(world.blind),
                lambda: ("open_eye", {"camera": rng.choice(sorted(world.blind))}),
            ),
            ("camera", 0.1, lambda: ("stop_camera", {"camera": rng.choice(self._cameras(world))})),
            ("camera", 0.1, lambda: ("trust_camera", {"camera": rng.choice(self._cameras(world))})),
            ("late_payment", 3, lambda: self._turn("tell")),
            ("twice_paid", 1, lambda: self._turn("tell")),
            ("unknown_payment", 1, lambda: self._turn("pay_begun")),
            ("twice_paid", 0.5, lambda: self._turn("pay_begun")),
            ("wrong_berth", 1.5, lambda: self._turn("correct_payment", v=self._vehicle())),
            ("objection", 1, lambda: self._at(sorted(world.built.berths), "doubt")),
            ("objection", 1.5, lambda: self._object()),
            (
                "objection",
                1.5,
                lambda: self._turn(
                    "answer_objection", verdict=rng.choice(["upheld", "rejected", "rejected"])
                ),
            ),
            ("sale", 0.3, lambda: ("sell", {"v": self._vehicle()})),
            (
                "sale",
                0.3,
                lambda: ("opt_out", {"v": self._vehicle(), "wanted": rng.random() < 0.5}),
            ),
            ("sale", 0.2, lambda: self._person("share", v=self._vehicle())),
            (
                "objection",
                0.3,
                lambda: self._person("answer_text", text=rng.choice(["T", "不是我", "好的"])),
            ),
            ("card", 0.2, lambda: self._turn("stop_card", how="end")),
            ("card", 0.2, lambda: self._turn("stop_card", how="suspend")),
            ("card", 0.6, lambda: self._turn("stop_card", how="resume")),
            ("card", 0.15, lambda: self._plan()),
            ("card", 0.5, lambda: self._turn("check_statement", deny=True)),
            ("card", 0.4, lambda: self._turn("correct_visit", out=rng.random() < 0.6)),
            ("card", 0.6, lambda: self._turn("object_to_card", before=rng.random() < 0.4)),
            ("card", 1, lambda: self._turn("answer_about_card", upheld=rng.random() < 0.5)),
            ("staff", 0.3, lambda: self._turn("void")),
            ("staff", 0.3, lambda: self._turn("waive")),
            ("staff", 0.7, lambda: self._at(sorted(world.built.berths), "correct")),
            ("staff", 0.4, lambda: self._turn("lower_lock")),
            ("staff", 0.3, lambda: self._guard()),
            ("price", 0.1, lambda: self._price()),
            ("lock_away", 0.4, lambda: ("lose_lock", {"code": rng.choice(sorted(world.locks))})),
            ("lock_away", 1.5, lambda: self._find_lock(world)),
            ("outage", 0.25, lambda: ("fail", {"part": rng.choice(PARTS)})),
            ("outage", 5.0 * bool(world.out), lambda: self._mend(world)),
        ]
        return [(weight, draw) for fault, weight, draw in odd if fault in self.faults]

    def _person(self, name: str, **more: Any) -> Step:
        return name, {"person": self.rng.randrange(9), **more}

    def _plan(self) -> Step:
        fen, days = self.rng.choice([20_000, 30_000, 36_000]), self.rng.choice([3, 6, 10])
        return "edit_plan", {
            "fen": fen,
            "days": days,
            "quota": self.rng.choice([4000, 9000, 20_000]),
        }

    def _at(self, berths: list[str], name: str, **more: Any) -> Step | None:
        return (name, {"berth": self.rng.choice(berths), **more}) if berths else None

    def _cameras(self, world: World) -> list[str]:
        return sorted(code for code in world.links if code.startswith("C-"))

    def _object(self) -> Step:
        reason = self.rng.choice(["not_mine", "sold", "paid", "amount", "other", "withdraw"])
        return self._turn("object", v=self._vehicle(), reason=reason)

    def _price(self) -> Step:
        street = self.rng.choice(STREETS)
        return "raise_price", {
            "section": street.code,
            "fen": street.unit_fen + self.rng.choice([-100, 100, 200]),
        }

    def _guard(self) -> Step:
        values = {"section": self.rng.choice(STREETS).code, "number": self.rng.randrange(4)}
        return "change_guard", values

    def _find_lock(self, world: World) -> Step | None:
        away = sorted(code for code, lock in world.locks.items() if lock.away)
        return ("find_lock", {"code": self.rng.choice(away)}) if away else None

    def _mend(self, world: World) -> Step | None:
        return ("mend", {"part": self.rng.choice(sorted(world.out))}) if world.out else None
