"""How long a lot waits for the answer to its question (P4.6: p99 under 20 ms)."""

import json
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median, quantiles
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from core import clock, personal
from monthlycard import selectors
from monthlycard.models import (
    Card,
    CardVehicle,
    LotSystem,
    Plan,
    PlanVersion,
    Question,
    RecordCursor,
)
from monthlycard.rules import signing
from monthlycard.services import version_of
from monthlycard.states import CardState

PLAN = "benchmark"
PHONE = "19900000000"


class Command(BaseCommand):
    help = (
        "Ask a lot system's question many times, in one process, on cards seeded for it and taken "
        "away again; prints median and p99 in ms, and the ratio to a plain SELECT of the same run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--questions", type=int, default=1000)
        parser.add_argument("--cards", type=int, default=20000)
        parser.add_argument("--lot", default="", help="code of the lot that asks; else the first")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--plan", action="store_true", help="show the query's plan too")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("A benchmark does not belong into production.")
        rows = LotSystem.objects.order_by("pk")
        lot = (rows.filter(code=options["lot"]) if options["lot"] else rows).first()
        if lot is None:
            raise CommandError("There is no such lot system: add one with add_lot_system.")
        forget()
        try:
            plates = seed(lot, options["cards"])
            found = measure(lot, plates, options["questions"])
            plan = explain(plates[0]) if options["plan"] else ""
        finally:
            forget()
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        self.stdout.write(
            f"{found['questions']} questions over {found['cards']} cards: median "
            f"{found['median_ms']} ms, p99 {found['p99_ms']} ms; a plain SELECT "
            f"{found['select_ms']} ms, {found['own_ms']} ms of a processor each "
            f"(ratio of the medians {found['ratio']})"
        )
        if plan:
            self.stdout.write(plan)


@transaction.atomic
def seed(lot: LotSystem, count: int) -> list[str]:
    """So many valid cards for this lot; their plates."""
    owner = accounts.owner_by_phone(PHONE)
    plan = Plan.objects.create(
        merchant_id=lot.merchant_id, code=PLAN, name=PLAN, price_fen=1, on_sale=False
    )
    now = clock.now()
    plates = [f"沪{'ABCDEFGHJK'[n % 10]}{n:05d}" for n in range(count)]
    terms = version_of(plan)
    cards = Card.objects.bulk_create(
        [
            Card(
                number=f"B{n:011d}",
                user=owner,
                plan=plan,
                terms=terms,
                plate_text=plate,
                plate_colour="blue",
                state=CardState.ACTIVE,
                applied_at=now,
                valid_from=now,
                valid_until=now + timedelta(days=30),
                expires_at=now + timedelta(days=30),
            )
            for n, plate in enumerate(plates)
        ],
        batch_size=2000,
    )
    RecordCursor.objects.get_or_create(pk=1)
    cursor = RecordCursor.objects.select_for_update(no_key=True).get(pk=1)
    CardVehicle.objects.bulk_create(
        [
            CardVehicle(
                card=card,
                cursor=cursor.value + n,
                version=1,
                plate_text=card.plate_text,
                plate_colour="blue",
                lots=[lot.code],
                told=[],
                valid_from=now,
                valid_until=now + timedelta(days=30),
                state=CardState.ACTIVE,
                made_at=now,
            )
            for n, card in enumerate(cards, start=1)
        ],
        batch_size=2000,
    )
    cursor.value += count
    cursor.save(update_fields=["value"])
    return plates


def forget() -> None:
    """Take away what a run has made."""
    cards = Card.objects.filter(plan__code=PLAN)
    Question.objects.filter(card__in=cards).delete()
    CardVehicle.objects.filter(card__in=cards).delete()
    cards.delete()
    PlanVersion.objects.filter(plan__code=PLAN).delete()
    Plan.objects.filter(code=PLAN).delete()


def measure(lot: LotSystem, plates: list[str], count: int) -> dict[str, Any]:
    """Milliseconds of the whole request, middleware, signature and commit included.

    `own_ms` is what this process computed for one: the rest is waiting, on a busy machine mostly
    for a processor.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE monthlycard_card, monthlycard_cardvehicle")
    client, secret = Client(SERVER_NAME="localhost"), personal.unseal(lot.secret_sealed)
    asked = [plates[secrets.randbelow(len(plates))] for _ in range(count)]
    for plate in asked[:20]:
        ask(client, lot, secret, plate)
    begin = time.process_time()
    times_ms = [timed_ms(lambda plate=plate: ask(client, lot, secret, plate)) for plate in asked]
    own_ms = (time.process_time() - begin) * 1000 / count
    select_ms = [timed_ms(lambda plate=plate: plain(plate)) for plate in asked]
    return {
        "questions": count,
        "cards": len(plates),
        "median_ms": round(median(times_ms), 2),
        "p99_ms": round(quantiles(times_ms, n=100)[98], 2),
        "own_ms": round(own_ms, 2),
        "select_ms": round(median(select_ms), 3),
        "ratio": round(median(times_ms) / median(select_ms), 1),
    }


def timed_ms(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def plain(plate: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM monthlycard_cardvehicle WHERE plate_text = %s", [plate])
        cursor.fetchall()


def ask(client: Client, lot: LotSystem, secret: str, plate: str) -> None:
    """One signed question through the whole application. Raises CommandError for no answer."""
    path, nonce, now = reverse("monthlycard.questions"), secrets.token_urlsafe(12), time.time()
    body = json.dumps(
        {
            "request_id": f"bench-{nonce}",
            "direction": "entry",
            "plate": plate,
            "colour": "blue",
            "at": clock.now().isoformat(),
            "own_list": True,
        }
    ).encode()
    signature = signing.sign_request(
        secret, method="POST", path=path, time=str(int(now * 1000)), nonce=nonce, body=body
    )
    answer = client.post(
        path,
        body,
        content_type="application/json",
        headers={
            signing.LOT: lot.code,
            signing.TIME: str(int(now * 1000)),
            signing.NONCE: nonce,
            signing.SIGNATURE: signature,
        },
    )
    if answer.status_code != 200 or answer.json()["admit"] != "card":
        raise CommandError(f"{answer.status_code}: {answer.content[:200]!r}")


def explain(plate: str) -> str:
    """PostgreSQL's plan of the question's own query."""
    return selectors.newest_records(plate).explain(analyze=True)
