"""How long a lock waits for its lowering once the payment is told of (P1.4: within 80 ms), and how
long for its raising once somebody has asked for it (within 150 ms)."""

import asyncio
import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from statistics import mean, median, quantiles
from typing import Any
from urllib.parse import urlsplit

import psutil
import websockets
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.urls import reverse
from PIL import Image

from accounts.models import Merchant
from arrears import services as arrears
from arrears.models import Debt, Demand, Look
from arrears.states import DebtState, DemandState
from config.demo import town
from config.local.processes import wait_until
from config.local.scratch import scratch
from config.local.supervisor import MARK
from config.local.system import ROOT
from config.story.world import Wire
from core import clock, images, live, outbox
from core.models import OutboxDelivery
from core.plates import parse
from devices.client import DeviceClient, Lock
from devices.models import Command as DeviceCommand
from devices.models import Device
from devices.selectors import lock_position
from parking import services as parking
from parking.models import Berth
from payments import services as payments
from payments.models import Notification, SandboxTrade
from payments.providers.sandbox.client import notification
from payments.states import TradeState
from recovery import services as recovery
from recovery.models import RecoveryOrder

ACTOR = "system:benchmark"
PATIENCE_S = 60.0
LOCK = "L-Y1"
DEBTS = 2  # what an order is for
WARM_UP = 3
TRAVEL_S = 0.02
STAGES = ("kept", "settled", "taken", "frame")


class Command(BaseCommand):
    help = (
        "Pay recovery orders by a provider's notification over HTTP and wait for the frame at the "
        "lock's websocket, on servers and processes made for it and taken away again; prints "
        "median and p95 in ms, what the processors spend, and the ratio to the bare round trips."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repeats", type=int, default=30)
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--flood",
            action="store_true",
            help="meanwhile 200 parallel log-ins and 40 unfinished messages on sockets",
        )
        parser.add_argument(
            "--url", default="", help="the web server that works on this process's empty database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("A benchmark does not belong into production.")
        repeats = max(2, options["repeats"])
        if not options["url"]:
            return self._on_scratch(repeats, as_json=options["json"], flood=options["flood"])
        if Merchant.objects.exists():
            raise CommandError("This database is in use: a benchmark makes one of its own.")
        found = Bench(options["url"], repeats, flood=options["flood"]).run()
        self.stdout.write(json.dumps(found) if options["json"] else told(found))

    def _on_scratch(self, repeats: int, *, as_json: bool, flood: bool) -> None:
        """The same command once more, in the environment of servers that nobody will miss."""
        os.environ.setdefault("BOWEI_PROXIES", "1")  # the flood comes from many networks
        with scratch("migrate", "web", "dispatcher") as (url, env):
            command = [sys.executable, "manage.py", "benchmark_lowering", "--url", url]
            command += ["--repeats", str(repeats), *(["--json"] if as_json else [])]
            command += ["--flood"] if flood else []
            done = subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True)
            if done.returncode:
                raise CommandError(done.stderr.strip()[-2000:] or "It ended without a word.")
            self.stdout.write(done.stdout.rstrip())


def told(found: dict[str, Any]) -> str:
    stages = ", ".join(f"{name} {found['stages_ms'][name]}" for name in STAGES)
    bare = ", ".join(f"{name} {ms}" for name, ms in found["bare_ms"].items())
    return (
        f"{found['repeats']} payments of {found['debts']} debts each, notification to frame: "
        f"median {found['median_ms']} ms, p95 {found['p95_ms']} ms "
        f"(the provider has its answer after {found['answered_ms']} ms)\n"
        f"stages, medians in ms: {stages}\n"
        f"raising, asked for to frame: median {found['raise_median_ms']} ms, "
        f"p95 {found['raise_p95_ms']} ms\n"
        f"bare round trips, medians in ms: {bare}; ratio of the medians {found['ratio']}\n"
        f"processors, ms a payment: {found['own_ms']} until frame and answer, {found['all_ms']} "
        "until the lock is down and all reactions are done"
        + (f"\nmeanwhile: {found['flood']}" if found["flood"] else "")
    )


