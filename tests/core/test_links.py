"""Links end, and name nothing to who reads them."""

import base64
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from arrears.models import Demand
from core import links, logs
from core.errors import LinkEnded, Missing
from payments import selectors as payments
from payments.models import Order

TABLE = Path(__file__).resolve().parents[2] / "docs" / "links.md"


def test_who_reads_a_link_learns_no_number(db: None) -> None:
    token = links.sign("parking.stay", id=4711, of="abc")
    sealed = token.partition(":")[0].rpartition(".")[2]
    assert b"4711" not in base64.urlsafe_b64decode(sealed)
    assert links.read("parking.stay", token, max_age_s=60) == {"id": 4711, "of": "abc"}
    assert re.fullmatch(r"[\w:.=-]+", token)


def test_an_old_link_says_that_it_has_ended_and_what_to_do(client: Client, db: None) -> None:
    token = links.sign("x", id=1)
    with pytest.raises(LinkEnded):
        links.read("x", token, max_age_s=-1)
    with pytest.raises(Missing):
        links.read("y", token, max_age_s=60)


def test_an_orders_link_ends(db: None, clock: Any) -> None:
    order = Order.objects.create(
        number="20260302090000000001",
        title="x",
        amount_fen=100,
        expires_at=clock.now(),
        created_at=clock.now(),
    )
    clock.advance(timedelta(days=13))
    assert payments.order_by_token(order.token) == order
    clock.advance(timedelta(days=2))
    with pytest.raises(LinkEnded):
        payments.order_by_token(order.token)
    Order.objects.filter(pk=order.pk).update(paid_at=clock.now(), state=Order.State.PAID)
    clock.advance(timedelta(days=89))
    payments.order_by_token(order.token)
    clock.advance(timedelta(days=2))
    with pytest.raises(LinkEnded):
        payments.order_by_token(order.token)


def test_no_page_tells_its_address_to_others(client: Client, db: None) -> None:
    assert client.get("/real/")["Referrer-Policy"] == "strict-origin"


def test_every_address_with_a_token_has_its_line_and_is_cut_in_logs() -> None:
    from django.urls import get_resolver

    told = TABLE.read_text()

    def walk(patterns: Any, before: str = "") -> Any:
        for one in patterns:
            path = before + str(one.pattern)
            if hasattr(one, "url_patterns"):
                yield from walk(one.url_patterns, path)
            else:
                yield path

    paths = {path for path in walk(get_resolver().url_patterns) if "token>" in path}
    assert len(paths) > 15
    token = links.sign("x", id=1)
    random = Demand._meta.get_field("token").get_default()
    for path in sorted(paths):
        shape = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", path).replace("^", "")
        assert f"`/{shape}`" in told, shape
        for secret in (token, random):
            line = f"GET /{shape.replace('<token>', secret)} 200"
            assert secret not in logs.discreet(line)