class Bench:
    """A town in which one vehicle after another is locked, pays, and is let go."""

    def __init__(self, url: str, repeats: int, *, flood: bool) -> None:
        self.url, self.repeats, self.flooded = url, repeats, flood
        self.place = urlsplit(url).netloc
        self.notify_path = reverse("payments.notify", args=["sandbox"])
        self.framed_at = 0.0
        self.framed = threading.Event()
        self.raise_framed_at = 0.0
        self.raised = threading.Event()
        self.processes = processes_of_the_run()
        self.dispatched = any("dispatch" in one.cmdline() for one in self.processes)

    def run(self) -> dict[str, Any]:
        with transaction.atomic():
            built = town.build(berths=6)
        clock.release()  # held, it would stand still while the lock's own clock goes on
        self.berth = Berth.objects.select_related("section").get(code="Y-001")
        self.device = Device.objects.get(code=LOCK)
        plates = [f"沪B{n:05d}" for n in range(self.repeats + WARM_UP)]
        self._indebt(plates)
        wire = Wire()
        lock = wire.do(self._connect(next(d.key for d in built.devices if d.code == LOCK)))
        try:
            self._until("the lock's first report", lambda: lock_position(self.device.pk))
            with self._flood() as told_of_flood:
                rounds = [self._round(lock, wire, plate) for plate in plates][WARM_UP:]
            bare = self._bare(lock, wire)
        finally:
            wire.do(lock.stop())
        total = [one["frame"] for one in rounds]
        raising = [one["raise"] for one in rounds]
        stages = {
            name: median(one[name] - one[before] for one in rounds)
            for before, name in zip(("begin", *STAGES), STAGES, strict=False)
        }
        return {
            "repeats": self.repeats,
            "debts": DEBTS,
            "median_ms": round(median(total), 1),
            "p95_ms": round(quantiles(total, n=20)[18], 1),
            "answered_ms": round(median(one["answered"] for one in rounds), 1),
            "raise_median_ms": round(median(raising), 1),
            "raise_p95_ms": round(quantiles(raising, n=20)[18], 1),
            "stages_ms": {name: round(ms, 1) for name, ms in stages.items()},
            "bare_ms": {name: round(ms, 2) for name, ms in bare.items()},
            "ratio": round(median(total) / sum(bare.values()), 1),
            "own_ms": round(mean(one["own"] for one in rounds), 1),
            "all_ms": round(mean(one["all"] for one in rounds), 1),
            "flood": told_of_flood[-1] if told_of_flood else "",
        }

    @contextlib.contextmanager
    def _flood(self) -> Iterator[list[str]]:
        """Meanwhile the doors are flooded, where it is asked for; gives what the flood tells."""
        told: list[str] = []
        if not self.flooded:
            yield told
            return
        command = [sys.executable, "-m", "config.flood", self.url, live.token("flood")]
        with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            line = process.stdout
            told.append(line.readline().strip())  # it has begun
            reader = threading.Thread(target=lambda: told.extend(one.strip() for one in line))
            reader.start()
            try:
                yield told
            finally:
                process.kill()
                reader.join()

    # ── The vehicles ─────────────────────────────────────────────────────────────────────────
    def _indebt(self, plates: list[str]) -> None:
        """Each vehicle has left unpaid, its pay window is over and its demand delivered."""
        for plate in plates:
            for _stay in range(DEBTS):
                clock.advance(timedelta(minutes=5))
                self._arrive(plate)
                clock.advance(timedelta(minutes=110))
                self._leave()
        self._until("the pay windows", _quiet)
        clock.advance(timedelta(hours=80))
        wanted = len(plates) * DEBTS

        def owed() -> bool:
            arrears.end_pay_windows()
            return _quiet() and Debt.objects.filter(state=DebtState.OPEN).count() == wanted

        self._until("the debts", owed)
        arrears.agree(Look.objects.values_list("pk", flat=True), actor=ACTOR)
        for debt_id in Debt.objects.filter(demanded_at=None).values_list("pk", flat=True):
            arrears.make_demand(debt_id=debt_id)
        for demand_id in Demand.objects.filter(state=DemandState.MADE).values_list("pk", flat=True):
            arrears.deliver_demand(demand_id=demand_id, evidence="paper", actor=ACTOR)
        clock.advance(timedelta(hours=settings.BOWEI_GRACE_H, seconds=1))
        while arrears.end_graces():
            pass

    def _arrive(self, plate: str) -> int:
        stay_id = parking.open_stay(berth_id=self.berth.pk, occurred_at=clock.now(), said_by=ACTOR)
        if stay_id is None:
            raise CommandError("The vehicle could not arrive.")
        parking.correct_plate(
            stay_id=stay_id, plate_text=plate, plate_colour="blue", actor=ACTOR, why="seen"
        )
        return stay_id

    def _leave(self) -> None:
        parking.close_stay(berth_id=self.berth.pk, occurred_at=clock.now(), said_by=ACTOR)

    # ── One payment ──────────────────────────────────────────────────────────────────────────
    def _round(self, lock: Lock, wire: Wire, plate: str) -> dict[str, float]:
        """Lock, pay, measure, fetch, drive off. Times in ms since the notification was sent."""
        self._arrive(plate)
        order = self._placed(plate)
        raise_ms = self._raise_ms(order)
        self._until(
            "a raised lock", lambda: self._is(order, "raised") and lock.position == "raised"
        )
        out_trade_no = self._ready_to_pay(order)
        self._until("quiet", _quiet)
        trade = SandboxTrade.objects.get(out_trade_no=out_trade_no)
        _address, headers, body = notification(trade)
        self.framed.clear()
        before_s, wall, begin = self._spent_s(), time.time(), time.perf_counter()
        status = self._ask("POST", self.notify_path, body, headers)
        answered = time.perf_counter()
        if status != 204:
            raise CommandError(f"The notification was answered with {status}.")
        if not self.framed.wait(PATIENCE_S):
            raise CommandError(f"No frame came within {PATIENCE_S:.0f} s.")
        framed_s = self._spent_s()
        self._until("the lowered lock", lambda: self._is(order, "lowered") and _quiet())
        after_s = self._spent_s()
        notice = Notification.objects.get(out_trade_no=out_trade_no)
        command = DeviceCommand.objects.get(reference=order.code, action="LowerLock")
        assert command.sent_at is not None
        recovery.confirm_move(order.pk, actor=ACTOR, sha256=kept())
        clock.advance(timedelta(minutes=5))
        self._leave()
        return {
            "raise": raise_ms,
            "begin": 0.0,
            "kept": (notice.received_at.timestamp() - wall) * 1000,
            "settled": (command.created_at.timestamp() - wall) * 1000,
            "taken": (command.sent_at.timestamp() - wall) * 1000,
            "frame": (self.framed_at - begin) * 1000,
            "answered": (answered - begin) * 1000,
            "own": (framed_s - before_s) * 1000,
            "all": (after_s - before_s) * 1000,
        }

    def _raise_ms(self, order: RecoveryOrder) -> float:
        """From the call of the service behind the button to the frame at the lock."""
        self.raised.clear()
        begin = time.perf_counter()
        recovery.raise_lock(order.pk, actor=ACTOR)
        if not self.raised.wait(PATIENCE_S):
            raise CommandError(f"No frame came within {PATIENCE_S:.0f} s.")
        return (self.raise_framed_at - begin) * 1000

    def _placed(self, plate: str) -> RecoveryOrder:
        """The lock lies before the vehicle, down."""
        bound = parse(plate)
        order = recovery.bind(
            merchant_id=self.device.merchant_id,
            plate_text=bound.text,
            plate_colour="blue",
            berth_id=self.berth.pk,
            device_id=self.device.pk,
            second_look={"typed": plate, "sha256": kept()},
            actor=ACTOR,
        )
        return recovery.place(order.pk, sha256=kept(), actor=ACTOR)

    def _is(self, order: RecoveryOrder, state: str) -> bool:
        return RecoveryOrder.objects.filter(pk=order.pk, state=state).exists()

    def _ready_to_pay(self, order: RecoveryOrder) -> str:
        """The payer has paid at the provider, which has not told us yet."""
        bill = payments.open_order(items=[("recovery.order", order.pk)], actor=ACTOR)
        attempt = payments.begin_attempt(
            order_id=bill.pk, provider="sandbox", return_url=self.url, actor=ACTOR
        )
        SandboxTrade.objects.filter(out_trade_no=attempt.out_trade_no).update(
            state=TradeState.PAID, paid_at=clock.real()
        )
        return attempt.out_trade_no

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> int:
        """One request on a connection of its own, as a provider's is."""
        line = http.client.HTTPConnection(self.place, timeout=PATIENCE_S)
        try:
            line.request(method, path, body=body, headers=headers or {})
            answer = line.getresponse()
            answer.read()
            return answer.status
        finally:
            line.close()

    # ── The lock ─────────────────────────────────────────────────────────────────────────────
    async def _connect(self, key: str) -> Lock:
        client = DeviceClient(self.url.replace("http", "ws", 1), LOCK, key)
        lock = Lock(client, travel_s=TRAVEL_S)
        lower, lift = client.handlers["LowerLock"], client.handlers["RaiseLock"]

        async def note_and_lower(command: dict[str, Any]) -> dict[str, Any] | None:
            self.framed_at = time.perf_counter()
            self.framed.set()
            return await lower(command)

        async def note_and_raise(command: dict[str, Any]) -> dict[str, Any] | None:
            self.raise_framed_at = time.perf_counter()
            self.raised.set()
            return await lift(command)

        client.on("LowerLock", note_and_lower)
        client.on("RaiseLock", note_and_raise)
        await client.start()
        await asyncio.wait_for(client.connected.wait(), PATIENCE_S)
        return lock

    # ── What nothing of ours can be faster than ──────────────────────────────────────────────
    def _bare(self, lock: Lock, wire: Wire) -> dict[str, float]:
        """An empty HTTP answer, one row's commit, a websocket's ping: medians in ms."""
        address = f"{self.url.replace('http', 'ws', 1)}/devices/{LOCK}"
        ping_ms = wire.do(self._ping_ms(address, lock.client.key), PATIENCE_S)
        return {
            "http": median(timed_ms(lambda: self._ask("GET", reverse("core.alive")), self.repeats)),
            "commit": median(timed_ms(commit, self.repeats)),
            "websocket": ping_ms,
        }

    async def _ping_ms(self, address: str, key: str) -> float:
        async with websockets.connect(
            address,
            subprotocols=[websockets.Subprotocol("bowei.1")],
            compression=None,
            additional_headers={"Authorization": f"Bearer {key}"},
            proxy=None,
        ) as line:
            times = []
            for _again in range(self.repeats):
                begin = time.perf_counter()
                await (await line.ping())
                times.append((time.perf_counter() - begin) * 1000)
            return median(times)

    # ── Helpers ──────────────────────────────────────────────────────────────────────────────
    def _until(self, what: str, look: Callable[[], Any]) -> None:
        """Wait for it, running reactions where no dispatcher does."""

        def there() -> bool:
            if not self.dispatched:
                outbox.run_pending()
            return bool(look())

        if not wait_until(there, timeout_s=PATIENCE_S, every_s=0.01):
            raise CommandError(f"Not seen within {PATIENCE_S:.0f} s: {what}.")

    def _spent_s(self) -> float:
        """Processor time that the servers and processes of the run have spent so far."""
        spent_s = 0.0
        for process in self.processes:
            for one in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = one.cpu_times()
                    spent_s += times.user + times.system
        return spent_s


def processes_of_the_run() -> list[psutil.Process]:
    """What the supervisor of this run has started, servers and processes."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == os.environ.get("BOWEI_DATA"):
                found.append(process)
    known = {process.pid for process in found}
    return [process for process in found if process.ppid() not in known]


def _quiet() -> bool:
    """Whether every reaction to what happened so far was run."""
    return not OutboxDelivery.objects.filter(state=OutboxDelivery.State.PENDING).exists()


def kept() -> str:
    """The hash of a photograph that nobody has kept before."""
    data = BytesIO()
    Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3)).save(data, "PNG")
    return images.keep(data.getvalue(), by=ACTOR)


def commit() -> None:
    """One row, one transaction, written to the disk."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('UPDATE core_clocksetting SET "offset" = "offset"')


def timed_ms(work: Callable[[], Any], count: int) -> list[float]:
    times = []
    for _again in range(count):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1000)
    return times
